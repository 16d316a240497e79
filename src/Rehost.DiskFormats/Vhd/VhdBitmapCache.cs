using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vhd;

/// <summary>The bitmaps of the blocks used last, a fixed number of them. A bitmap never changes after it was read, so readers need no lock.</summary>
internal sealed class VhdBitmapCache(IBlockDevice file, int bytes, bool isReversed)
{
    private static readonly ImmutableArray<byte> Reversed = [.. Enumerable.Range(0, 256).Select(Reverse)];
    private readonly VhdBitmap?[] _slots = new VhdBitmap?[Math.Clamp((1 << 20) / bytes, 4, 256)];

    /// <summary>The bitmap of a block, which lies in the file: the caller has checked.</summary>
    public VhdBitmap Get(long block, long offset)
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

            bitmap = new VhdBitmap(block, bits);
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

/// <summary>Which sectors of a block are present, from the highest bit of the first byte on.</summary>
/// <param name="Block">The block.</param>
/// <param name="Bits">The bits.</param>
internal sealed record VhdBitmap(long Block, byte[] Bits)
{
    public bool this[int sector] => (Bits[sector / 8] & (0x80 >> (sector % 8))) != 0;

    /// <summary>The first sector from <paramref name="sector"/> on that differs from it; <paramref name="limit"/> for none before that.</summary>
    public int EndOfRun(int sector, int limit)
    {
        var value = this[sector];
        for (sector++; sector < limit; sector++)
        {
            if (sector % 8 == 0)
            {
                var same = Bits.AsSpan(sector / 8).IndexOfAnyExcept(value ? (byte)0xff : (byte)0);
                if (same < 0)
                {
                    return limit;
                }

                sector += same * 8;
                if (sector >= limit)
                {
                    return limit;
                }
            }

            if (this[sector] != value)
            {
                return sector;
            }
        }

        return limit;
    }
}
