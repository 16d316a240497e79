using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>The bitmaps of the blocks used last, a fixed number of them. A bitmap never changes after it was read, so readers need no lock.</summary>
/// <param name="file">The file.</param>
/// <param name="bytes">Bytes of a bitmap.</param>
/// <param name="isReversed">Whether bits count from the lowest: VHDX, and tapdisk's first version.</param>
internal sealed class SectorBitmapCache(IBlockDevice file, int bytes, bool isReversed)
{
    private static readonly ImmutableArray<byte> Reversed = [.. Enumerable.Range(0, 256).Select(Reverse)];
    private readonly SectorBitmap?[] _slots = new SectorBitmap?[Math.Clamp((1 << 20) / bytes, 4, 256)];

    /// <summary>The bitmap of a block, which lies in the file: the caller has checked.</summary>
    public SectorBitmap Get(long block, long offset)
    {
        ref var slot = ref _slots[block % _slots.Length];
        var bitmap = Volatile.Read(ref slot);
        if (bitmap is null || bitmap.Block != block)
        {
            var bits = new byte[bytes];
            file.Read(new GuestOffset(offset), bits);
            for (var i = 0; isReversed && i < bits.Length; i++)
            {
                bits[i] = Reversed[bits[i]];
            }

            bitmap = new SectorBitmap(block, bits);
            Volatile.Write(ref slot, bitmap);
        }

        return bitmap;
    }

    private static byte Reverse(int value)
    {
        var reversed = 0;
        for (var bit = 0; bit < 8; bit++)
        {
            reversed |= ((value >> bit) & 1) << (7 - bit);
        }

        return (byte)reversed;
    }
}
