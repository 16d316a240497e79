using Rehost.Blocks;

namespace Rehost.DiskFormats.Raw;

/// <summary>A disk byte for byte.</summary>
public sealed class RawFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "raw";

    /// <inheritdoc/>
    public string Extension => ".raw";

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <inheritdoc/>
    public bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail) => true;

    /// <inheritdoc/>
    public IBlockDevice Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.File;
    }

    /// <inheritdoc/>
    public IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        return options.Compression == ImageCompression.None
            ? new RawWriter(file, length)
            : throw DiskFormatDiagnostics.CannotWrite.ToException("a raw disk cannot be compressed", file.Name);
    }
}
