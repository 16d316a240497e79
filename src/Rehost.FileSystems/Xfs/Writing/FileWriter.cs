namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Content of regular files. It goes to blocks that nobody else uses, past the cache of structures.</summary>
internal sealed class FileWriter(Store store)
{
    private const int Piece = 1 << 20;

    internal void Write(InodeRecord inode, ForkMap map, long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        if (offset > long.MaxValue - data.Length - store.BlockSize)
        {
            throw FileSystemDiagnostics.BadName.ToException($"a file of {offset} and {data.Length} bytes is larger than a file can be", inode.Where);
        }

        var end = offset + data.Length;
        if (end > inode.Size)
        {
            ClearTail(inode, map);
        }

        var done = 0;
        while (done < data.Length)
        {
            var at = offset + done;
            var count = (int)Math.Min(data.Length - done, Piece - (at % Piece));
            WritePiece(map, at, data.Slice(done, count));
            done += count;
        }

        inode.Size = Math.Max(inode.Size, end);
    }

    internal void SetLength(InodeRecord inode, ForkMap map, long length)
    {
        if (length > long.MaxValue - store.BlockSize)
        {
            throw FileSystemDiagnostics.BadName.ToException($"a file of {length} bytes is larger than a file can be", inode.Where);
        }

        if (length > inode.Size)
        {
            ClearTail(inode, map);
        }
        else
        {
            inode.Size = length;
            ClearTail(inode, map);
        }

        inode.Size = length;
    }

    /// <summary>Whole blocks are written: those at the edges are read and completed first, whatever their state.</summary>
    private void WritePiece(ForkMap map, long offset, ReadOnlySpan<byte> data)
    {
        var size = store.BlockSize;
        var (first, last) = ((ulong)(offset / size), (ulong)((offset + data.Length - 1) / size));
        var buffer = new byte[(int)(last - first + 1) * size];
        var within = (int)(offset % size);
        if (within != 0)
        {
            ReadBlock(map, first, buffer.AsSpan(0, size));
        }

        if ((within + data.Length) % size != 0 && (last != first || within == 0))
        {
            ReadBlock(map, last, buffer.AsSpan(buffer.Length - size));
        }

        data.CopyTo(buffer.AsSpan(within));
        MakeWritable(map, first, last - first + 1);
        for (var block = first; block <= last;)
        {
            var extent = map.Find(block) ?? throw new InvalidOperationException("a block was made writable and is not there");
            var count = Math.Min(extent.End, last + 1) - block;
            store.Cache.WriteContent(store.ByteOf(extent.Block + (block - extent.FileBlock)), buffer.AsSpan((int)(block - first) * size, (int)count * size));
            block += count;
        }
    }

    /// <summary>Afterwards every block of the range is allocated, counts as written, and belongs to this file alone.</summary>
    private static void MakeWritable(ForkMap map, ulong first, ulong count)
    {
        var end = first + count;
        for (var block = first; block < end;)
        {
            if (map.Find(block) is not { } extent)
            {
                var next = map.Extents.FirstOrDefault(one => one.FileBlock > block);
                var hole = (next.Count == 0 ? end : Math.Min(end, next.FileBlock)) - block;
                map.Allocate(block, hole);
                block += hole;
                continue;
            }

            var here = Math.Min(end, extent.End) - block;
            if (extent.IsUnwritten)
            {
                map.MarkWritten(block, here);
                block += here;
                continue;
            }

            var (isShared, part) = map.Space.GetSharing(extent.Block + (block - extent.FileBlock), here);
            if (isShared)
            {
                map.Free(block, part);
                map.Allocate(block, part);
            }

            block += part;
        }
    }

    /// <summary>Gives up blocks behind the end, which may hold anything, and zeros the rest of the last block, so that the file can grow.</summary>
    private void ClearTail(InodeRecord inode, ForkMap map)
    {
        var size = store.BlockSize;
        var end = (ulong)((inode.Size + size - 1) / size);
        if (map.End > end)
        {
            map.Free(end, map.End - end);
        }

        var within = (int)(inode.Size % size);
        if (within == 0 || map.Find(end - 1) is not { IsUnwritten: false })
        {
            return;
        }

        var last = new byte[size];
        ReadBlock(map, end - 1, last);
        if (last.AsSpan(within).ContainsAnyExcept((byte)0))
        {
            last.AsSpan(within).Clear();
            MakeWritable(map, end - 1, 1);
            store.Cache.WriteContent(store.ByteOf(map.Demand(end - 1)), last);
        }
    }

    private void ReadBlock(ForkMap map, ulong block, Span<byte> buffer)
    {
        if (map.Find(block) is { IsUnwritten: false } extent)
        {
            store.Cache.ReadContent(store.ByteOf(extent.Block + (block - extent.FileBlock)), buffer);
        }
        else
        {
            buffer.Clear();
        }
    }
}
