using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Reading of extended attributes: in the inode after its fixed fields, in one more block, and in inodes of their own for large values.</summary>
internal sealed class XattrReader(ExtSuperblock super, BlockCache cache, InodeTable inodes, FileReader files)
{
    internal const uint Magic = 0xEA020000;
    internal const int BlockHeaderSize = 32;
    internal const int EntryHeaderSize = 16;
    private const int LongestValue = 1 << 20;

    /// <summary>Attributes stored in the inode itself.</summary>
    internal static List<XattrEntry> ReadBody(ExtInode inode)
    {
        var start = 128 + inode.ExtraSize;
        if (inode.Raw.Length <= 128 || inode.ExtraSize == 0 || start + 4 > inode.Raw.Length || inode.U32(start) != Magic)
        {
            return [];
        }

        return Parse(inode.Raw.AsSpan(start + 4), 0, inode.Where);
    }

    /// <summary>Attributes stored in the inode's attribute block.</summary>
    internal List<XattrEntry> ReadBlock(ExtInode inode)
    {
        if (inode.XattrBlock == 0)
        {
            return [];
        }

        return Parse(CheckedBlock(inode), BlockHeaderSize, $"{inode.Where}, attribute block {inode.XattrBlock}");
    }

    internal byte[] CheckedBlock(ExtInode inode)
    {
        var block = inode.XattrBlock;
        if (!super.IsValidBlock(block))
        {
            throw ExtDiagnostics.BadXattr.ToException($"the attribute block is said to be {block} of {super.BlocksCount}", inode.Where);
        }

        var raw = cache.Read(block);
        if (BinaryPrimitives.ReadUInt32LittleEndian(raw) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(8)) != 1)
        {
            throw ExtDiagnostics.BadXattr.ToException($"block {block} holds no attributes (magic 0x{BinaryPrimitives.ReadUInt32LittleEndian(raw):x8})", inode.Where);
        }

        if (super.HasMetadataChecksums)
        {
            var stored = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(16));
            var computed = BlockChecksum(block, raw);
            if (stored != computed)
            {
                throw ExtDiagnostics.Checksum.ToException($"attribute block {block}: stored 0x{stored:x8}, computed 0x{computed:x8}", inode.Where);
            }
        }

        return raw;
    }

    internal uint BlockChecksum(ulong block, ReadOnlySpan<byte> raw)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, block);
        var crc = ExtChecksum.Crc32C(super.ChecksumSeed, number);
        crc = ExtChecksum.Crc32C(crc, raw[..16]);
        crc = ExtChecksum.Crc32C(crc, [0, 0, 0, 0]);
        return ExtChecksum.Crc32C(crc, raw[20..]);
    }

    /// <summary>The value of an attribute, wherever it is.</summary>
    internal byte[] ValueOf(ExtInode owner, XattrEntry entry)
    {
        if (entry.ValueInode == 0)
        {
            return entry.Value;
        }

        var inode = inodes.GetRaw(entry.ValueInode);
        if (!super.Has(IncompatFeatures.EaInode) || !inode.Has(InodeFlags.EaInode) || !inode.IsFile || inode.SizeLow != entry.ValueSize || inode.SizeHigh != 0)
        {
            throw ExtDiagnostics.BadXattr.ToException($"inode {entry.ValueInode} does not hold the {entry.ValueSize} bytes of an attribute's value", owner.Where);
        }

        var value = new byte[entry.ValueSize];
        files.Read(inode, 0, value);
        return value;
    }

    private static List<XattrEntry> Parse(ReadOnlySpan<byte> region, int first, string where)
    {
        // Value offsets count from the start of the region, which in a block includes the header.
        var entries = new List<XattrEntry>();
        var at = first;
        while (at + 4 <= region.Length && BinaryPrimitives.ReadUInt32LittleEndian(region[at..]) != 0)
        {
            if (at + EntryHeaderSize > region.Length || at + EntryHeaderSize + region[at] > region.Length)
            {
                throw ExtDiagnostics.BadXattr.ToException($"the entry at {at} leaves its place", where);
            }

            var entry = region[at..];
            int nameLength = entry[0];
            int valueOffset = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
            var valueInode = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
            var valueSize = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            if (valueSize > LongestValue || (valueInode == 0 && valueSize != 0 && valueOffset + valueSize > (uint)region.Length))
            {
                throw ExtDiagnostics.BadXattr.ToException($"the value of the entry at {at} ({valueSize} bytes at {valueOffset}) leaves its place of {region.Length} bytes", where);
            }

            var value = valueInode == 0 && valueSize != 0 ? region.Slice(valueOffset, (int)valueSize).ToArray() : [];
            entries.Add(new XattrEntry(entry[1], entry.Slice(EntryHeaderSize, nameLength).ToArray(), value, valueInode, valueSize, BinaryPrimitives.ReadUInt32LittleEndian(entry[12..])));
            at += EntryHeaderSize + ((nameLength + 3) & ~3);
        }

        return entries;
    }
}
