using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>Bare disk images, described on the command line.</summary>
internal sealed class DiskSourceKind : ISourceKind
{
    public string Name => "disk";

    public bool Identify(string path, ReadOnlySpan<byte> head) => true;

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        string[] paths = [request.Path, .. request.MoreDisks];
        var disks = new List<IBlockDevice>();
        try
        {
            var described = new List<VirtualDisk>();
            foreach (var path in paths)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var file = FileDevice.OpenRead(path);
                if (file.Length == 0)
                {
                    file.Dispose();
                    throw PipelineDiagnostics.UnknownSource.ToException("the file is empty", path);
                }

                var format = request.DiskFormat is { } name ? KnownDiskFormats.ByName(name) : KnownDiskFormats.Identify(file);
                var disk = format.Open(new DiskOpenRequest(file, path));
                disks.Add(disk);
                var device = $"xvd{(char)('a' + described.Count)}";
                described.Add(new VirtualDisk { Id = device, DeviceName = device, LengthBytes = disk.Length, Format = format.Name, Path = Path.GetFullPath(path), IsBootable = described.Count == 0 });
            }

            var machine = new VirtualMachine
            {
                Name = request.Name ?? Path.GetFileNameWithoutExtension(request.Path),
                Hypervisor = Hypervisor.Unknown,
                MemoryBytes = request.MemoryBytes,
                VirtualCpus = request.VirtualCpus,
                Disks = [.. described],
                NetworkAdapters = [.. request.MacAddresses.Select(mac => new NetworkAdapter { MacAddress = mac.ToLowerInvariant() })],
            };
            return new OpenSource(Name, machine, [.. disks], [.. paths.Select(SourceFile.Of)], []);
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }
}
