using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs;

/// <summary>xfs_bmbt_rec: 128 bits of flag, place in the file, place on the device and length, in blocks.</summary>
internal readonly record struct XfsExtent(ulong FileBlock, ulong Block, ulong Count, bool IsUnwritten)
{
    public const int Size = 16;

    public ulong End => FileBlock + Count;

    public static XfsExtent Read(ReadOnlySpan<byte> record)
    {
        var (high, low) = (BinaryPrimitives.ReadUInt64BigEndian(record), BinaryPrimitives.ReadUInt64BigEndian(record[8..]));
        return new XfsExtent((high & 0x7FFF_FFFF_FFFF_FFFF) >> 9, ((high & 0x1FF) << 43) | (low >> 21), low & 0x1F_FFFF, (high >> 63) != 0);
    }
}
