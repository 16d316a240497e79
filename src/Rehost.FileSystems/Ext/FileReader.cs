using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>Reads the content of inodes, however it is stored.</summary>
internal sealed class FileReader(ExtSuperblock super, IBlockDevice device, ExtentTree extents, BlockMap map)
{
    /// <summary>Length of content; sizes above 4 GiB count for regular files, and for directories with large_dir.</summary>
    internal long Length(ExtInode inode)
    {
        ulong high = inode.IsFile || super.Has(IncompatFeatures.LargeDir) ? inode.SizeHigh : 0;
        var length = inode.SizeLow | (high << 32);
        return length <= long.MaxValue ? (long)length : throw ExtDiagnostics.BadInode.ToException($"its size is {length}", inode.Where);
    }

    /// <summary>The run that holds a logical block, from that block on, at most so many blocks.</summary>
    internal BlockRun Find(ExtInode inode, ulong logical, ulong maxCount) =>
        inode.Has(InodeFlags.Extents) ? extents.Find(inode, logical, maxCount) : map.Find(inode, logical, maxCount);

    /// <summary>Where the bytes of one block of a directory or the like are.</summary>
    internal ulong PhysicalBlock(ExtInode inode, ulong logical)
    {
        var run = Find(inode, logical, 1);
        return run.Kind == RunKind.Data ? run.Physical : throw ExtDiagnostics.BadDirectory.ToException($"its block {logical} is not allocated", inode.Where);
    }

    internal int Read(ExtInode inode, long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var length = Length(inode);
        if (offset >= length || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, length - offset)];
        if (inode.Has(InodeFlags.InlineData))
        {
            buffer.Clear();
            var stored = InlineData.Read(inode, length);
            if (offset < stored.Length)
            {
                var available = stored.AsSpan((int)offset);
                available[..Math.Min(available.Length, buffer.Length)].CopyTo(buffer);
            }

            return buffer.Length;
        }

        var done = 0;
        while (done < buffer.Length)
        {
            var position = offset + done;
            var within = (int)(position & (super.BlockSize - 1));
            var wanted = (ulong)(within + (long)buffer.Length - done + super.BlockSize - 1) >> super.BlockSizeBits;
            var run = Find(inode, (ulong)position >> super.BlockSizeBits, wanted);
            var bytes = (int)Math.Min(buffer.Length - done, (long)(run.Count << super.BlockSizeBits) - within);
            if (run.Kind == RunKind.Data)
            {
                device.Read(new GuestOffset(((long)run.Physical << super.BlockSizeBits) + within), buffer.Slice(done, bytes));
            }
            else
            {
                buffer.Slice(done, bytes).Clear();
            }

            done += bytes;
        }

        return done;
    }
}
