namespace Rehost.FileSystems.Xfs;

/// <summary>Reads content of forks: extents, holes, and extents that were allocated and never written, which read as zeros.</summary>
internal static class XfsFileReader
{
    /// <summary>Fills a buffer; what no extent covers is zero.</summary>
    public static void Read(XfsVolume volume, XfsInode inode, XfsFork fork, long offset, Span<byte> buffer)
    {
        buffer.Clear();
        var log = volume.Superblock.BlockLog;
        var end = offset + buffer.Length;
        foreach (var extent in XfsBlockMap.From(volume, inode, fork, (ulong)offset >> log))
        {
            if (extent.FileBlock > ((ulong)end - 1) >> log)
            {
                return;
            }

            var start = (long)extent.FileBlock << log;

            // The place is below 2^63 bytes, and 21 bits of length add little: the sum fits.
            var (from, to) = (Math.Max(offset, start), (long)Math.Min((ulong)end, extent.End << log));
            if (!extent.IsUnwritten && from < to)
            {
                // A part of an extent of up to 2^21 blocks: the whole of it must lie in its group.
                _ = volume.Superblock.ByteOf(extent.Block, extent.Count);
                volume.Read(extent.Block + ((ulong)(from - start) >> log), (from - start) & (volume.Superblock.BlockSize - 1), buffer[(int)(from - offset)..(int)(to - offset)]);
            }
        }
    }

    /// <summary>One directory or attribute block, which may lie in several extents; with the number of its first block. Null for a hole.</summary>
    public static (byte[] Bytes, ulong Block)? ReadUnit(XfsVolume volume, XfsInode inode, XfsFork fork, ulong fileBlock, int size)
    {
        var extent = XfsBlockMap.From(volume, inode, fork, fileBlock).FirstOrDefault();
        if (extent.Count == 0 || extent.FileBlock > fileBlock || extent.IsUnwritten)
        {
            return null;
        }

        var bytes = new byte[size];
        Read(volume, inode, fork, (long)(fileBlock << volume.Superblock.BlockLog), bytes);
        return (bytes, extent.Block + (fileBlock - extent.FileBlock));
    }
}
