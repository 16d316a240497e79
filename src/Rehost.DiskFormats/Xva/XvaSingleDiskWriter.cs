using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>One disk as an XVA of its own: importing it makes a halted machine that has this disk and little else.</summary>
internal sealed class XvaSingleDiskWriter : IImageWriter
{
    private readonly XvaWriter _archive;
    private readonly IImageWriter _disk;

    private XvaSingleDiskWriter(XvaWriter archive, IImageWriter disk)
    {
        _archive = archive;
        _disk = disk;
    }

    public long Length => _disk.Length;

    public static XvaSingleDiskWriter Create(IImageFile file, long length, ImageWriterOptions options)
    {
        if (options.SubFormat is not (null or "sha1" or "xxhash") || options.UnitBytes is not (null or XvaWriter.ChunkSize) || options.Preallocation != ImagePreallocation.None)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("an XVA has chunks of 1 MiB with sha1 or xxhash checksums and allocates nothing ahead", file.Name);
        }

        var machine = new VirtualMachine
        {
            Name = options.IdentitySeed.Length > 0 ? options.IdentitySeed : "disk",
            Hypervisor = Hypervisor.XenServer,
            Mode = VirtualizationMode.Hardware,
            Firmware = Firmware.Bios,
            MemoryBytes = 1L << 30,
            Disks = [new VirtualDisk { Id = "xvda", DeviceName = "xvda", LengthBytes = length, IsBootable = true }],
        };
        var description = OvaXmlWriter.Describe(machine);
        var archive = new XvaWriter(file, new XvaWriterOptions { Compression = options.Compression, UseSha1 = options.SubFormat == "sha1" });
        try
        {
            archive.WriteDescription(description.Xml.Span);
            return new XvaSingleDiskWriter(archive, archive.BeginDisk(description.DiskIds[0], length));
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => _disk.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => _disk.WriteZeros(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _disk.Complete(cancellationToken);
        _archive.Complete(cancellationToken);
    }

    public void Dispose() => _archive.Dispose();
}
