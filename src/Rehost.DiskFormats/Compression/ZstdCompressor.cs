namespace Rehost.DiskFormats.Compression;

/// <summary>One Zstandard frame per piece.</summary>
internal sealed class ZstdCompressor : ClusterCompressor
{
    private readonly ZstdLibrary.CompressionContext _context = ZstdLibrary.CreateCompressionContext();

    public override int Compress(ReadOnlySpan<byte> input, Span<byte> output) => ZstdLibrary.Compress(_context, input, output);

    public override void Dispose() => _context.Dispose();
}
