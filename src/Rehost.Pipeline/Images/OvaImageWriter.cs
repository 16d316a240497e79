using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>One disk as an OVA of its own.</summary>
internal sealed class OvaImageWriter : IImageWriter
{
    private readonly OvaWriter _archive;
    private readonly IImageWriter _disk;

    /// <summary>Starts an archive.</summary>
    /// <param name="file">Where it goes.</param>
    /// <param name="length">Size of the disk.</param>
    /// <param name="name">Name of the machine.</param>
    /// <exception cref="DiagnosticException">The disk cannot be written (DSK003).</exception>
    public OvaImageWriter(IImageFile file, long length, string name)
    {
        _archive = new OvaWriter(file, OvfImageMachine.Of(name, length), new OvfWriterOptions());
        _disk = _archive.BeginDisk(length);
    }

    public long Length => _disk.Length;

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => _disk.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => _disk.WriteZeros(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _disk.Complete(cancellationToken);
        _archive.Complete(cancellationToken);
    }

    public void Dispose() => _archive.Dispose();
}
