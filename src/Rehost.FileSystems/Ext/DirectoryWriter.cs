using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Changes to directories. The inode object is changed, and stored by the caller.</summary>
internal sealed class DirectoryWriter(ExtVolume volume, FileWriter files, BlockAllocator allocator)
{
    private ExtSuperblock Super => volume.Super;

    private DirectoryBlocks Blocks => volume.DirectoryBlocks;

    /// <summary>The first block of a new directory, with "." and "..".</summary>
    internal void Initialize(ExtInode directory, uint parent)
    {
        FileWriter.InitializeMap(Super, directory);
        directory.SizeLow = 0;
        directory.SizeHigh = 0;
        var block = Append(directory, out _);
        WriteDots(block, directory.Number, parent, Blocks.EntryArea);
        Blocks.SetLeafChecksum(directory, block);
    }

    /// <summary>Adds a name that is not there yet.</summary>
    internal void Insert(ExtInode directory, byte[] name, uint inode, byte fileType)
    {
        if (directory.Has(InodeFlags.InlineData))
        {
            if (TryInsertInline(directory, name, inode, fileType))
            {
                return;
            }

            LeaveInline(directory);
        }

        var index = new DirectoryIndexWriter(volume, this);
        if (Blocks.IsIndexed(directory))
        {
            index.Insert(directory, name, inode, fileType);
            return;
        }

        directory.Flags &= ~InodeFlags.Index;
        var count = Blocks.Count(directory);
        for (ulong logical = 0; logical < count; logical++)
        {
            if (TryInsertAt(directory, logical, name, inode, fileType))
            {
                return;
            }
        }

        if (count == 1 && Super.Has(CompatFeatures.DirIndex))
        {
            index.Convert(directory);
            index.Insert(directory, name, inode, fileType);
            return;
        }

        var added = Append(directory, out _);
        PutEntry(added, 0, Blocks.EntryArea, name, inode, fileType);
        Blocks.SetLeafChecksum(directory, added);
    }

    /// <summary>Removes a name that is there.</summary>
    internal void Remove(ExtInode directory, byte[] name) => Change(directory, name, RemoveIn);

    /// <summary>Makes a name that is there lead to another inode.</summary>
    internal void Redirect(ExtInode directory, byte[] name, uint inode, byte fileType)
    {
        if (directory.Has(InodeFlags.InlineData) && name.AsSpan().SequenceEqual(".."u8))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(directory.BlockArea, inode);
            return;
        }

        Change(directory, name, (area, scanner) =>
        {
            BinaryPrimitives.WriteUInt32LittleEndian(area[scanner.Offset..], inode);
            area[scanner.Offset + 7] = TypeByte(fileType);
        });
    }

    internal bool IsEmpty(ExtInode directory) => !volume.Directories.List(directory).Any();

    /// <summary>A block of zeros at the end of a directory.</summary>
    internal byte[] Append(ExtInode directory, out ulong logical)
    {
        var size = volume.Files.Length(directory);
        logical = (ulong)size >> Super.BlockSizeBits;
        var map = files.MapOf(directory);
        if (logical >= map.MaxBlocks || (!Super.Has(IncompatFeatures.LargeDir) && size + Super.BlockSize > int.MaxValue))
        {
            throw ExtDiagnostics.DirectoryFull.ToException($"it has {size} bytes", directory.Where);
        }

        var run = map.AllocateAt(logical, 1);
        map.Save();
        files.SetSize(directory, size + Super.BlockSize);
        return volume.Cache.EditNew(run.Physical);
    }

    /// <summary>A block of a directory to be changed, checked before.</summary>
    internal byte[] Edit(ExtInode directory, ulong logical)
    {
        Blocks.Read(directory, logical);
        var physical = volume.Files.PhysicalBlock(directory, logical);
        allocator.DemandOwned(physical, 1);
        return volume.Cache.Edit(physical);
    }

    internal bool TryInsertAt(ExtInode directory, ulong logical, byte[] name, uint inode, byte fileType)
    {
        var block = Blocks.Read(directory, logical);
        if (FindRoom(directory, Blocks.EntriesOf(directory, block), name.Length) is not { } place)
        {
            return false;
        }

        var changed = Edit(directory, logical);
        PutInto(changed, place, name, inode, fileType);
        Blocks.SetLeafChecksum(directory, changed);
        return true;
    }

    /// <summary>Writes one entry with its record length.</summary>
    internal void PutEntry(Span<byte> area, int offset, int recordLength, ReadOnlySpan<byte> name, uint inode, byte fileType)
    {
        var entry = area[offset..];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, inode);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[4..], EncodeLength(recordLength));
        entry[6] = (byte)name.Length;
        entry[7] = TypeByte(fileType);
        name.CopyTo(entry[DirectoryScanner.HeaderSize..]);
    }

    private byte TypeByte(byte fileType) => Super.Has(IncompatFeatures.FileType) ? fileType : (byte)0;

    private ushort EncodeLength(int length) => DirectoryScanner.EncodeLength(length, Super.BlockSize);

    private void WriteDots(Span<byte> block, uint self, uint parent, int area)
    {
        PutEntry(block, 0, 12, "."u8, self, 2);
        PutEntry(block, 12, area - 12, ".."u8, parent, 2);
    }

    private (int Offset, int Used, int Length)? FindRoom(ExtInode directory, ReadOnlySpan<byte> area, int nameLength)
    {
        var needed = DirectoryScanner.SizeFor(nameLength);
        var scanner = Blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.RecordLength - scanner.UsedLength >= needed)
            {
                return (scanner.Offset, scanner.UsedLength, scanner.RecordLength);
            }
        }

        return null;
    }

    /// <summary>Puts an entry into the free end of another one's record, which is cut to what it needs.</summary>
    private void PutInto(Span<byte> area, (int Offset, int Used, int Length) place, byte[] name, uint inode, byte fileType)
    {
        if (place.Used > 0)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(area[(place.Offset + 4)..], EncodeLength(place.Used));
        }

        PutEntry(area, place.Offset + place.Used, place.Length - place.Used, name, inode, fileType);
    }

    private delegate void EntryChange(Span<byte> area, DirectoryScanner scanner);

    private void Change(ExtInode directory, byte[] name, EntryChange change)
    {
        if (directory.Has(InodeFlags.InlineData))
        {
            var rest = InlineData.Rest(directory);
            if (TryChange(directory, directory.BlockArea[InlineData.ParentSize..], name, change))
            {
                return;
            }

            if (TryChange(directory, rest, name, change))
            {
                XattrWriter.TrySetInlineData(directory, rest);
                return;
            }
        }
        else
        {
            var leaf = volume.Directories.FindLeaf(directory, name, out var searched);
            var first = searched ? leaf : 0;
            var end = searched ? leaf + 1 : Blocks.Count(directory);
            for (var logical = first; logical < end; logical++)
            {
                if (!Holds(directory, Blocks.EntriesOf(directory, Blocks.Read(directory, logical.Value)), name))
                {
                    continue;
                }

                var block = Edit(directory, logical.Value);
                var countOffset = Blocks.IsIndexed(directory) ? Blocks.CountOffset(block) : 0;
                var area = block.AsSpan(0, Blocks.EntriesOf(directory, block).Length);
                if (TryChange(directory, area, name, change))
                {
                    if (countOffset != 0)
                    {
                        Blocks.SetIndexChecksum(directory, block, countOffset);
                    }
                    else
                    {
                        Blocks.SetLeafChecksum(directory, block);
                    }

                    return;
                }
            }
        }

        throw ExtDiagnostics.BadDirectory.ToException("a name that was just found is not there", directory.Where);
    }

    private bool Holds(ExtInode directory, ReadOnlySpan<byte> area, byte[] name)
    {
        var scanner = Blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.Inode != 0 && scanner.Name.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryChange(ExtInode directory, Span<byte> area, byte[] name, EntryChange change)
    {
        var scanner = Blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.Inode != 0 && scanner.Name.SequenceEqual(name))
            {
                change(area, scanner);
                return true;
            }
        }

        return false;
    }

    /// <summary>An entry goes by becoming part of the record before it; the first of a block gets inode zero.</summary>
    private void RemoveIn(Span<byte> area, DirectoryScanner found)
    {
        var previous = -1;
        for (var at = 0; at < found.Offset;)
        {
            previous = at;
            at += DirectoryScanner.DecodeLength(BinaryPrimitives.ReadUInt16LittleEndian(area[(at + 4)..]), Super.BlockSize);
        }

        var removed = area.Slice(found.Offset, found.RecordLength);
        if (previous >= 0)
        {
            removed.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(area[(previous + 4)..], EncodeLength(found.Offset - previous + found.RecordLength));
        }
        else
        {
            removed[..4].Clear();
            removed[6..].Clear();
        }
    }

    private bool TryInsertInline(ExtInode directory, byte[] name, uint inode, byte fileType)
    {
        var first = directory.BlockArea[InlineData.ParentSize..];
        if (FindRoom(directory, first, name.Length) is { } place)
        {
            PutInto(first, place, name, inode, fileType);
            return true;
        }

        var rest = InlineData.Rest(directory);
        if (FindRoom(directory, rest, name.Length) is { } placeInRest)
        {
            PutInto(rest, placeInRest, name, inode, fileType);
            return XattrWriter.TrySetInlineData(directory, rest);
        }

        return false;
    }

    private void LeaveInline(ExtInode directory)
    {
        var parent = BinaryPrimitives.ReadUInt32LittleEndian(directory.BlockArea);
        var entries = new List<(byte[] Name, uint Inode, byte FileType)>();
        Collect(directory, directory.BlockArea[InlineData.ParentSize..], entries);
        Collect(directory, InlineData.Rest(directory), entries);
        files.RemoveInline(directory);
        directory.SizeLow = 0;
        directory.SizeHigh = 0;
        var block = Append(directory, out _);
        WriteDots(block, directory.Number, parent, Blocks.EntryArea);
        foreach (var (name, inode, fileType) in entries)
        {
            var place = FindRoom(directory, block.AsSpan(0, Blocks.EntryArea), name.Length)
                ?? throw ExtDiagnostics.BadInlineData.ToException("its entries do not fit a block", directory.Where);
            PutInto(block, place, name, inode, fileType);
        }

        Blocks.SetLeafChecksum(directory, block);
    }

    internal void Collect(ExtInode directory, ReadOnlySpan<byte> area, List<(byte[] Name, uint Inode, byte FileType)> entries)
    {
        var scanner = Blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.Inode != 0 && !scanner.IsDots)
            {
                entries.Add((scanner.Name.ToArray(), scanner.Inode, scanner.FileType));
            }
        }
    }
}
