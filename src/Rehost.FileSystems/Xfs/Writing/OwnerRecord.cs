using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>struct xfs_rmap_rec: whose blocks these are. The offset carries flags in its top bits.</summary>
internal readonly record struct OwnerRecord(uint Start, uint Count, ulong Owner, ulong Offset)
{
    internal const int Size = 24;
    internal const ulong AttributeFlag = 1UL << 63;
    internal const ulong TreeFlag = 1UL << 62;
    internal const ulong UnwrittenFlag = 1UL << 61;
    internal const ulong Headers = unchecked((ulong)-3L);
    internal const ulong GroupTrees = unchecked((ulong)-5L);
    internal const ulong InodeTrees = unchecked((ulong)-6L);
    internal const ulong InodeChunks = unchecked((ulong)-7L);
    internal const ulong ReferenceTree = unchecked((ulong)-8L);

    internal uint End => Start + Count;

    private bool HasPlace => (Owner >> 63) == 0 && (Offset & TreeFlag) == 0;

    internal static OwnerRecord Parse(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]));

    internal void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Start);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Count);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Owner);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], Offset);
    }

    internal byte[] ToLowKey() => ToKey(Start, Offset & ~UnwrittenFlag);

    internal byte[] ToHighKey() => ToKey(End - 1, (Offset & ~UnwrittenFlag) + (HasPlace ? Count - 1 : 0));

    /// <summary>The order of the tree: block, owner, place without the flag of unwritten extents.</summary>
    internal (uint Start, ulong Owner, ulong Offset) Order => (Start, Owner, Offset & ~UnwrittenFlag);

    /// <summary>Both as one, when the other follows this one everywhere.</summary>
    internal OwnerRecord? Join(in OwnerRecord next) =>
        Owner == next.Owner && End == next.Start && next.Offset == (HasPlace ? Offset + Count : Offset) && ((Offset ^ next.Offset) >> 61) == 0 ? this with { Count = Count + next.Count } : null;

    /// <summary>What is left before and behind a part that is taken out; null when the part is not in this record.</summary>
    internal (OwnerRecord? Before, OwnerRecord? After)? Without(uint start, uint count, ulong offset)
    {
        if (start < Start || start + count > End || ((Offset ^ offset) >> 61) != 0 || offset != Offset + (HasPlace ? start - Start : 0))
        {
            return null;
        }

        var (before, after) = (start - Start, End - (start + count));
        return (before == 0 ? null : this with { Count = before }, after == 0 ? null : new OwnerRecord(start + count, after, Owner, HasPlace ? offset + count : Offset));
    }

    private byte[] ToKey(uint start, ulong offset)
    {
        var key = new byte[20];
        BinaryPrimitives.WriteUInt32BigEndian(key, start);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(4), Owner);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(12), offset);
        return key;
    }
}
