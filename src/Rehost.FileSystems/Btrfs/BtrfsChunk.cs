using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Rehost.FileSystems.Btrfs;

/// <summary>How a chunk lies on its devices (BTRFS_BLOCK_GROUP_*).</summary>
[Flags]
internal enum BtrfsProfile : ulong
{
    Data = 1,
    System = 2,
    Metadata = 4,
    Raid0 = 8,
    Raid1 = 16,
    Duplicate = 32,
    Raid10 = 64,
    Raid5 = 128,
    Raid6 = 256,
    Raid1C3 = 512,
    Raid1C4 = 1024,
    Mirrors = Raid1 | Duplicate | Raid1C3 | Raid1C4,
    Layouts = Raid0 | Raid1 | Duplicate | Raid10 | Raid5 | Raid6 | Raid1C3 | Raid1C4,
}

/// <summary>One stripe of a chunk: a place on a device.</summary>
internal readonly record struct BtrfsStripe(ulong DeviceId, ulong Offset);

/// <summary>A chunk: a range of logical addresses and where it lies (struct btrfs_chunk).</summary>
internal sealed class BtrfsChunk
{
    private const int HeaderSize = 48;
    private const int StripeSize = 32;
    private const ulong StripeLength = 64 * 1024;

    /// <summary>2 EiB: sums of a few such addresses still fit.</summary>
    private const ulong LargestAddress = 1UL << 61;

    private readonly int _subStripes;

    private BtrfsChunk(ulong start, ulong length, BtrfsProfile profile, int subStripes, ImmutableArray<BtrfsStripe> stripes)
    {
        Start = start;
        Length = length;
        Profile = profile;
        _subStripes = subStripes;
        Stripes = stripes;
    }

    public ulong Start { get; }

    public ulong Length { get; }

    public ulong End => Start + Length;

    public BtrfsProfile Profile { get; }

    public ImmutableArray<BtrfsStripe> Stripes { get; }

    /// <summary>Copies of each byte.</summary>
    public int Copies => (Profile & BtrfsProfile.Mirrors) != 0 ? Stripes.Length : (Profile & BtrfsProfile.Raid10) != 0 ? _subStripes : 1;

    /// <summary>Bytes that each stripe takes on its device.</summary>
    public ulong StripeBytes => (Profile & BtrfsProfile.Layouts) switch
    {
        BtrfsProfile.Raid0 => Length / (ulong)Stripes.Length,
        BtrfsProfile.Raid10 => Length / (ulong)(Stripes.Length / _subStripes),
        BtrfsProfile.Raid5 => Length / (ulong)(Stripes.Length - 1),
        BtrfsProfile.Raid6 => Length / (ulong)(Stripes.Length - 2),
        _ => Length,
    };

    /// <summary>Reads an item; returns the bytes that it takes.</summary>
    /// <param name="start">Its key's offset: the logical address.</param>
    /// <param name="item">Starts with the item; may be longer.</param>
    /// <param name="chunk">The chunk.</param>
    public static int Parse(ulong start, ReadOnlySpan<byte> item, out BtrfsChunk chunk)
    {
        if (item.Length < HeaderSize + StripeSize)
        {
            throw BtrfsDiagnostics.BadChunk.ToException($"the chunk at {start} has {item.Length} bytes");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(item);
        var stripeLength = BinaryPrimitives.ReadUInt64LittleEndian(item[16..]);
        var profile = (BtrfsProfile)BinaryPrimitives.ReadUInt64LittleEndian(item[24..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(item[44..]);
        int subStripes = BinaryPrimitives.ReadUInt16LittleEndian(item[46..]);
        var size = HeaderSize + (count * StripeSize);
        var isCountRight = (profile & BtrfsProfile.Layouts) switch
        {
            0 => count == 1,
            BtrfsProfile.Raid0 => count >= 1,
            BtrfsProfile.Raid1 or BtrfsProfile.Duplicate => count == 2,
            BtrfsProfile.Raid1C3 => count == 3,
            BtrfsProfile.Raid1C4 => count == 4,
            BtrfsProfile.Raid10 => subStripes == 2 && count >= 2 && count % 2 == 0,
            BtrfsProfile.Raid5 => count >= 2,
            BtrfsProfile.Raid6 => count >= 3,
            _ => false,
        };
        if (!isCountRight || item.Length < size || length == 0 || length % 4096 != 0 || stripeLength != StripeLength)
        {
            throw BtrfsDiagnostics.BadChunk.ToException($"the chunk at {start} has {length} bytes, profile 0x{(ulong)profile:x}, {count} stripes of {stripeLength} bytes");
        }

        if (length > LargestAddress || start > LargestAddress)
        {
            throw BtrfsDiagnostics.BadChunk.ToException($"the chunk at {start} has {length} bytes");
        }

        var stripes = ImmutableArray.CreateBuilder<BtrfsStripe>(count);
        for (var at = HeaderSize; at < size; at += StripeSize)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(item[(at + 8)..]) > LargestAddress)
            {
                throw BtrfsDiagnostics.BadChunk.ToException($"a stripe of the chunk at {start} lies at {BinaryPrimitives.ReadUInt64LittleEndian(item[(at + 8)..])}");
            }

            stripes.Add(new BtrfsStripe(BinaryPrimitives.ReadUInt64LittleEndian(item[at..]), BinaryPrimitives.ReadUInt64LittleEndian(item[(at + 8)..])));
        }

        chunk = new BtrfsChunk(start, length, profile, subStripes, stripes.MoveToImmutable());
        return size;
    }

    /// <summary>Where a byte lies, and how many follow it there.</summary>
    /// <param name="logical">Address within the chunk.</param>
    /// <param name="copy">Which copy, from 0 to <see cref="Copies"/> - 1.</param>
    public (BtrfsStripe Place, ulong Contiguous) Locate(ulong logical, int copy)
    {
        var within = logical - Start;
        var layout = Profile & BtrfsProfile.Layouts;
        if (layout == 0 || (layout & BtrfsProfile.Mirrors) != 0)
        {
            var stripe = Stripes[copy];
            return (stripe with { Offset = checked(stripe.Offset + within) }, Length - within);
        }

        var (number, inStripe) = (within / StripeLength, within % StripeLength);
        var (index, row) = layout switch
        {
            BtrfsProfile.Raid0 => Split(number, Stripes.Length),
            BtrfsProfile.Raid10 => Split(number, Stripes.Length / _subStripes) is var (group, line) ? ((group * _subStripes) + copy, line) : default,
            _ => Rotate(number, Stripes.Length - (layout == BtrfsProfile.Raid5 ? 1 : 2)),
        };
        var place = Stripes[index];
        return (place with { Offset = checked(place.Offset + (row * StripeLength) + inStripe) }, Math.Min(StripeLength - inStripe, Length - within));
    }

    /// <summary>The logical addresses of a range of one stripe: one range, or one for each piece of 64 KiB where the chunk is striped.</summary>
    public IEnumerable<(ulong Start, ulong End)> ToLogical(int stripe, ulong from, ulong to)
    {
        var layout = Profile & BtrfsProfile.Layouts;
        if (layout == 0 || (layout & BtrfsProfile.Mirrors) != 0)
        {
            yield return (Start + from, Start + to);
            yield break;
        }

        var (index, columns) = layout == BtrfsProfile.Raid10 ? (stripe / _subStripes, Stripes.Length / _subStripes) : (stripe, Stripes.Length);
        for (var row = from / StripeLength; row * StripeLength < to; row++)
        {
            var start = Start + (((row * (ulong)columns) + (ulong)index) * StripeLength);
            yield return (start, start + StripeLength);
        }
    }

    private static (int Index, ulong Row) Split(ulong number, int count) => ((int)(number % (ulong)count), number / (ulong)count);

    /// <summary>RAID5 and 6: each row starts one device later than the row before.</summary>
    private (int Index, ulong Row) Rotate(ulong number, int dataStripes)
    {
        var (index, row) = Split(number, dataStripes);
        return ((int)(((ulong)index + row) % (ulong)Stripes.Length), row);
    }
}
