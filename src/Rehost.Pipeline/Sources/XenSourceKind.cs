using Rehost.Blocks;
using Rehost.Hypervisors.Xen;
using Rehost.Hypervisors.Xen.Dumps;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>An xl or xm configuration, or what a toolstack printed of a guest, with disks in files or block devices.</summary>
internal sealed class XenSourceKind : ISourceKind
{
    private const int LongestMagic = 32;

    public string Name => "xen";

    // A configuration is text; a disk image has NUL bytes in its first kilobytes, or is a descriptor of VMware's.
    public bool Identify(string path, ReadOnlySpan<byte> head)
        => head.Contains((byte)0) ? XenDump.IsSaved(GuestText.Decode(head[..Math.Min(head.Length, LongestMagic)]))
        : head.IndexOf("# Disk DescriptorFile"u8) < 0 && (head.IndexOf("="u8) >= 0 || XenDump.Looks(GuestText.Decode(head)));

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var source = XenSource.Open(request.Path, machine: request.Machine);
        var disks = new List<IBlockDevice>();
        var files = new List<SourceFile> { SourceFile.Of(request.Path) };
        var findings = new List<Diagnostic>(source.Findings);
        try
        {
            foreach (var disk in source.Disks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                disks.Add(SourceDisk.Open(disk.HostPath, disk.Format, request, files, findings).Disk);
            }

            var machine = source.Machine with
            {
                Disks = [.. source.Machine.Disks.Select((disk, index) => disk with { LengthBytes = disks[index].Length })],
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
