using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>Writes the content of inodes. The inode object is changed, and stored by the caller. Space is allocated before anything is written.</summary>
internal sealed class FileWriter(ExtVolume volume, BlockAllocator allocator, SuperblockEditor superblock)
{
    private const long LargeFile = 0x7FFFFFFF;

    private ExtSuperblock Super => volume.Super;

    /// <summary>Gives a new inode an empty map of the kind that the file system uses.</summary>
    internal static void InitializeMap(ExtSuperblock super, ExtInode inode)
    {
        inode.BlockArea.Clear();
        if (super.Has(IncompatFeatures.Extents))
        {
            inode.Flags |= InodeFlags.Extents;
            BinaryPrimitives.WriteUInt16LittleEndian(inode.BlockArea, ExtentTree.Magic);
            BinaryPrimitives.WriteUInt16LittleEndian(inode.BlockArea[4..], 4);
        }
    }

    internal FileMapEditor MapOf(ExtInode inode) =>
        inode.Has(InodeFlags.Extents) ? new ExtentEditor(volume, allocator, inode) : new BlockMapEditor(volume, allocator, inode);

    internal void SetSize(ExtInode inode, long size)
    {
        inode.SizeLow = (uint)(size & uint.MaxValue);
        if (inode.IsFile || Super.Has(IncompatFeatures.LargeDir))
        {
            inode.SizeHigh = (uint)(size >> 32);
        }
        else if (size > uint.MaxValue)
        {
            throw ExtDiagnostics.FileTooLarge.ToException($"{size} bytes", inode.Where);
        }

        if (size > LargeFile && inode.IsFile)
        {
            superblock.Require(ReadOnlyFeatures.LargeFile);
        }
    }

    internal void Write(ExtInode inode, long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        var size = volume.Files.Length(inode);
        if (offset > long.MaxValue - data.Length)
        {
            throw ExtDiagnostics.FileTooLarge.ToException($"{data.Length} bytes at {offset}", inode.Where);
        }

        var end = offset + data.Length;
        if (inode.Has(InodeFlags.InlineData))
        {
            if (TryWriteInline(inode, size, offset, data))
            {
                return;
            }

            LeaveInline(inode);
        }

        var map = MapOf(inode);
        DemandSize(inode, map, end);
        if (end > size)
        {
            ClearTail(map, size);
        }

        var segments = Allocate(map, offset, end);
        map.Save();
        foreach (var (run, isNew) in segments)
        {
            WriteSegment(run, isNew, offset, data);
        }

        if (end > size)
        {
            SetSize(inode, end);
        }
    }

    internal void SetLength(ExtInode inode, long length)
    {
        var size = volume.Files.Length(inode);
        if (inode.Has(InodeFlags.InlineData))
        {
            if (length <= Super.InodeSize)
            {
                var content = InlineData.Read(inode, size);
                Array.Resize(ref content, (int)length);
                if (TryStoreInline(inode, content))
                {
                    return;
                }
            }

            LeaveInline(inode);
        }

        var map = MapOf(inode);
        if (length < size)
        {
            // The kernel keeps nothing past the end, and zeros behind it in the last block.
            map.TruncateFrom(((ulong)length + (ulong)Super.BlockSize - 1) >> Super.BlockSizeBits);
            map.Save();
            ClearTail(map, length);
        }
        else if (length > size)
        {
            DemandSize(inode, map, length);
            ClearTail(map, size);
        }

        SetSize(inode, length);
    }

    /// <summary>Gives back all blocks of an inode that is about to go.</summary>
    internal void Truncate(ExtInode inode)
    {
        if ((inode.IsFile || inode.IsDirectory || inode.IsLink) && !inode.IsFastLink && !inode.Has(InodeFlags.InlineData))
        {
            var map = MapOf(inode);
            map.TruncateFrom(0);
            map.Save();
        }
    }

    /// <summary>Stores content in the inode; false, with the inode as it was, when it does not fit.</summary>
    internal bool TryStoreInline(ExtInode inode, byte[] content)
    {
        var rest = content.Length > ExtInode.BlockAreaLength ? content[ExtInode.BlockAreaLength..] : [];
        if (!XattrWriter.TrySetInlineData(inode, rest))
        {
            return false;
        }

        inode.BlockArea.Clear();
        content.AsSpan(0, Math.Min(content.Length, ExtInode.BlockAreaLength)).CopyTo(inode.BlockArea);
        SetSize(inode, content.Length);
        return true;
    }

    /// <summary>Moves inline content to blocks.</summary>
    private void LeaveInline(ExtInode inode)
    {
        var size = volume.Files.Length(inode);
        var content = InlineData.Read(inode, size);
        RemoveInline(inode);
        SetSize(inode, 0);
        Write(inode, 0, content);
        SetSize(inode, size);
    }

    /// <summary>Takes inline content away, and gives the inode an empty map.</summary>
    internal void RemoveInline(ExtInode inode)
    {
        XattrWriter.TrySetInlineData(inode, null);
        inode.Flags &= ~InodeFlags.InlineData;
        InitializeMap(Super, inode);
    }

    private bool TryWriteInline(ExtInode inode, long size, long offset, ReadOnlySpan<byte> data)
    {
        var end = Math.Max(size, offset + data.Length);
        if (end > Super.InodeSize)
        {
            return false;
        }

        var content = InlineData.Read(inode, size);
        Array.Resize(ref content, (int)end);
        data.CopyTo(content.AsSpan((int)offset));
        return TryStoreInline(inode, content);
    }

    private void DemandSize(ExtInode inode, FileMapEditor map, long end)
    {
        var isSmall = !Super.Has(ReadOnlyFeatures.HugeFile) && (ulong)end >> 9 > uint.MaxValue;
        if ((ulong)(end - 1) >> Super.BlockSizeBits >= map.MaxBlocks || isSmall)
        {
            throw ExtDiagnostics.FileTooLarge.ToException($"{end} bytes", inode.Where);
        }
    }

    /// <summary>Zeros what the last block holds behind the end, so that it does not come to light when the file grows.</summary>
    private void ClearTail(FileMapEditor map, long size)
    {
        var within = size & (Super.BlockSize - 1);
        if (within != 0 && map.Find((ulong)size >> Super.BlockSizeBits, 1) is { Kind: RunKind.Data } run)
        {
            allocator.DemandOwned(run.Physical, 1);
            volume.Device.Write(new GuestOffset(((long)run.Physical << Super.BlockSizeBits) + within), new byte[Super.BlockSize - within]);
        }
    }

    private List<(BlockRun Run, bool IsNew)> Allocate(FileMapEditor map, long offset, long end)
    {
        var segments = new List<(BlockRun Run, bool IsNew)>();
        var stop = ((ulong)(end - 1) >> Super.BlockSizeBits) + 1;
        for (var logical = (ulong)offset >> Super.BlockSizeBits; logical < stop;)
        {
            var run = map.Find(logical, stop - logical);
            var isNew = run.Kind != RunKind.Data;
            if (run.Kind == RunKind.Hole)
            {
                run = map.AllocateAt(logical, run.Count);
            }
            else
            {
                allocator.DemandOwned(run.Physical, run.Count);
                if (isNew)
                {
                    run = run with { Kind = RunKind.Data };
                    map.Map(run);
                }
            }

            segments.Add((run, isNew));
            logical = run.LogicalEnd;
        }

        return segments;
    }

    private void WriteSegment(BlockRun run, bool isNew, long offset, ReadOnlySpan<byte> data)
    {
        var fileStart = (long)run.Logical << Super.BlockSizeBits;
        var fileEnd = (long)run.LogicalEnd << Super.BlockSizeBits;
        var start = Math.Max(fileStart, offset);
        var end = Math.Min(fileEnd, offset + data.Length);
        var deviceStart = (long)run.Physical << Super.BlockSizeBits;
        if (isNew && start > fileStart)
        {
            volume.Device.Write(new GuestOffset(deviceStart), new byte[start - fileStart]);
        }

        volume.Device.Write(new GuestOffset(deviceStart + start - fileStart), data[(int)(start - offset)..(int)(end - offset)]);
        if (isNew && end < fileEnd)
        {
            volume.Device.Write(new GuestOffset(deviceStart + end - fileStart), new byte[fileEnd - end]);
        }
    }
}
