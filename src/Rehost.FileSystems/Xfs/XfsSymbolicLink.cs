using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>Targets of symbolic links: in the inode, or in blocks that have a header in version 5.</summary>
internal static class XfsSymbolicLink
{
    private const uint Magic = 0x58534C4D; // XSLM
    private const int Header = 56;
    private const int Limit = 1024; // XFS_SYMLINK_MAXLEN

    public static string Read(XfsVolume volume, XfsInode inode)
    {
        if (inode.Length > Limit || (inode.Data.Format == XfsFormat.Local && inode.Length > inode.Data.Bytes.Length))
        {
            throw XfsDiagnostics.BadInode.ToException($"a link's target has {inode.Length} bytes", $"inode {inode.Number}");
        }

        var target = new byte[inode.Length];
        if (inode.Data.Format == XfsFormat.Local)
        {
            return GuestText.Decode(inode.Data.Bytes.Span[..target.Length]);
        }

        // One header for each extent, however many blocks it has; a target needs three blocks of 512 bytes at most.
        var done = 0;
        foreach (var extent in XfsBlockMap.From(volume, inode, inode.Data, 0))
        {
            if (done == target.Length)
            {
                break;
            }

            if (extent.Count > Limit / 256)
            {
                throw XfsDiagnostics.BadInode.ToException($"{extent.Count} blocks for a link's target of {target.Length} bytes", $"inode {inode.Number}");
            }

            var bytes = volume.ReadBlocks(extent.Block, (int)extent.Count);
            var content = bytes.AsSpan();
            if (volume.Superblock.IsVersion5)
            {
                if (BinaryPrimitives.ReadUInt32BigEndian(bytes) != Magic || BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)) != done)
                {
                    throw XfsDiagnostics.BadBlock.ToException("a link's block has the wrong magic number or place", $"block {extent.Block}");
                }

                volume.DemandHeader(bytes, XfsHeaderOffsets.Remote, extent.Block, inode.Number, "a link's block");
                content = content[Header..];
            }

            var count = Math.Min(content.Length, target.Length - done);
            content[..count].CopyTo(target.AsSpan(done));
            done += count;
        }

        if (done < target.Length)
        {
            throw XfsDiagnostics.BadInode.ToException("a block of a link's target is not there", $"inode {inode.Number}");
        }

        return GuestText.Decode(target);
    }
}
