using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Bare LZO1X blocks, as file systems store them: without lzop's container.</summary>
public static class Lzo1x
{
    /// <summary>Decodes one block that ends with its end mark.</summary>
    /// <param name="block">The compressed bytes, no more and no less.</param>
    /// <param name="output">Where to.</param>
    /// <param name="limit">The most that is written to the output.</param>
    /// <param name="where">What to call the data in messages.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="DiagnosticException">The block is damaged, or holds more than the limit.</exception>
    public static int Decode(ReadOnlySpan<byte> block, byte[] output, int limit, string? where)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, output.Length);
        return Lzo1xBlock.Decode(block, output, limit, new CompressedInput(ReadOnlyMemory<byte>.Empty, where));
    }
}
