using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>One disk on its way into a package: the image's own writer, and what happens when it is complete.</summary>
internal sealed class OvfDiskWriter(IImageWriter image, OvfMemberFile file, Action<OvfMemberFile> completed) : IImageWriter
{
    public long Length => image.Length;

    /// <summary>Whether the image is finished.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Starts the image of a disk.</summary>
    /// <exception cref="DiagnosticException">The format is not known or not written (DSK001, DSK003).</exception>
    public static OvfDiskWriter Start(OvfMemberFile file, VirtualMachine machine, int index, long length, OvfWriterOptions options, Action<OvfMemberFile> completed)
    {
        var disk = machine.Disks[index];
        var image = KnownDiskFormats.ByName(options.DiskFormat).CreateWriter(file, length, new ImageWriterOptions
        {
            SubFormat = options.DiskFormat == "vmdk" ? "streamOptimized" : null,
            IdentitySeed = $"{machine.Name}/{machine.Uuid}/{disk.Id}",
        });
        return new OvfDiskWriter(image, file, completed);
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => image.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => image.WriteZeros(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        image.Complete(cancellationToken);
        IsComplete = true;
        completed(file);
    }

    public void Dispose()
    {
        image.Dispose();
        file.Dispose();
    }
}
