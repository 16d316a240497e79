using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>
/// Directories of all forms: in the inode, one block, and blocks of entries with leaves and nodes of hashes behind 32 GiB. The entries alone tell everything, so the
/// hashes are not read.
/// </summary>
internal static class XfsDirectory
{
    private const uint Block4 = 0x58443242; // XD2B
    private const uint Block5 = 0x58444233; // XDB3
    private const uint Data4 = 0x58443244; // XD2D
    private const uint Data5 = 0x58444433; // XDD3
    private const ulong LeafStart = 1UL << 35;
    private const ushort FreeTag = 0xFFFF;

    /// <summary>Entries without "." and "..".</summary>
    public static IEnumerable<DirectoryEntry> List(XfsVolume volume, XfsInode inode)
    {
        var entries = inode.Data.Format == XfsFormat.Local ? InInode(volume, inode) : InBlocks(volume, inode);
        return entries.Where(entry => entry.Name is not ("." or ".."));
    }

    private static IEnumerable<DirectoryEntry> InInode(XfsVolume volume, XfsInode inode)
    {
        // struct xfs_dir2_sf_hdr: count, count of entries with 8-byte numbers, parent.
        var bytes = inode.Data.Bytes;
        var (count, wide) = bytes.Length >= 6 ? (bytes.Span[0], bytes.Span[1]) : throw Damaged(inode, "it has no room for its header");
        var numberSize = wide > 0 ? 8 : 4;
        count = Math.Max(count, wide);
        var at = 2 + numberSize;
        for (var i = 0; i < count; i++)
        {
            var nameLength = at < bytes.Length ? bytes.Span[at] : throw Damaged(inode, $"entry {i} of {count} lies beyond its end");
            var typeSize = volume.Superblock.HasFileTypes ? 1 : 0;
            var size = 3 + nameLength + typeSize + numberSize;
            if (nameLength == 0 || size > bytes.Length - at)
            {
                throw Damaged(inode, $"entry {i} of {count} lies beyond its end");
            }

            var numberAt = at + 3 + nameLength + typeSize;
            var number = wide > 0 ? BinaryPrimitives.ReadUInt64BigEndian(bytes.Span[numberAt..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes.Span[numberAt..]);
            yield return Entry(volume, bytes.Span.Slice(at + 3, nameLength), number, typeSize > 0 ? bytes.Span[at + 3 + nameLength] : (byte)0);
            at += size;
        }
    }

    private static IEnumerable<DirectoryEntry> InBlocks(XfsVolume volume, XfsInode inode)
    {
        var size = volume.Superblock.DirectoryBlockSize;
        var unit = (ulong)(size / volume.Superblock.BlockSize);

        // The size counts blocks of entries alone; hashes stand far behind it.
        var end = Math.Min(LeafStart, (ulong)inode.Length) >> volume.Superblock.BlockLog;
        if (end > volume.Superblock.DataBlocks)
        {
            throw Damaged(inode, $"its size is {inode.Length}, more than the file system holds");
        }

        ulong next = 0;
        foreach (var extent in XfsBlockMap.From(volume, inode, inode.Data, 0))
        {
            if (extent.FileBlock >= end)
            {
                break;
            }

            // A directory block may be made of several extents; each is read once, at its first block.
            for (var block = Math.Max(next, extent.FileBlock / unit * unit); block < extent.End && block < end; block += unit)
            {
                if (XfsFileReader.ReadUnit(volume, inode, inode.Data, block, size) is { } found)
                {
                    foreach (var entry in InBlock(volume, inode, found.Bytes, found.Block))
                    {
                        yield return entry;
                    }
                }

                next = block + unit;
            }
        }
    }

    private static List<DirectoryEntry> InBlock(XfsVolume volume, XfsInode inode, byte[] bytes, ulong block)
    {
        var magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var isVersion5 = volume.Superblock.IsVersion5;
        if (magic != (isVersion5 ? Block5 : Block4) && magic != (isVersion5 ? Data5 : Data4))
        {
            throw XfsDiagnostics.BadBlock.ToException($"a directory block has magic number 0x{magic:x8}", $"block {block}");
        }

        volume.DemandHeader(bytes, XfsHeaderOffsets.Directory, block, inode.Number, "a directory block");
        var end = bytes.Length;
        if (magic is Block4 or Block5)
        {
            // The hashes stand at the end of the only block, behind them how many there are.
            var leaves = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(bytes.Length - 8));
            end = leaves <= (bytes.Length - 8) / 8 ? bytes.Length - 8 - ((int)leaves * 8) : throw Damaged(inode, $"its block has {leaves} hashes");
        }

        var entries = new List<DirectoryEntry>();
        for (var at = isVersion5 ? 64 : 16; at < end;)
        {
            if (end - at < 8)
            {
                throw Damaged(inode, $"its block {block} has {end - at} bytes left at {at}");
            }

            if (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at)) == FreeTag)
            {
                int free = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at + 2));
                at = free >= 8 && free % 8 == 0 && free <= end - at ? at + free : throw Damaged(inode, $"its block {block} has a gap of {free} bytes at {at}");
                continue;
            }

            var typeSize = volume.Superblock.HasFileTypes ? 1 : 0;
            var nameLength = end - at > 9 ? bytes[at + 8] : (byte)0;
            var size = (8 + 1 + nameLength + typeSize + 2 + 7) / 8 * 8;
            if (nameLength == 0 || size > end - at)
            {
                throw Damaged(inode, $"an entry of its block {block} at {at} has a name of {nameLength} bytes");
            }

            entries.Add(Entry(volume, bytes.AsSpan(at + 9, nameLength), BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(at)), typeSize > 0 ? bytes[at + 9 + nameLength] : (byte)0));
            at += size;
        }

        return entries;
    }

    private static DirectoryEntry Entry(XfsVolume volume, ReadOnlySpan<byte> name, ulong number, byte type)
    {
        var kind = type switch
        {
            1 => NodeKind.File,
            2 => NodeKind.Directory,
            3 => NodeKind.CharacterDevice,
            4 => NodeKind.BlockDevice,
            5 => NodeKind.Fifo,
            6 => NodeKind.Socket,
            7 => NodeKind.SymbolicLink,
            _ => volume.ReadInode(number).Kind, // written before entries carried kinds
        };
        return new DirectoryEntry(GuestText.Decode(name), new NodeId(number), kind);
    }

    private static DiagnosticException Damaged(XfsInode inode, string what) => XfsDiagnostics.BadDirectory.ToException(what, $"inode {inode.Number}");
}
