using System.Collections.Concurrent;

namespace Rehost.DiskFormats.Compression;

/// <summary>Decompresses independent pieces, from any number of threads.</summary>
internal sealed class ClusterDecompressor(ImageCompression compression) : IDisposable
{
    private readonly ConcurrentBag<ZstdLibrary.DecompressionContext> _idle = [];

    /// <summary>Fills the whole output; false when the input is damaged. Never writes more, whatever the input claims.</summary>
    public bool TryDecompress(ReadOnlySpan<byte> input, Span<byte> output)
        => compression == ImageCompression.Zstd ? TryZstd(input, output) : DeflateLibrary.Decompress(input, output, hasZlibHeader: false) == output.Length;

    public void Dispose()
    {
        while (_idle.TryTake(out var context))
        {
            context.Dispose();
        }
    }

    private bool TryZstd(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var context = _idle.TryTake(out var idle) ? idle : ZstdLibrary.CreateDecompressionContext();
        var isGood = ZstdLibrary.TryDecompress(context, input, output);
        _idle.Add(context);
        return isGood;
    }
}
