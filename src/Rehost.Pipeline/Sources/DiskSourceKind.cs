using Rehost.Blocks;
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
        var files = new List<SourceFile>();
        var findings = new List<Diagnostic>();
        try
        {
            var described = new List<VirtualDisk>();
            foreach (var (path, name) in given)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var (disk, format) = SourceDisk.Open(path, request.DiskFormat, request, files, findings);
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
            return new OpenSource(Name, machine, [.. disks], [.. files], [.. findings]);
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }
}
