using System.Buffers;
using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// Writes content of files: always to space that nothing holds, never in place. What is small enough stands in the tree; the rest in extents that are not compressed.
/// </summary>
internal sealed class BtrfsFileWriter(BtrfsVolume volume, BtrfsTransaction transaction, BtrfsFileReader reader, BtrfsChecksums? checksums)
{
    private const int InlineHeader = 21;
    private const int RegularSize = 53;

    /// <summary>max_inline of a mount is 2048 when nothing else is said.</summary>
    private const int InlineLimit = 2048;

    /// <summary>Content that is put together in memory at a time.</summary>
    private const int PieceSize = 1 << 20;

    /// <summary>i_size is a signed number in the kernel, and sums with sectors must fit.</summary>
    public const long LongestFile = long.MaxValue - (1L << 24);

    private readonly int _sector = volume.Superblock.SectorSize;
    private readonly ulong _generation = volume.Superblock.Generation + 1; // so a writer serves one transaction

    public void Write(BtrfsChangedTree tree, BtrfsInodeItem inode, long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        if (offset > LongestFile - data.Length)
        {
            throw FileSystemDiagnostics.NoSpace.ToException($"a file cannot end at {offset} and {data.Length} bytes");
        }

        var end = offset + data.Length;
        var length = Math.Max(inode.Length, end);
        if (length <= LargestInline(tree))
        {
            var content = new byte[length];
            ReadOld(tree, inode, 0, content);
            data.CopyTo(content.AsSpan((int)offset));
            WriteInline(tree, inode, content);
            return;
        }

        MoveInlineOut(tree, inode);
        FillHole(tree, inode, AlignUp(inode.Length), AlignDown(offset));
        var (position, last) = (AlignDown(offset), AlignUp(end));
        var piece = ArrayPool<byte>.Shared.Rent((int)Math.Min(PieceSize, last - position));
        try
        {
            while (position < last)
            {
                var size = (int)Math.Min(PieceSize, last - position);
                var sectors = piece.AsSpan(0, size);
                var (from, to) = (Math.Max(position, offset), Math.Min(position + size, end));
                if (from > position)
                {
                    ReadOld(tree, inode, position, sectors[.._sector]);
                }

                if (to < position + size && (from == position || size > _sector))
                {
                    ReadOld(tree, inode, position + size - _sector, sectors[^_sector..]);
                }

                data[(int)(from - offset)..(int)(to - offset)].CopyTo(sectors[(int)(from - position)..]);
                WriteSectors(tree, inode, position, sectors);
                position += size;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        inode.Length = length;
    }

    public void SetLength(BtrfsChangedTree tree, BtrfsInodeItem inode, long length)
    {
        if (length > LongestFile)
        {
            throw FileSystemDiagnostics.NoSpace.ToException($"a file cannot have {length} bytes");
        }

        if (length == inode.Length)
        {
            return;
        }

        var isInline = tree.Get(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, 0)) is { } first && BtrfsExtent.Parse(first).Inline is not null;
        if (isInline && length <= LargestInline(tree))
        {
            var content = new byte[length];
            ReadOld(tree, inode, 0, content);
            WriteInline(tree, inode, content);
            return;
        }

        if (length > inode.Length)
        {
            MoveInlineOut(tree, inode);
            FillHole(tree, inode, AlignUp(inode.Length), AlignUp(length));
            inode.Length = length;
            return;
        }

        MoveInlineOut(tree, inode);
        Drop(tree, inode, AlignUp(length), long.MaxValue);
        if (length % _sector != 0 && IsStored(tree, inode, AlignDown(length)))
        {
            // What follows the end within its sector must be zeros, or it would come back when the file grows.
            var sector = new byte[_sector];
            ReadOld(tree, inode, AlignDown(length), sector.AsSpan(0, (int)(length % _sector)));
            inode.Length = length;
            WriteSectors(tree, inode, AlignDown(length), sector);
        }

        inode.Length = length;
    }

    /// <summary>Stores content in the tree: all of a small file, or the target of a link.</summary>
    public void WriteInline(BtrfsChangedTree tree, BtrfsInodeItem inode, ReadOnlySpan<byte> content)
    {
        Drop(tree, inode, 0, long.MaxValue);
        inode.Length = content.Length;
        if (content.IsEmpty)
        {
            return;
        }

        var item = new byte[InlineHeader + content.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(item, _generation);
        BinaryPrimitives.WriteInt64LittleEndian(item.AsSpan(8), content.Length);
        content.CopyTo(item.AsSpan(InlineHeader));
        tree.Put(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, 0), item);
        inode.StoredBytes += content.Length;
    }

    private int LargestInline(BtrfsChangedTree tree) => Math.Min(Math.Min(InlineLimit, _sector - 1), tree.LargestItem - InlineHeader);

    private long AlignUp(long value) => (value + _sector - 1) / _sector * _sector;

    private long AlignDown(long value) => value / _sector * _sector;

    /// <summary>Content as it is now; zeros from the end of the file on.</summary>
    private void ReadOld(BtrfsChangedTree tree, BtrfsInodeItem inode, long offset, Span<byte> buffer)
    {
        buffer.Clear();
        if (offset < inode.Length)
        {
            reader.Read(tree.Reading, inode.View, offset, buffer[..(int)Math.Min(buffer.Length, inode.Length - offset)]);
        }
    }

    /// <summary>Content that stands in the tree, and gets too long for it, moves to an extent.</summary>
    private void MoveInlineOut(BtrfsChangedTree tree, BtrfsInodeItem inode)
    {
        if (tree.Get(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, 0)) is not { } item || BtrfsExtent.Parse(item) is not { Inline: not null } extent)
        {
            return;
        }

        // An inline extent may be longer than a sector where sectors are small and the kernel was told so.
        var content = new byte[AlignUp(Math.Max(extent.Length, 1))];
        ReadOld(tree, inode, 0, content);
        WriteSectors(tree, inode, 0, content);
    }

    /// <summary>Without no-holes, every part of a file up to its end has an item.</summary>
    private void FillHole(BtrfsChangedTree tree, BtrfsInodeItem inode, long from, long to)
    {
        if (from >= to)
        {
            return;
        }

        Drop(tree, inode, from, to); // space may be allocated beyond the end
        if (!volume.Superblock.HasNoHoles)
        {
            tree.Put(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, (ulong)from), ToItem(0, 0, 0, to - from));
        }
    }

    private static bool IsStored(BtrfsChangedTree tree, BtrfsInodeItem inode, long offset)
        => tree.Reading.Floor(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, (ulong)offset)) is { } item && item.Key.ObjectId == inode.Number && item.Key.Type == BtrfsKey.ExtentData
            && BtrfsExtent.Parse(item) is { IsZero: false } extent && extent.End > offset;

    /// <summary>Writes whole sectors to new extents.</summary>
    private void WriteSectors(BtrfsChangedTree tree, BtrfsInodeItem inode, long position, ReadOnlySpan<byte> sectors)
    {
        Drop(tree, inode, position, position + sectors.Length);
        while (!sectors.IsEmpty)
        {
            var (logical, taken) = transaction.TakeContent(sectors.Length);
            volume.Write(logical, sectors[..taken]);
            if (inode.HasChecksums)
            {
                checksums?.Add(logical, sectors[..taken]);
            }

            tree.Put(new BtrfsKey(inode.Number, BtrfsKey.ExtentData, (ulong)position), ToItem(logical, taken, 0, taken));
            inode.StoredBytes += taken;
            position += taken;
            sectors = sectors[taken..];
        }
    }

    /// <summary>struct btrfs_file_extent_item of an extent that is not compressed, or of a hole.</summary>
    private byte[] ToItem(ulong logical, long stored, long offset, long length)
    {
        var item = new byte[RegularSize];
        BinaryPrimitives.WriteUInt64LittleEndian(item, _generation);
        BinaryPrimitives.WriteInt64LittleEndian(item.AsSpan(8), logical == 0 ? length : stored);
        item[20] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(21), logical);
        BinaryPrimitives.WriteInt64LittleEndian(item.AsSpan(29), stored);
        BinaryPrimitives.WriteInt64LittleEndian(item.AsSpan(37), offset);
        BinaryPrimitives.WriteInt64LittleEndian(item.AsSpan(45), length);
        return item;
    }

    /// <summary>Takes a range out of a file's extents; those that reach out of it keep their other parts.</summary>
    private void Drop(BtrfsChangedTree tree, BtrfsInodeItem inode, long from, long to)
    {
        var key = new BtrfsKey(inode.Number, BtrfsKey.ExtentData, (ulong)from);
        if (tree.Reading.Floor(key) is { } floor && floor.Key.ObjectId == inode.Number && floor.Key.Type == BtrfsKey.ExtentData)
        {
            key = floor.Key;
        }

        var hit = tree.Reading.From(key).TakeWhile(item => item.Key.ObjectId == inode.Number && item.Key.Type == BtrfsKey.ExtentData && item.Key.Offset < (ulong)to).ToList();
        foreach (var item in hit)
        {
            var extent = BtrfsExtent.Parse(item);
            if (extent.Inline is not null)
            {
                if (from > extent.Start)
                {
                    continue; // an old kernel may have left one before extents; what is after it goes
                }

                tree.Remove(item.Key);
                inode.StoredBytes -= extent.Length;
                continue;
            }

            if (extent.End <= from)
            {
                continue;
            }

            transaction.DroppedExtents++;
            tree.Remove(item.Key);
            var isHole = BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span[21..]) == 0;
            var (left, right) = (Math.Max(from, extent.Start), Math.Min(to, extent.End));
            inode.StoredBytes -= isHole ? 0 : right - left;
            if (extent.Start < left)
            {
                tree.Put(item.Key, Part(item.Data, 0, left - extent.Start, isHole));
            }

            if (extent.End > right)
            {
                tree.Put(item.Key with { Offset = (ulong)right }, Part(item.Data, right - extent.Start, extent.End - right, isHole));
            }
        }
    }

    private static byte[] Part(ReadOnlyMemory<byte> item, long skip, long length, bool isHole)
    {
        var part = item.ToArray();
        if (!isHole)
        {
            BinaryPrimitives.WriteInt64LittleEndian(part.AsSpan(37), unchecked(BinaryPrimitives.ReadInt64LittleEndian(part.AsSpan(37)) + skip));
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(part.AsSpan(8), length);
        }

        BinaryPrimitives.WriteInt64LittleEndian(part.AsSpan(45), length);
        return part;
    }
}
