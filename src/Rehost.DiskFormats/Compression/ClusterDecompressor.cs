using System.Collections.Concurrent;
using System.IO.Compression;

namespace Rehost.DiskFormats.Compression;

/// <summary>Decompresses independent pieces, from any number of threads.</summary>
internal sealed class ClusterDecompressor(ImageCompression compression) : IDisposable
{
    private readonly ConcurrentBag<ZstdLibrary.DecompressionContext> _idle = [];

    /// <summary>Fills the whole output; false when the input is damaged. Never writes more, whatever the input claims.</summary>
    public bool TryDecompress(byte[] input, int length, Span<byte> output)
        => compression == ImageCompression.Zstd ? TryZstd(input.AsSpan(0, length), output) : TryDeflate(input, length, output);

    public void Dispose()
    {
        while (_idle.TryTake(out var context))
        {
            context.Dispose();
        }
    }

    private static bool TryDeflate(byte[] input, int length, Span<byte> output)
    {
        try
        {
            using var stream = new DeflateStream(new MemoryStream(input, 0, length, writable: false), CompressionMode.Decompress);
            return stream.ReadAtLeast(output, output.Length, throwOnEndOfStream: false) == output.Length;
        }
        catch (InvalidDataException)
        {
            return false;
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
