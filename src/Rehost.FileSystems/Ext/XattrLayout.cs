using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Lays attributes out in an inode's spare room or in an attribute block, and computes their hashes.</summary>
internal static class XattrLayout
{
    /// <summary>Entries grow from the front and values from the back; false when they meet.</summary>
    /// <param name="region">Where offsets count from.</param>
    /// <param name="first">Where the first entry goes.</param>
    /// <param name="entries">The attributes.</param>
    /// <param name="withHashes">Whether entries get a hash (in blocks) or zero (in inodes, unless the value has an inode of its own).</param>
    internal static bool TryFill(Span<byte> region, int first, IReadOnlyList<XattrEntry> entries, bool withHashes)
    {
        var needed = first + 4;
        foreach (var entry in entries)
        {
            needed += EntrySize(entry) + Padded(entry.Value.Length);
        }

        if (needed > region.Length)
        {
            return false;
        }

        region[first..].Clear();
        var at = first;
        var end = region.Length & ~3;
        foreach (var entry in entries)
        {
            var target = region[at..];
            target[0] = (byte)entry.Name.Length;
            target[1] = entry.Index;
            if (entry.Value.Length > 0)
            {
                end -= Padded(entry.Value.Length);
                entry.Value.CopyTo(region[end..]);
                BinaryPrimitives.WriteUInt16LittleEndian(target[2..], (ushort)end);
            }

            BinaryPrimitives.WriteUInt32LittleEndian(target[4..], entry.ValueInode);
            BinaryPrimitives.WriteUInt32LittleEndian(target[8..], entry.ValueSize);
            var hash = entry.ValueInode != 0 ? entry.Hash : withHashes ? EntryHash(entry.Name, entry.Value) : 0;
            BinaryPrimitives.WriteUInt32LittleEndian(target[12..], hash);
            entry.Name.CopyTo(target[XattrReader.EntryHeaderSize..]);
            at += EntrySize(entry);
        }

        return true;
    }

    /// <summary>The order of entries in a block: prefix, length of name, name.</summary>
    internal static int Compare(XattrEntry left, XattrEntry right) =>
        left.Index != right.Index ? left.Index.CompareTo(right.Index)
        : left.Name.Length != right.Name.Length ? left.Name.Length.CompareTo(right.Name.Length)
        : left.Name.AsSpan().SequenceCompareTo(right.Name);

    /// <summary>e_hash of a value that lies in the block.</summary>
    internal static uint EntryHash(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var hash = NameHash(name);
        Span<byte> word = stackalloc byte[4];
        for (; !value.IsEmpty; value = value[Math.Min(4, value.Length)..])
        {
            word.Clear();
            value[..Math.Min(4, value.Length)].CopyTo(word);
            hash = AddWord(hash, BinaryPrimitives.ReadUInt32LittleEndian(word));
        }

        return hash;
    }

    /// <summary>e_hash of a value that has an inode of its own, from the value's checksum.</summary>
    internal static uint EntryHash(ReadOnlySpan<byte> name, uint valueChecksum) => AddWord(NameHash(name), valueChecksum);

    /// <summary>h_hash of a block: zero, which forbids sharing, when any entry has none.</summary>
    internal static uint BlockHash(ReadOnlySpan<byte> block)
    {
        var hash = 0u;
        for (var at = XattrReader.BlockHeaderSize; at + XattrReader.EntryHeaderSize <= block.Length && BinaryPrimitives.ReadUInt32LittleEndian(block[at..]) != 0;)
        {
            var entry = BinaryPrimitives.ReadUInt32LittleEndian(block[(at + 12)..]);
            if (entry == 0)
            {
                return 0;
            }

            hash = AddWord(hash, entry);
            at += XattrReader.EntryHeaderSize + ((block[at] + 3) & ~3);
        }

        return hash;
    }

    private static uint NameHash(ReadOnlySpan<byte> name)
    {
        var hash = 0u;
        foreach (var character in name)
        {
            hash = (hash << 5) ^ (hash >> 27) ^ character;
        }

        return hash;
    }

    private static uint AddWord(uint hash, uint word) => (hash << 16) ^ (hash >> 16) ^ word;

    private static int EntrySize(XattrEntry entry) => XattrReader.EntryHeaderSize + Padded(entry.Name.Length);

    private static int Padded(int length) => (length + 3) & ~3;
}
