namespace Rehost.DiskFormats.Compression;

/// <summary>Compresses independent pieces of a few dozen kilobytes. One instance serves one thread at a time and is reused, because setting one up costs more than a piece.</summary>
internal abstract class ClusterCompressor : IDisposable
{
    /// <summary>Makes one.</summary>
    /// <exception cref="Model.DiagnosticException">The library is missing (DSK004).</exception>
    public static ClusterCompressor Create(ImageCompression compression) => compression switch
    {
        ImageCompression.Zlib => new ZlibCompressor(),
        ImageCompression.Zstd => new ZstdCompressor(),
        _ => throw new ArgumentOutOfRangeException(nameof(compression)),
    };

    /// <summary>Compresses; returns the bytes written, or 0 when they do not fit: then the piece is better stored as it is.</summary>
    public abstract int Compress(ReadOnlySpan<byte> input, Span<byte> output);

    /// <inheritdoc/>
    public abstract void Dispose();
}
