using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Writes all attributes of an inode anew, in the shortest form that holds them: they are few and small, and change seldom.</summary>
internal sealed class AttributeWriter(Store store, Space space)
{
    private const int RemoteHeader = 56;

    /// <summary>What the fork of content keeps at least: the root of a tree with three pointers.</summary>
    private const int LeastData = 56;

    /// <summary>What the fork of attributes keeps at least: the root of a tree with two pointers.</summary>
    private const int LeastAttributes = 40;

    internal void Set(InodeRecord inode, XfsVolume volume, string name, byte[]? value)
    {
        var all = XfsAttributes.Read(volume, inode.ToParsed(store));
        var checkedName = AttributeEntry.Create(name, name.StartsWith("system.", StringComparison.Ordinal) ? value ?? [2, 0, 0, 0] : value ?? []);
        if (value is null)
        {
            if (!all.Remove(name))
            {
                return;
            }
        }
        else
        {
            all[name] = value;
        }

        var entries = all.Select(one => one.Key == name ? checkedName : AttributeEntry.Create(one.Key, one.Value)).ToList();
        Clear(inode, volume);
        Write(inode, volume, entries);
    }

    /// <summary>Frees the blocks of all attributes; the inode has none then, and the same room for them as before.</summary>
    internal void Clear(InodeRecord inode, XfsVolume volume)
    {
        if (inode.ForkOffset == 0)
        {
            return;
        }

        var map = new ForkMap(store, space, volume, inode, isAttribute: true);
        if (map.End > 0)
        {
            map.Free(0, map.End);
        }

        map.Save();
    }

    private void Write(InodeRecord inode, XfsVolume volume, List<AttributeEntry> entries)
    {
        if (entries.Count == 0)
        {
            Resize(inode, volume, 0);
            inode.SetFormat(isAttribute: true, XfsFormat.Extents);
            inode.SetExtentCount(isAttribute: true, 0);
            return;
        }

        store.DeclareAttributes();
        var size = 4 + entries.Sum(entry => 3 + entry.Name.Length + entry.Value.Length);
        if (entries.Count <= byte.MaxValue && entries.All(entry => entry.Value.Length <= byte.MaxValue) && TryMakeRoom(inode, volume, Math.Max(size, LeastAttributes), mayMoveData: false))
        {
            WriteInInode(inode, entries, size);
            return;
        }

        if (!TryMakeRoom(inode, volume, LeastAttributes, mayMoveData: true))
        {
            throw FileSystemDiagnostics.NoSpace.ToException("the inode has no room for its attributes", inode.Where);
        }

        WriteInBlocks(inode, volume, entries);
    }

    /// <summary>Whether the fork of attributes has, or was given, so many bytes.</summary>
    private bool TryMakeRoom(InodeRecord inode, XfsVolume volume, int bytes, bool mayMoveData)
    {
        if (inode.ForkOffset != 0 && inode.GetFork(isAttribute: true).Length >= bytes)
        {
            return true;
        }

        var format = inode.GetFormat(isAttribute: false);
        if (format == XfsFormat.Device)
        {
            return 8 + bytes <= inode.Literal && Resize(inode, volume, 1);
        }

        var needed = format switch
        {
            XfsFormat.Local => (int)inode.Size,
            XfsFormat.Extents => (int)inode.GetExtentCount(isAttribute: false) * XfsExtent.Size,
            _ => 0,
        };
        var offset = (inode.Literal - ((bytes + 7) / 8 * 8)) / 8;
        if (offset * 8 < LeastData || (offset * 8 < needed && !mayMoveData))
        {
            return false;
        }

        return Resize(inode, volume, (byte)offset);
    }

    /// <summary>Moves the border between the forks; content that no longer fits goes to blocks. The fork of attributes is empty.</summary>
    private bool Resize(InodeRecord inode, XfsVolume volume, byte offset)
    {
        if (inode.ForkOffset == offset)
        {
            return true;
        }

        var capacity = offset == 0 ? inode.Literal : offset * 8;
        switch (inode.GetFormat(isAttribute: false))
        {
            case XfsFormat.Local when inode.Size > capacity && inode.IsDirectory:
                var directory = new DirectoryFile(store, space, volume, inode);
                inode.ForkOffset = offset;
                directory.SaveSmall();
                break;
            case XfsFormat.Local when inode.Size > capacity:
                var target = inode.GetFork(isAttribute: false)[..(int)inode.Size].ToArray();
                inode.ForkOffset = offset;
                new LinkWriter(store, space).WriteInBlocks(inode, volume, target);
                break;
            case XfsFormat.Local:
                var length = (int)inode.Size;
                inode.ForkOffset = offset;
                inode.Raw.AsSpan(inode.CoreSize + length).Clear();
                break;
            case XfsFormat.Device:
                inode.ForkOffset = offset;
                inode.Raw.AsSpan(inode.CoreSize + 4).Clear();
                break;
            default:
                var map = new ForkMap(store, space, volume, inode, isAttribute: false);
                inode.ForkOffset = offset;
                inode.Raw.AsSpan(inode.CoreSize).Clear();
                map.Save();
                break;
        }

        inode.GetFork(isAttribute: true).Clear();
        inode.SetFormat(isAttribute: true, XfsFormat.Extents);
        inode.SetExtentCount(isAttribute: true, 0);
        return true;
    }

    private static void WriteInInode(InodeRecord inode, List<AttributeEntry> entries, int size)
    {
        var fork = inode.GetFork(isAttribute: true);
        fork.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(fork, (ushort)size);
        fork[2] = (byte)entries.Count;
        var at = 4;
        foreach (var entry in entries)
        {
            (fork[at], fork[at + 1], fork[at + 2]) = ((byte)entry.Name.Length, (byte)entry.Value.Length, entry.Flags);
            entry.Name.CopyTo(fork[(at + 3)..]);
            entry.Value.CopyTo(fork[(at + 3 + entry.Name.Length)..]);
            at += 3 + entry.Name.Length + entry.Value.Length;
        }

        inode.SetFormat(isAttribute: true, XfsFormat.Local);
        inode.SetExtentCount(isAttribute: true, 0);
    }

    private void WriteInBlocks(InodeRecord inode, XfsVolume volume, List<AttributeEntry> entries)
    {
        var size = store.BlockSize;
        var header = store.IsVersion5 ? 80 : 32;
        var leaves = new List<List<AttributeEntry>> { new() };
        var room = size - header;
        foreach (var entry in entries.OrderBy(entry => entry.Hash))
        {
            var needed = 8 + SizeInLeaf(entry);
            if (needed > room)
            {
                leaves.Add([]);
                room = size - header;
            }

            leaves[^1].Add(entry);
            room -= needed;
        }

        var nodes = HashNodes.Count(store, size, leaves.Count);
        var next = (uint)(leaves.Count + nodes);
        var values = new List<(AttributeEntry Entry, uint Block)>();
        foreach (var entry in entries.Where(entry => !IsLocal(entry)))
        {
            values.Add((entry, next));
            next += (uint)CountValueBlocks(entry);
        }

        // The map's extents must be in the inode before blocks are read through it: they are not, only written.
        var map = new ForkMap(store, space, volume, inode, isAttribute: true);
        map.Allocate(0, next);
        var first = leaves.Count == 1 ? 0u : 1;
        var places = new List<(uint Hash, uint Block)>();
        for (var i = 0; i < leaves.Count; i++)
        {
            var place = first + (uint)i;
            var bytes = CreateLeaf(leaves[i], values, i + 1 < leaves.Count ? place + 1 : 0, i > 0 ? place - 1 : 0);
            HashNodes.Finish(store, map, inode, place, bytes);
            places.Add((leaves[i][^1].Hash, place));
        }

        HashNodes.Write(store, map, inode, size, places, 0, first + (uint)leaves.Count, 1);
        foreach (var (entry, block) in values)
        {
            WriteValue(map, inode, entry.Value, block);
        }

        map.Save();
    }

    private byte[] CreateLeaf(List<AttributeEntry> entries, List<(AttributeEntry Entry, uint Block)> values, uint next, uint previous)
    {
        var bytes = new byte[store.BlockSize];
        HashNodes.Link(bytes, store.IsVersion5 ? (ushort)0x3BEE : (ushort)0xFBEE, next, previous);
        var (counts, header) = store.IsVersion5 ? (56, 80) : (12, 32);
        var end = bytes.Length;
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            end -= SizeInLeaf(entry);
            var index = bytes.AsSpan(header + (i * 8));
            BinaryPrimitives.WriteUInt32BigEndian(index, entry.Hash);
            BinaryPrimitives.WriteUInt16BigEndian(index[4..], (ushort)end);
            index[6] = (byte)(entry.Flags | (IsLocal(entry) ? 1 : 0));
            var at = bytes.AsSpan(end);
            if (IsLocal(entry))
            {
                BinaryPrimitives.WriteUInt16BigEndian(at, (ushort)entry.Value.Length);
                at[2] = (byte)entry.Name.Length;
                entry.Name.CopyTo(at[3..]);
                entry.Value.CopyTo(at[(3 + entry.Name.Length)..]);
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(at, values.First(one => ReferenceEquals(one.Entry, entry)).Block);
                BinaryPrimitives.WriteUInt32BigEndian(at[4..], (uint)entry.Value.Length);
                at[8] = (byte)entry.Name.Length;
                entry.Name.CopyTo(at[9..]);
            }
        }

        // In a block of 64 KiB the first used byte of an empty leaf would not fit; leaves are never empty.
        var firstFree = header + (entries.Count * 8);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(counts), (ushort)entries.Count);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(counts + 2), (ushort)(bytes.Length - end));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(counts + 4), (ushort)end);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(counts + 8), (ushort)firstFree);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(counts + 10), (ushort)(end - firstFree));
        return bytes;
    }

    private void WriteValue(ForkMap map, InodeRecord inode, byte[] value, uint block)
    {
        var room = store.IsVersion5 ? store.BlockSize - RemoteHeader : store.BlockSize;
        for (var done = 0; done < value.Length; block++)
        {
            var count = Math.Min(room, value.Length - done);
            var bytes = new byte[store.BlockSize];
            value.AsSpan(done, count).CopyTo(bytes.AsSpan(store.BlockSize - room));
            if (store.IsVersion5)
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes, 0x5841524D);
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)done);
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), (uint)count);
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(48), ulong.MaxValue); // never logged
                store.Stamp(bytes, XfsHeaderOffsets.Remote, map.Demand(block), inode.Number);
                Store.Seal(bytes, XfsHeaderOffsets.Remote.Checksum);
            }

            map.Write(block, bytes);
            done += count;
        }
    }

    private int CountValueBlocks(AttributeEntry entry)
    {
        var room = store.IsVersion5 ? store.BlockSize - RemoteHeader : store.BlockSize;
        return (entry.Value.Length + room - 1) / room;
    }

    /// <summary>A value that with its name would take three quarters of a block stands in blocks of its own.</summary>
    private bool IsLocal(AttributeEntry entry) => LocalSize(entry) < (store.BlockSize / 2) + (store.BlockSize / 4);

    private int SizeInLeaf(AttributeEntry entry) => IsLocal(entry) ? LocalSize(entry) : (11 + entry.Name.Length + 3) / 4 * 4; // as if the 9 bytes before the name were 11: the padding of the C structure

    private static int LocalSize(AttributeEntry entry) => (3 + entry.Name.Length + entry.Value.Length + 3) / 4 * 4;
}
