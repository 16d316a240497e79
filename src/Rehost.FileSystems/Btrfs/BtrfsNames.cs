using System.Buffers.Binary;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Names in a tree of files: each stands by its hash and by its number in the directory, and with the inode that it leads to. Extended attributes are stored alike.</summary>
internal sealed class BtrfsNames(BtrfsChangedTree tree, ulong generation, bool hasExtendedReferences)
{
    private const int HeaderSize = 30;
    private const ulong FirstIndex = 2;
    private const byte AttributeType = 8;

    /// <summary>Adds a name to a directory, whose size the caller adds to.</summary>
    public void Add(ulong directory, byte[] name, ulong inode, byte type)
    {
        var index = NextIndex(directory);
        var entry = ToEntry(new BtrfsKey(inode, BtrfsKey.InodeItem, 0), type, name, []);
        Append(new BtrfsKey(directory, BtrfsKey.DirItem, HashOf(name)), entry, name);
        tree.Put(new BtrfsKey(directory, BtrfsKey.DirIndex, index), entry);
        AddReference(inode, directory, index, name);
    }

    /// <summary>Removes a name from a directory.</summary>
    public void Remove(ulong directory, byte[] name, ulong inode)
    {
        var index = RemoveReference(inode, directory, name);
        if (!Cut(new BtrfsKey(directory, BtrfsKey.DirItem, HashOf(name)), name) || !Cut(new BtrfsKey(directory, BtrfsKey.DirIndex, index), name))
        {
            throw BtrfsDiagnostics.BadItem.ToException($"the name '{GuestText.Decode(name)}' of inode {inode} stands in directory {directory} in part only");
        }
    }

    /// <summary>Whether a directory has any entry.</summary>
    public bool IsEmpty(ulong directory) => !tree.Reading.Of(directory, BtrfsKey.DirIndex).Any() && !tree.Reading.Of(directory, BtrfsKey.DirItem).Any();

    /// <summary>Sets an attribute, or removes it; false when there was none to remove.</summary>
    public bool SetAttribute(ulong inode, byte[] name, byte[]? value)
    {
        var key = new BtrfsKey(inode, BtrfsKey.XattrItem, HashOf(name));
        var removed = Cut(key, name);
        if (value is not null)
        {
            if (value.Length > ushort.MaxValue)
            {
                throw FileSystemDiagnostics.NoSpace.ToException($"an attribute of {value.Length} bytes has no place in a tree block");
            }

            Append(key, ToEntry(default, AttributeType, name, value), name);
        }

        return removed || value is not null;
    }

    private static ulong HashOf(byte[] name) => Crc32C.Update(0xFFFF_FFFE, name);

    private static ulong ExtendedHashOf(ulong directory, byte[] name) => Crc32C.Update(unchecked((uint)directory), name);

    private byte[] ToEntry(BtrfsKey location, byte type, byte[] name, byte[] value)
    {
        var entry = new byte[HeaderSize + name.Length + value.Length];
        location.Write(entry);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(17), generation);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(25), (ushort)value.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(27), (ushort)name.Length);
        entry[29] = type;
        name.CopyTo(entry.AsSpan(HeaderSize));
        value.CopyTo(entry.AsSpan(HeaderSize + name.Length));
        return entry;
    }

    private ulong NextIndex(ulong directory)
        => tree.Reading.Floor(new BtrfsKey(directory, BtrfsKey.DirIndex, ulong.MaxValue)) is { } last && last.Key.ObjectId == directory && last.Key.Type == BtrfsKey.DirIndex
            ? last.Key.Offset < long.MaxValue ? Math.Max(FirstIndex, last.Key.Offset + 1) : throw BtrfsDiagnostics.BadItem.ToException($"directory {directory} has an entry numbered {last.Key.Offset}")
            : FirstIndex;

    /// <summary>Names whose hashes are equal stand in one item.</summary>
    private void Append(BtrfsKey key, byte[] entry, byte[] name)
    {
        var before = tree.Get(key)?.Data ?? default;
        if (before.Length + entry.Length > tree.LargestItem)
        {
            throw FileSystemDiagnostics.NoSpace.ToException(
                before.Length == 0 ? $"{entry.Length} bytes do not fit into a tree block" : "too many names with the same hash stand in the directory", GuestText.Decode(name));
        }

        tree.Put(key, (byte[])[.. before.Span, .. entry]);
    }

    /// <summary>Takes one name out of an item; false when it is not there.</summary>
    private bool Cut(BtrfsKey key, byte[] name)
    {
        if (tree.Get(key) is not { } item)
        {
            return false;
        }

        var text = GuestText.Decode(name);
        var at = 0;
        foreach (var one in BtrfsName.Parse(item))
        {
            var size = HeaderSize + GuestText.Encode(one.Name).Length + one.Value.Length;
            if (one.Name == text)
            {
                Replace(key, item.Data, at, size);
                return true;
            }

            at += size;
        }

        return false;
    }

    private void Replace(BtrfsKey key, ReadOnlyMemory<byte> data, int at, int size)
    {
        if (size == data.Length)
        {
            tree.Remove(key);
        }
        else
        {
            tree.Put(key, (byte[])[.. data.Span[..at], .. data.Span[(at + size)..]]);
        }
    }

    /// <summary>struct btrfs_inode_ref: number and name; several when a file has several names in one directory. When they fill a leaf, extended references go on.</summary>
    private void AddReference(ulong inode, ulong directory, ulong index, byte[] name)
    {
        var reference = new byte[10 + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(reference, index);
        BinaryPrimitives.WriteUInt16LittleEndian(reference.AsSpan(8), (ushort)name.Length);
        name.CopyTo(reference.AsSpan(10));
        var key = new BtrfsKey(inode, BtrfsKey.InodeRef, directory);
        var before = tree.Get(key)?.Data ?? default;
        if (before.Length + reference.Length <= tree.LargestItem)
        {
            tree.Put(key, (byte[])[.. before.Span, .. reference]);
            return;
        }

        var extendedKey = new BtrfsKey(inode, BtrfsKey.InodeExtref, ExtendedHashOf(directory, name));
        var others = tree.Get(extendedKey)?.Data ?? default;
        var extended = new byte[18 + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(extended, directory);
        reference.CopyTo(extended.AsSpan(8));
        if (!hasExtendedReferences || others.Length + extended.Length > tree.LargestItem)
        {
            throw FileSystemDiagnostics.NoSpace.ToException("the file has more names in the directory than can be stored", GuestText.Decode(name));
        }

        tree.Put(extendedKey, (byte[])[.. others.Span, .. extended]);
    }

    /// <summary>Returns the number that the name had in its directory.</summary>
    private ulong RemoveReference(ulong inode, ulong directory, byte[] name)
        => CutReference(new BtrfsKey(inode, BtrfsKey.InodeRef, directory), directory, name, 0)
        ?? CutReference(new BtrfsKey(inode, BtrfsKey.InodeExtref, ExtendedHashOf(directory, name)), directory, name, 8)
        ?? throw BtrfsDiagnostics.BadItem.ToException($"inode {inode} does not know its name '{GuestText.Decode(name)}' in directory {directory}");

    private ulong? CutReference(BtrfsKey key, ulong directory, byte[] name, int start)
    {
        if (tree.Get(key) is not { } item)
        {
            return null;
        }

        for (var at = 0; at < item.Data.Length;)
        {
            var rest = item.Data.Span[at..];
            if (rest.Length < start + 10 || BinaryPrimitives.ReadUInt16LittleEndian(rest[(start + 8)..]) is var length && length > rest.Length - start - 10)
            {
                throw BtrfsDiagnostics.BadItem.ToException("a reference to a directory leaves its item", $"item {key}");
            }

            var size = start + 10 + BinaryPrimitives.ReadUInt16LittleEndian(rest[(start + 8)..]);
            if (rest[(start + 10)..size].SequenceEqual(name) && (start == 0 || BinaryPrimitives.ReadUInt64LittleEndian(rest) == directory))
            {
                var index = BinaryPrimitives.ReadUInt64LittleEndian(rest[start..]);
                Replace(key, item.Data, at, size);
                return index;
            }

            at += size;
        }

        return null;
    }
}
