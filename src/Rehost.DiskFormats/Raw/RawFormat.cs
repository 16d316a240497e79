using Rehost.Blocks;
using Rehost.DiskFormats.Landing;

namespace Rehost.DiskFormats.Raw;

/// <summary>A disk byte for byte.</summary>
public sealed class RawFormat : IDiskFormat
{
    /// <inheritdoc/>
    public string Name => "raw";

    /// <inheritdoc/>
    public string Extension => ".raw";

    /// <inheritdoc/>
    public IReadOnlyList<string> FileExtensions { get; } = [".raw", ".img"];

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
        var fault = options.Compression != ImageCompression.None ? "a raw disk cannot be compressed"
            : options.SubFormat is { } kind ? $"a raw disk has no kinds such as '{kind}'"
            : options.UnitBytes is not null ? "a raw disk has no clusters"
            : null;
        return fault is null ? new RawWriter(file, length, options.Preallocation) : throw DiskFormatDiagnostics.CannotWrite.ToException(fault, file.Name);
    }

    /// <inheritdoc/>
    public ILandingImage CreateLanding(ILandingFile file, long length)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new RawLanding(file, length);
    }
}
