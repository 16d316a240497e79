using System.Buffers.Binary;

namespace Rehost.DiskFormats.Compression;

/// <summary>
/// Tells cheaply that deflate would not shrink a piece: media files, archives and encrypted data are a good part of most disks, and deflate spends as
/// long on them as on everything else. Deterministic, and careful: when in doubt the piece is compressed.
/// </summary>
internal static class RandomnessProbe
{
    private const int SmallestPiece = 8192; // below, chance alone makes bytes uneven
    private const int SampleEvery = 16384;
    private const int SampleLength = 4096; // the window of qcow2's deflate
    private const int HashBits = 12;

    /// <summary>Whether bytes are spread evenly and sequences do not come again. Even bytes (χ²/n below 0.05) bound what Huffman codes could save to 1 percent.</summary>
    public static bool LooksRandom(ReadOnlySpan<byte> piece) => piece.Length >= SmallestPiece && IsSpreadEvenly(piece) && !Repeats(piece);

    private static bool IsSpreadEvenly(ReadOnlySpan<byte> piece)
    {
        // Four tables, so that equal neighbours do not wait for each other's store.
        Span<int> counts = stackalloc int[1024];
        counts.Clear();
        var words = piece.Length / 4 * 4;
        unchecked
        {
            for (var i = 0; i < words; i += 4)
            {
                var word = BinaryPrimitives.ReadUInt32LittleEndian(piece[i..]);
                counts[(int)(word & 255)]++;
                counts[256 + (int)((word >> 8) & 255)]++;
                counts[512 + (int)((word >> 16) & 255)]++;
                counts[768 + (int)(word >> 24)]++;
            }
        }

        // n · Σp² · 256 is n for even bytes; 256 more is what chance adds.
        var squares = 0.0;
        for (var value = 0; value < 256; value++)
        {
            double count = counts[value] + counts[256 + value] + counts[512 + value] + counts[768 + value];
            squares += count * count;
        }

        return squares * 256 / words <= (words * 1.05) + 256;
    }

    private static bool Repeats(ReadOnlySpan<byte> piece)
    {
        Span<ushort> last = stackalloc ushort[1 << HashBits];
        var (found, tried) = (0, 0);
        for (var start = 0; start + SampleLength <= piece.Length; start += SampleEvery)
        {
            var sample = piece.Slice(start, SampleLength);
            last.Clear();
            for (var i = 0; i + 4 <= sample.Length; i++)
            {
                var word = BinaryPrimitives.ReadUInt32LittleEndian(sample[i..]);
                ref var slot = ref last[(int)(unchecked(word * 0x9E37_79B1u) >> (32 - HashBits))];
                found += slot != 0 && BinaryPrimitives.ReadUInt32LittleEndian(sample[(slot - 1)..]) == word ? 1 : 0;
                slot = (ushort)(i + 1);
            }

            tried += SampleLength;
        }

        return found > tried / 256;
    }
}
