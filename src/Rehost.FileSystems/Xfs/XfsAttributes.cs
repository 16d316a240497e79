using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>Extended attributes: in the inode, in leaves, with values in blocks of their own.</summary>
internal static class XfsAttributes
{
    private const ushort Leaf4 = 0xFBEE;
    private const ushort Leaf5 = 0x3BEE;
    private const ushort Node4 = 0xFEBE;
    private const ushort Node5 = 0x3EBE;
    private const byte LocalFlag = 1;
    private const byte RootFlag = 2;
    private const byte SecureFlag = 4;
    private const byte ParentFlag = 8;
    private const byte IncompleteFlag = 0x80;
    private const uint RemoteMagic = 0x5841524D; // XARM
    private const int RemoteHeader = 56;
    private const int ValueLimit = 64 * 1024; // XATTR_SIZE_MAX
    private const int MaximumLevel = 8;

    public static Dictionary<string, byte[]> Read(XfsVolume volume, XfsInode inode)
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (inode.Attributes is not { } fork)
        {
            return found;
        }

        if (fork.Format == XfsFormat.Local)
        {
            ReadInInode(inode, fork.Bytes.Span, found);
        }
        else if (XfsBlockMap.From(volume, inode, fork, 0).Any())
        {
            ReadLeaves(volume, inode, fork, found);
        }

        return found;
    }

    private static void ReadInInode(XfsInode inode, ReadOnlySpan<byte> bytes, Dictionary<string, byte[]> found)
    {
        // struct xfs_attr_sf_hdr: total size, count.
        if (bytes.Length < 4 || BinaryPrimitives.ReadUInt16BigEndian(bytes) is var total && total > bytes.Length)
        {
            throw Damaged(inode, "they do not fit into it");
        }

        var at = 4;
        for (int i = bytes[2]; i > 0; i--)
        {
            if (at + 3 > bytes.Length || bytes[at] == 0 || at + 3 + bytes[at] + bytes[at + 1] > bytes.Length)
            {
                throw Damaged(inode, $"one at byte {at} lies beyond their end");
            }

            var (nameLength, valueLength, flags) = (bytes[at], bytes[at + 1], bytes[at + 2]);
            Add(inode, found, bytes.Slice(at + 3, nameLength), flags, bytes.Slice(at + 3 + nameLength, valueLength).ToArray());
            at += 3 + nameLength + valueLength;
        }
    }

    private static void ReadLeaves(XfsVolume volume, XfsInode inode, XfsFork fork, Dictionary<string, byte[]> found)
    {
        // Down to the first leaf, then along the links of the leaves.
        uint fileBlock = 0;
        var visited = new HashSet<uint>();
        for (var level = 0; ; level++)
        {
            var bytes = ReadBlock(volume, inode, fork, fileBlock);
            if (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(8)) is Leaf4 or Leaf5)
            {
                break;
            }

            if (level > MaximumLevel)
            {
                throw Damaged(inode, "the tree of their hashes is too deep");
            }

            // struct xfs_da_node_entry: hash, block. The header of version 5 is longer.
            fileBlock = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((volume.Superblock.IsVersion5 ? 64 : 16) + 4));
        }

        while (visited.Add(fileBlock))
        {
            var bytes = ReadBlock(volume, inode, fork, fileBlock);
            ReadLeaf(volume, inode, fork, bytes, found);
            fileBlock = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            if (fileBlock == 0)
            {
                return;
            }
        }

        throw Damaged(inode, $"their leaves run in a circle at block {fileBlock}");
    }

    private static byte[] ReadBlock(XfsVolume volume, XfsInode inode, XfsFork fork, uint fileBlock)
    {
        var (bytes, block) = XfsFileReader.ReadUnit(volume, inode, fork, fileBlock, volume.Superblock.BlockSize) ?? throw Damaged(inode, $"their block {fileBlock} is not there");
        var magic = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(8));
        if (magic != (volume.Superblock.IsVersion5 ? Leaf5 : Leaf4) && magic != (volume.Superblock.IsVersion5 ? Node5 : Node4))
        {
            throw XfsDiagnostics.BadBlock.ToException($"a block of attributes has magic number 0x{magic:x4}", $"block {block}");
        }

        volume.DemandHeader(bytes, XfsHeaderOffsets.Attribute, block, inode.Number, "a block of attributes");
        return bytes;
    }

    private static void ReadLeaf(XfsVolume volume, XfsInode inode, XfsFork fork, byte[] bytes, Dictionary<string, byte[]> found)
    {
        if (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(8)) is not (Leaf4 or Leaf5))
        {
            throw Damaged(inode, "a leaf is linked with something else");
        }

        var (counts, entries) = volume.Superblock.IsVersion5 ? (56, 80) : (12, 32);
        int count = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(counts));
        if (count > (bytes.Length - entries) / 8)
        {
            throw Damaged(inode, $"a leaf has {count} of them");
        }

        for (var i = 0; i < count; i++)
        {
            var entry = bytes.AsSpan(entries + (i * 8), 8);
            int at = BinaryPrimitives.ReadUInt16BigEndian(entry[4..]);
            var flags = entry[6];
            if ((flags & IncompleteFlag) != 0)
            {
                continue;
            }

            // An attribute with a short name and no value takes four bytes, and may be the last thing in the leaf.
            var needed = (flags & LocalFlag) != 0 ? 4 : 10;
            var rest = at <= bytes.Length - needed ? bytes.AsSpan(at) : throw Damaged(inode, $"one stands at byte {at} of a leaf");
            if ((flags & LocalFlag) != 0)
            {
                // xfs_attr_leaf_name_local: length of value, length of name, both.
                int valueLength = BinaryPrimitives.ReadUInt16BigEndian(rest);
                int nameLength = rest[2];
                if (nameLength == 0 || 3 + nameLength + valueLength > rest.Length)
                {
                    throw Damaged(inode, $"one at byte {at} of a leaf has {nameLength} and {valueLength} bytes");
                }

                Add(inode, found, rest.Slice(3, nameLength), flags, rest.Slice(3 + nameLength, valueLength).ToArray());
                continue;
            }

            // xfs_attr_leaf_name_remote: block, length of value, length of name, name.
            var (block, length, size) = (BinaryPrimitives.ReadUInt32BigEndian(rest), BinaryPrimitives.ReadUInt32BigEndian(rest[4..]), (int)rest[8]);
            if (size == 0 || 9 + size > rest.Length || length > ValueLimit)
            {
                throw Damaged(inode, $"one at byte {at} of a leaf has {size} and {length} bytes");
            }

            Add(inode, found, rest.Slice(9, size), flags, ReadRemote(volume, inode, fork, block, (int)length));
        }
    }

    private static byte[] ReadRemote(XfsVolume volume, XfsInode inode, XfsFork fork, uint fileBlock, int length)
    {
        var value = new byte[length];
        var done = 0;
        while (done < length)
        {
            var (bytes, block) = XfsFileReader.ReadUnit(volume, inode, fork, fileBlock++, volume.Superblock.BlockSize) ?? throw Damaged(inode, $"a value's block {fileBlock - 1} is not there");
            var content = bytes.AsSpan();
            if (volume.Superblock.IsVersion5)
            {
                if (BinaryPrimitives.ReadUInt32BigEndian(bytes) != RemoteMagic || BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)) != done)
                {
                    throw XfsDiagnostics.BadBlock.ToException("a value's block has the wrong magic number or place", $"block {block}");
                }

                volume.DemandHeader(bytes, XfsHeaderOffsets.Remote, block, inode.Number, "a value's block");
                content = content[RemoteHeader..];
            }

            var count = Math.Min(content.Length, length - done);
            content[..count].CopyTo(value.AsSpan(done));
            done += count;
        }

        return value;
    }

    private static void Add(XfsInode inode, Dictionary<string, byte[]> found, ReadOnlySpan<byte> name, byte flags, byte[] value)
    {
        if ((flags & ParentFlag) != 0)
        {
            return; // a pointer to the parent directory, which the kernel does not show
        }

        if ((flags & RootFlag) != 0 && (name.SequenceEqual("SGI_ACL_FILE"u8) || name.SequenceEqual("SGI_ACL_DEFAULT"u8)))
        {
            found[name.EndsWith("FILE"u8) ? "system.posix_acl_access" : "system.posix_acl_default"] = ToPosixAcl(inode, value);
            return;
        }

        var prefix = (flags & RootFlag) != 0 ? "trusted." : (flags & SecureFlag) != 0 ? "security." : "user.";
        found[prefix + GuestText.Decode(name)] = value;
    }

    /// <summary>struct xfs_acl in the form that every file system shows: struct posix_acl_xattr_header and entries.</summary>
    private static byte[] ToPosixAcl(XfsInode inode, ReadOnlySpan<byte> stored)
    {
        const int entrySize = 12;
        const ushort user = 2;
        const ushort group = 8;
        if (stored.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(stored) is var count && count > (uint)(stored.Length - 4) / entrySize)
        {
            throw Damaged(inode, $"an access control list has {stored.Length} bytes");
        }

        var shown = new byte[4 + ((int)BinaryPrimitives.ReadUInt32BigEndian(stored) * 8)];
        BinaryPrimitives.WriteUInt32LittleEndian(shown, 2);
        for (var i = 0; i < (shown.Length - 4) / 8; i++)
        {
            var entry = stored.Slice(4 + (i * entrySize), entrySize);
            var target = shown.AsSpan(4 + (i * 8));
            var tag = BinaryPrimitives.ReadUInt32BigEndian(entry);
            BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)(tag & 0xFFFF));
            BinaryPrimitives.WriteUInt16LittleEndian(target[2..], BinaryPrimitives.ReadUInt16BigEndian(entry[8..]));
            BinaryPrimitives.WriteUInt32LittleEndian(target[4..], tag is user or group ? BinaryPrimitives.ReadUInt32BigEndian(entry[4..]) : uint.MaxValue);
        }

        return shown;
    }

    private static DiagnosticException Damaged(XfsInode inode, string what) => XfsDiagnostics.BadAttribute.ToException(what, $"inode {inode.Number}");
}
