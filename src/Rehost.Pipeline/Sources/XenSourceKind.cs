using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Xen;

namespace Rehost.Pipeline.Sources;

/// <summary>An xl or xm configuration with disks in files or block devices.</summary>
internal sealed class XenSourceKind : ISourceKind
{
    public string Name => "xen";

    // A configuration is text; a disk image has NUL bytes in its first kilobytes.
    public bool Identify(string path, ReadOnlySpan<byte> head) => !head.Contains((byte)0) && head.IndexOf("="u8) >= 0;

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var source = XenSource.Open(request.Path);
        var disks = new List<IBlockDevice>();
        try
        {
            foreach (var disk in source.Disks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                disks.Add(KnownDiskFormats.ByName(disk.Format).Open(new DiskOpenRequest(FileDevice.OpenRead(disk.HostPath), disk.HostPath)));
            }

            var machine = source.Machine with
            {
                Disks = [.. source.Machine.Disks.Select((disk, index) => disk with { LengthBytes = disks[index].Length })],
            };
            return new OpenSource(Name, machine, [.. disks], [SourceFile.Of(request.Path), .. source.Disks.Select(disk => SourceFile.Of(disk.HostPath))], source.Findings);
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }
}
