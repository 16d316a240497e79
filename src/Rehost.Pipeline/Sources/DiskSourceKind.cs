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
        BareDisk[] given = [new BareDisk(request.Path, request.DeviceName), .. request.MoreDisks];
        var disks = new List<IBlockDevice>();
        try
        {
            var described = new List<VirtualDisk>();
            foreach (var (path, name) in given)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var file = FileDevice.OpenRead(path);
                if (file.Length == 0)
                {
                    file.Dispose();
                    throw PipelineDiagnostics.UnknownSource.ToException("the file is empty", path);
                }

                var format = request.DiskFormat is { } declared ? KnownDiskFormats.ByName(declared) : KnownDiskFormats.Identify(file);
                var disk = format.Open(new DiskOpenRequest(file, path));
                disks.Add(disk);
                var device = name ?? $"xvd{(char)('a' + described.Count)}";
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
            return new OpenSource(Name, machine, [.. disks], [.. given.Select(disk => SourceFile.Of(disk.Path))], []);
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }
}
