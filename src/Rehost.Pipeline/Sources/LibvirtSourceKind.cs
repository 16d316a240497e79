using Rehost.Blocks;
using Rehost.Hypervisors.Kvm;
using Rehost.Model;

namespace Rehost.Pipeline.Sources;

/// <summary>A domain of libvirt, KVM's or Xen's, as <c>virsh dumpxml</c> prints it, with disks in files or block devices (S1.2, S2.1).</summary>
internal sealed class LibvirtSourceKind : ISourceKind
{
    public string Name => "libvirt";

    public bool Identify(string path, ReadOnlySpan<byte> head)
        => !head.Contains((byte)0) && head.TrimStart("\uFEFF \t\r\n"u8).StartsWith("<"u8) && head.IndexOf("<domain"u8) >= 0;

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var machine = LibvirtDomainReader.Open(request.Path).Machine;
        if (machine.Disks.IsEmpty)
        {
            throw PipelineDiagnostics.UnknownSource.ToException("the domain has no disk in a file or block device", request.Path);
        }

        var disks = new List<IBlockDevice>();
        var files = new List<SourceFile> { SourceFile.Of(request.Path) };
        var findings = new List<Diagnostic>();
        try
        {
            foreach (var disk in machine.Disks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var path = disk.Path ?? throw PipelineDiagnostics.UnknownSource.ToException($"the disk {disk.DeviceName} is neither a file nor a block device", request.Path);
                disks.Add(SourceDisk.Open(path, disk.Format, request, files, findings).Disk);
            }

            machine = machine with { Disks = [.. machine.Disks.Select((disk, index) => disk with { LengthBytes = disks[index].Length })] };
            return new OpenSource(Name, machine, [.. disks], [.. files], [.. findings]);
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }
}
