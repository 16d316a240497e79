using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Landing;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>QEMU's copy-on-write format.</summary>
public sealed class Qcow2Format : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "qcow2";

    /// <inheritdoc/>
    public string Extension => ".qcow2";

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => head.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(head) == Qcow2Header.Magic;

    /// <inheritdoc/>
    public IReadOnlyList<string> FileExtensions => [".qcow2", ".qcow2c", ".qcow"];

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request) => Qcow2Image.Open(request);

    /// <inheritdoc/>
    public ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Qcow2Check.Run(request, cancellationToken);
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        return new Qcow2Writer(file, length, options);
    }

    /// <inheritdoc/>
    public ILandingImage CreateLanding(ILandingFile file, long length)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new Qcow2Landing(file, length);
    }
}
