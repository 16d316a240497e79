using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>
/// A directory being changed. Small ones, in the inode or in one block, are lists of entries that are written whole. In larger ones the blocks of entries are changed
/// in place, and the index of hashes, which is eight bytes for each entry, is laid out anew.
/// </summary>
internal sealed class DirectoryFile
{
    private const ulong LeafStart = 1UL << 35;
    private const ulong FreeStart = 2UL << 35;
    private const byte DirectoryType = 2;
    private readonly Store _store;
    private readonly InodeRecord _inode;
    private readonly ForkMap _map;

    /// <summary>Entries of a small directory; null in a large one.</summary>
    private List<NameEntry>? _entries;

    /// <summary>Hash and place of each entry of a large directory, in order.</summary>
    private readonly List<ulong> _index = [];

    /// <summary>The largest gap of each block of a large directory.</summary>
    private readonly List<ushort> _gaps = [];
    private ulong _parent;

    internal DirectoryFile(Store store, Space space, XfsVolume volume, InodeRecord inode, ulong? parentOfNew = null)
    {
        (_store, _inode) = (store, inode);
        _map = new ForkMap(store, space, volume, inode, isAttribute: false);
        if (parentOfNew is { } parent)
        {
            _parent = parent;
            _entries = [];
        }
        else if (inode.GetFormat(isAttribute: false) == XfsFormat.Local)
        {
            ReadLocal(inode.ToParsed(store), volume);
        }
        else
        {
            ReadBlocks();
        }
    }

    internal ulong Parent => _parent;

    internal bool IsEmpty => _entries is { } entries ? entries.Count == 0 : _index.Count <= 2;

    private int Size => _store.Super.DirectoryBlockSize;

    private uint Step => (uint)(Size / _store.BlockSize);

    private uint FirstLeaf => (uint)(LeafStart >> _store.Super.BlockLog);

    private uint FirstFree => (uint)(FreeStart >> _store.Super.BlockLog);

    internal NameEntry? Find(ReadOnlySpan<byte> name)
    {
        if (_entries is { } entries)
        {
            foreach (var entry in entries)
            {
                if (entry.Name.AsSpan().SequenceEqual(name))
                {
                    return entry;
                }
            }

            return null;
        }

        return FindPlace(name) is { } place ? LoadBlock(place.Block).TryGet(place.At) : null;
    }

    internal void Add(NameEntry entry)
    {
        if (_entries is { } entries)
        {
            entries.Add(entry);
            SaveSmall();
            return;
        }

        AddToBlocks(entry);
        SaveIndex();
    }

    internal void Remove(ReadOnlySpan<byte> name)
    {
        if (_entries is { } entries)
        {
            for (var i = 0; i < entries.Count; i++)
            {
                if (entries[i].Name.AsSpan().SequenceEqual(name))
                {
                    entries.RemoveAt(i);
                    break;
                }
            }

            SaveSmall();
            return;
        }

        var place = FindPlace(name) ?? throw XfsDiagnostics.BadDirectory.ToException("a name that was found is gone", _inode.Where);
        var block = LoadBlock(place.Block);
        block.Remove(place.At);
        _index.RemoveAt(place.Index);
        _gaps[place.Block] = block.LargestGap;
        if (block.IsEmpty)
        {
            _map.Free((ulong)place.Block * Step, Step);
            _gaps[place.Block] = DataBlock.Gone;
            while (_gaps[^1] == DataBlock.Gone)
            {
                _gaps.RemoveAt(_gaps.Count - 1);
            }
        }
        else
        {
            SaveBlock(place.Block, block, isOnly: false);
        }

        if (_gaps.Count == 1 && TryShrink())
        {
            return;
        }

        SaveIndex();
    }

    internal void Redirect(ReadOnlySpan<byte> name, ulong inode, byte type)
    {
        if (_entries is { } entries)
        {
            for (var i = 0; i < entries.Count; i++)
            {
                if (entries[i].Name.AsSpan().SequenceEqual(name))
                {
                    entries[i] = entries[i] with { Inode = inode, Type = type };
                }
            }

            SaveSmall();
            return;
        }

        RedirectInBlock(name, inode, type);
    }

    internal void SetParent(ulong parent)
    {
        _parent = parent;
        if (_entries is not null)
        {
            SaveSmall();
            return;
        }

        RedirectInBlock(".."u8, parent, DirectoryType);
    }

    /// <summary>Frees all its blocks.</summary>
    internal void Clear() => ClearBlocks();

    /// <summary>Writes a small directory in the shortest form that holds it.</summary>
    internal void SaveSmall()
    {
        var entries = _entries ?? throw new InvalidOperationException("not a small directory");
        if (TryWriteLocal(entries))
        {
            return;
        }

        var needed = DataBlock.HeaderSize(_store) + DataBlock.EntrySize(_store, 1) + DataBlock.EntrySize(_store, 2) + entries.Sum(entry => DataBlock.EntrySize(_store, entry.Name.Length)) + ((entries.Count + 2) * 8) + 8;
        if (needed <= Size)
        {
            WriteOnlyBlock(entries);
            return;
        }

        // Too much for one block: from here on it is a large one.
        ClearBlocks();
        _entries = null;
        AddToBlocks(Self);
        AddToBlocks(Up);
        foreach (var entry in entries)
        {
            AddToBlocks(entry);
        }

        SaveIndex();
    }

    private NameEntry Self => new("."u8.ToArray(), _inode.Number, DirectoryType);

    private NameEntry Up => new(".."u8.ToArray(), _parent, DirectoryType);

    private static ulong IndexEntry(ReadOnlySpan<byte> name, long address) => ((ulong)NameHash.Of(name) << 32) | (uint)(address >> 3);

    private void ReadLocal(XfsInode parsed, XfsVolume volume)
    {
        var bytes = parsed.Data.Bytes.Span;
        _parent = bytes[1] > 0 ? BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]);
        _entries = [.. XfsDirectory.List(volume, parsed).Select(entry => new NameEntry(Model.GuestText.Encode(entry.Name), entry.Node.Value, XfsTypes.FromKind(entry.Kind)))];
    }

    private void ReadBlocks()
    {
        var blocks = (_inode.Size + Size - 1) / Size;
        if (_inode.Size % Size != 0 || blocks is 0 or > 1 << 24)
        {
            throw XfsDiagnostics.BadDirectory.ToException($"it has {_inode.Size} bytes", _inode.Where);
        }

        var isOnly = blocks == 1 && _map.End == Step;
        for (var number = 0; number < blocks; number++)
        {
            if (_map.Find((ulong)number * Step) is null)
            {
                _gaps.Add(DataBlock.Gone);
                continue;
            }

            var block = LoadBlock(number, isOnly);
            _gaps.Add(block.LargestGap);
            foreach (var (at, entry) in block.Entries())
            {
                if (entry.Name.AsSpan().SequenceEqual(".."u8))
                {
                    _parent = entry.Inode;
                }

                if (isOnly)
                {
                    if (!entry.Name.AsSpan().SequenceEqual("."u8) && !entry.Name.AsSpan().SequenceEqual(".."u8))
                    {
                        (_entries ??= []).Add(entry);
                    }
                }
                else
                {
                    _index.Add(IndexEntry(entry.Name, ((long)number * Size) + at));
                }
            }
        }

        if (isOnly)
        {
            _entries ??= [];
            _gaps.Clear();
        }

        _index.Sort();
    }

    private DataBlock LoadBlock(int number, bool isOnly = false)
    {
        var bytes = _map.Read((ulong)number * Step, Size);
        var magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var expected = (isOnly, _store.IsVersion5) switch { (true, true) => 0x58444233u, (true, false) => 0x58443242u, (false, true) => 0x58444433u, _ => 0x58443244u };
        if (magic != expected || (_store.IsVersion5 && !XfsChecksum.Matches(bytes, XfsHeaderOffsets.Directory.Checksum)))
        {
            throw XfsDiagnostics.BadDirectory.ToException($"block {number} has magic number 0x{magic:x8} or a wrong checksum; 0x{expected:x8} was needed", _inode.Where);
        }

        var leaves = isOnly ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(Size - 8)) : 0;
        return !isOnly ? new DataBlock(_store, bytes, Size)
            : leaves <= (Size - 8) / 8 ? new DataBlock(_store, bytes, Size - 8 - ((int)leaves * 8))
            : throw XfsDiagnostics.BadDirectory.ToException($"its block has {leaves} hashes", _inode.Where);
    }

    private void SaveBlock(int number, DataBlock block, bool isOnly)
    {
        var fileBlock = (ulong)number * Step;
        var bytes = block.Bytes;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (isOnly, _store.IsVersion5) switch { (true, true) => 0x58444233u, (true, false) => 0x58443242u, (false, true) => 0x58444433u, _ => 0x58443244u });
        if (_store.IsVersion5)
        {
            _store.Stamp(bytes, XfsHeaderOffsets.Directory, _map.Demand(fileBlock), _inode.Number);
            Store.Seal(bytes, XfsHeaderOffsets.Directory.Checksum);
        }

        _map.Write(fileBlock, bytes);
    }

    private (int Block, int At, int Index)? FindPlace(ReadOnlySpan<byte> name)
    {
        var hash = (ulong)NameHash.Of(name) << 32;
        var at = _index.BinarySearch(hash);
        for (at = at < 0 ? ~at : at; at < _index.Count && _index[at] >> 32 == hash >> 32; at++)
        {
            var address = (long)(_index[at] & uint.MaxValue) << 3;
            if (LoadBlock((int)(address / Size)).TryGet((int)(address % Size)) is { } entry && entry.Name.AsSpan().SequenceEqual(name))
            {
                return ((int)(address / Size), (int)(address % Size), at);
            }
        }

        return null;
    }

    private void RedirectInBlock(ReadOnlySpan<byte> name, ulong inode, byte type)
    {
        var place = FindPlace(name) ?? throw XfsDiagnostics.BadDirectory.ToException("a name that must be there is not", _inode.Where);
        var block = LoadBlock(place.Block);
        block.Redirect(place.At, inode, type);
        SaveBlock(place.Block, block, isOnly: false);
    }

    /// <summary>Puts an entry into the first block with a gap for it, else into a new one.</summary>
    private void AddToBlocks(NameEntry entry)
    {
        var size = DataBlock.EntrySize(_store, entry.Name.Length);
        var number = _gaps.FindIndex(gap => gap != DataBlock.Gone && gap >= size);
        DataBlock block;
        if (number >= 0)
        {
            block = LoadBlock(number);
        }
        else
        {
            number = _gaps.IndexOf((ushort)DataBlock.Gone);
            if (number < 0)
            {
                number = _gaps.Count;
                _gaps.Add((ushort)DataBlock.Gone);
            }

            if (((ulong)number + 1) * (ulong)Size > LeafStart)
            {
                throw FileSystemDiagnostics.NoSpace.ToException("the directory has as many entries as one can have", _inode.Where);
            }

            _map.Allocate((ulong)number * Step, Step);
            block = DataBlock.CreateEmpty(_store, Size, Size);
        }

        var at = block.Add(entry);
        _gaps[number] = block.LargestGap;
        var indexed = IndexEntry(entry.Name, ((long)number * Size) + at);
        var position = _index.BinarySearch(indexed);
        _index.Insert(position < 0 ? ~position : position, indexed);
        SaveBlock(number, block, isOnly: false);
    }

    /// <summary>Only the first block is left: whether all fits into it together with the hashes, and is written so.</summary>
    private bool TryShrink()
    {
        var needed = DataBlock.HeaderSize(_store) + (_index.Count * 8) + 8;
        var block = LoadBlock(0).Entries();
        if (needed + block.Sum(found => DataBlock.EntrySize(_store, found.Entry.Name.Length)) > Size)
        {
            return false;
        }

        _entries = [.. block.Select(found => found.Entry).Where(entry => !entry.Name.AsSpan().SequenceEqual("."u8) && !entry.Name.AsSpan().SequenceEqual(".."u8))];
        _index.Clear();
        _gaps.Clear();
        SaveSmall();
        return true;
    }

    private void ClearBlocks()
    {
        if (_map.End > 0)
        {
            _map.Free(0, _map.End);
        }

        if (_inode.GetFormat(isAttribute: false) != XfsFormat.Local)
        {
            _map.Save();
        }
    }

    /// <summary>struct xfs_dir2_sf_hdr: the entries in the inode, each with the place that it would have in a block.</summary>
    private bool TryWriteLocal(List<NameEntry> entries)
    {
        var wide = _parent > uint.MaxValue || entries.Any(entry => entry.Inode > uint.MaxValue);
        var (numberSize, typeSize) = (wide ? 8 : 4, _store.Super.HasFileTypes ? 1 : 0);
        var size = 2 + numberSize + entries.Sum(entry => 3 + entry.Name.Length + typeSize + numberSize);
        if (size > _inode.DataCapacity || entries.Count > byte.MaxValue)
        {
            return false;
        }

        ClearBlocks();
        var fork = _inode.GetFork(isAttribute: false);
        fork.Clear();
        fork[0] = (byte)entries.Count;
        fork[1] = wide ? (byte)(entries.Count(entry => entry.Inode > uint.MaxValue) + (_parent > uint.MaxValue ? 1 : 0)) : (byte)0;
        PutNumber(fork[2..], _parent, wide);
        var at = 2 + numberSize;
        var place = DataBlock.HeaderSize(_store) + DataBlock.EntrySize(_store, 1) + DataBlock.EntrySize(_store, 2);
        foreach (var entry in entries)
        {
            fork[at] = (byte)entry.Name.Length;
            BinaryPrimitives.WriteUInt16BigEndian(fork[(at + 1)..], (ushort)place);
            entry.Name.CopyTo(fork[(at + 3)..]);
            at += 3 + entry.Name.Length;
            if (typeSize > 0)
            {
                fork[at++] = entry.Type;
            }

            PutNumber(fork[at..], entry.Inode, wide);
            at += numberSize;
            place += DataBlock.EntrySize(_store, entry.Name.Length);
        }

        _inode.SetFormat(isAttribute: false, XfsFormat.Local);
        _inode.SetExtentCount(isAttribute: false, 0);
        _inode.Size = size;
        return true;
    }

    private static void PutNumber(Span<byte> bytes, ulong number, bool wide)
    {
        if (wide)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
        }
    }

    private void WriteOnlyBlock(List<NameEntry> entries)
    {
        if (_map.End > Step)
        {
            _map.Free(Step, _map.End - Step);
        }

        if (_map.Find(0) is null)
        {
            _map.Allocate(0, Step);
        }

        var count = entries.Count + 2;
        var block = DataBlock.CreateEmpty(_store, Size, Size - 8 - (count * 8));
        var index = new List<ulong>();
        foreach (var entry in entries.Prepend(Up).Prepend(Self))
        {
            index.Add(IndexEntry(entry.Name, block.Add(entry)));
        }

        index.Sort();
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(block.Bytes.AsSpan(Size - 8 - ((count - i) * 8)), index[i]);
        }

        BinaryPrimitives.WriteUInt32BigEndian(block.Bytes.AsSpan(Size - 8), (uint)count);
        _inode.Size = Size;
        SaveBlock(0, block, isOnly: true);
        _map.Save();
    }

    /// <summary>Writes the hashes of a large directory: one leaf that also lists the gaps, or leaves below nodes, and the gaps apart.</summary>
    private void SaveIndex()
    {
        _inode.Size = (long)_gaps.Count * Size;
        var header = _store.IsVersion5 ? 64 : 16;
        if (header + (_index.Count * 8) + (_gaps.Count * 2) + 4 <= Size)
        {
            Fit(FirstLeaf, 1, FirstFree);
            Fit(FirstFree, 0, ulong.MaxValue);
            var bytes = CreateLeaf(isOnly: true, 0, _index.Count, 0, 0);
            var at = Size - 4 - (_gaps.Count * 2);
            foreach (var gap in _gaps)
            {
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), gap);
                at += 2;
            }

            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(Size - 4), (uint)_gaps.Count);
            HashNodes.Finish(_store, _map, _inode, FirstLeaf, bytes);
            _map.Save();
            return;
        }

        var capacity = (Size - header) / 8;
        var leaves = (_index.Count + capacity - 1) / capacity;
        var nodes = HashNodes.Count(_store, Size, leaves);
        Fit(FirstLeaf, leaves + nodes, FirstFree);
        var places = new List<(uint Hash, uint Block)>();
        var first = leaves == 1 ? FirstLeaf : FirstLeaf + Step;
        var done = 0;
        for (var i = 0; i < leaves; i++)
        {
            var here = (_index.Count / leaves) + (i < _index.Count % leaves ? 1 : 0);
            var place = first + ((uint)i * Step);
            var bytes = CreateLeaf(isOnly: false, done, here, i + 1 < leaves ? place + Step : 0, i > 0 ? place - Step : 0);
            HashNodes.Finish(_store, _map, _inode, place, bytes);
            done += here;
            places.Add(((uint)(_index[done - 1] >> 32), place));
        }

        HashNodes.Write(_store, _map, _inode, Size, places, FirstLeaf, first + ((uint)leaves * Step), Step);
        SaveGaps();
        _map.Save();
    }

    private void SaveGaps()
    {
        var header = _store.IsVersion5 ? 64 : 16;
        var capacity = (Size - header) / 2;
        var blocks = (_gaps.Count + capacity - 1) / capacity;
        Fit(FirstFree, blocks, ulong.MaxValue);
        for (var i = 0; i < blocks; i++)
        {
            var part = _gaps.Skip(i * capacity).Take(capacity).ToList();
            var bytes = new byte[Size];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, _store.IsVersion5 ? 0x58444633u : 0x58443246);
            var at = _store.IsVersion5 ? 48 : 4;
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), (uint)(i * capacity));
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 4), (uint)part.Count);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 8), (uint)part.Count(gap => gap != DataBlock.Gone));
            for (var j = 0; j < capacity; j++)
            {
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(header + (j * 2)), j < part.Count ? part[j] : (ushort)DataBlock.Gone);
            }

            var place = FirstFree + ((uint)i * Step);
            if (_store.IsVersion5)
            {
                _store.Stamp(bytes, XfsHeaderOffsets.Directory, _map.Demand(place), _inode.Number);
                Store.Seal(bytes, XfsHeaderOffsets.Directory.Checksum);
            }

            _map.Write(place, bytes);
        }
    }

    private byte[] CreateLeaf(bool isOnly, int start, int count, uint next, uint previous)
    {
        var bytes = new byte[Size];
        HashNodes.Link(bytes, (isOnly, _store.IsVersion5) switch { (true, true) => 0x3DF1, (true, false) => 0xD2F1, (false, true) => 0x3DFF, _ => 0xD2FF }, next, previous);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(_store.IsVersion5 ? 56 : 12), (ushort)count);
        var header = _store.IsVersion5 ? 64 : 16;
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(header + (i * 8)), _index[start + i]);
        }

        return bytes;
    }

    /// <summary>Makes exactly so many blocks be there from a place on, up to where the next part starts.</summary>
    private void Fit(uint first, int blocks, ulong limit)
    {
        var end = first + ((ulong)blocks * Step);
        for (ulong place = first; place < end; place++)
        {
            if (_map.Find(place) is { } extent)
            {
                place = Math.Min(end, extent.End) - 1;
                continue;
            }

            var next = _map.Extents.Where(one => one.FileBlock > place).Select(one => one.FileBlock).DefaultIfEmpty(end).First();
            var hole = Math.Min(end, next) - place;
            _map.Allocate(place, hole);
            place += hole - 1;
        }

        var last = Math.Min(limit, _map.End);
        if (last > end)
        {
            _map.Free(end, last - end);
        }
    }
}
