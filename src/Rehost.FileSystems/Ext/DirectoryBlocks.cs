using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Blocks of directories: where they are, what kind they are, and their checksums.</summary>
internal sealed class DirectoryBlocks(ExtSuperblock super, BlockCache cache, InodeTable inodes, FileReader files)
{
    internal const int TailSize = 12;
    internal const byte TailFileType = 0xDE;

    internal ulong Count(ExtInode directory)
    {
        var length = files.Length(directory);
        if ((length & (super.BlockSize - 1)) != 0 || (ulong)length >> super.BlockSizeBits > super.BlocksCount)
        {
            throw ExtDiagnostics.BadDirectory.ToException($"its size is {length}; whole blocks of {super.BlockSize} bytes are needed", directory.Where);
        }

        return (ulong)length >> super.BlockSizeBits;
    }

    /// <summary>Bytes of a leaf block that hold entries.</summary>
    internal int EntryArea => super.HasMetadataChecksums ? super.BlockSize - TailSize : super.BlockSize;

    internal bool IsIndexed(ExtInode directory) => super.Has(CompatFeatures.DirIndex) && directory.Has(InodeFlags.Index);

    /// <summary>A checked block of a directory, not to be changed.</summary>
    internal byte[] Read(ExtInode directory, ulong logical)
    {
        var physical = files.PhysicalBlock(directory, logical);
        var block = cache.Read(physical);
        if (super.HasMetadataChecksums)
        {
            Verify(directory, block, logical);
        }

        return block;
    }

    /// <summary>The part of a block in which entries are to be looked for; for a block of the index only "." and "..".</summary>
    internal ReadOnlySpan<byte> EntriesOf(ExtInode directory, byte[] block) =>
        super.HasMetadataChecksums && !(IsIndexed(directory) && CountOffset(block) != 0) ? block.AsSpan(0, EntryArea) : block;

    internal DirectoryScanner Scan(ExtInode directory, ReadOnlySpan<byte> area) =>
        new(area, super.BlockSize, super.Has(IncompatFeatures.FileType), super.InodesCount, directory.Where);

    /// <summary>Where limit and count are in a block of the index: 32 in its root, 8 in a node; 0 when the block is no part of the index.</summary>
    internal int CountOffset(ReadOnlySpan<byte> block)
    {
        var first = DirectoryScanner.DecodeLength(BinaryPrimitives.ReadUInt16LittleEndian(block[4..]), super.BlockSize);
        if (first == super.BlockSize && BinaryPrimitives.ReadUInt32LittleEndian(block) == 0)
        {
            return 8;
        }

        var second = DirectoryScanner.DecodeLength(BinaryPrimitives.ReadUInt16LittleEndian(block[16..]), super.BlockSize);
        return first == 12 && second == super.BlockSize - 12 && BinaryPrimitives.ReadUInt32LittleEndian(block[24..]) == 0 && block[29] == 8 ? 32 : 0;
    }

    internal void SetLeafChecksum(ExtInode directory, Span<byte> block)
    {
        if (!super.HasMetadataChecksums)
        {
            return;
        }

        var tail = block[^TailSize..];
        tail.Clear();
        tail[4] = TailSize;
        tail[7] = TailFileType;
        BinaryPrimitives.WriteUInt32LittleEndian(tail[8..], ExtChecksum.Crc32C(inodes.SeedOf(directory), block[..^TailSize]));
    }

    internal void SetIndexChecksum(ExtInode directory, Span<byte> block, int countOffset)
    {
        if (!super.HasMetadataChecksums)
        {
            return;
        }

        var tail = BinaryPrimitives.ReadUInt16LittleEndian(block[countOffset..]) * 8 + countOffset;
        BinaryPrimitives.WriteUInt32LittleEndian(block[(tail + 4)..], IndexChecksum(directory, block, countOffset));
    }

    private uint IndexChecksum(ExtInode directory, ReadOnlySpan<byte> block, int countOffset)
    {
        var limit = BinaryPrimitives.ReadUInt16LittleEndian(block[countOffset..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(block[(countOffset + 2)..]);
        var tail = countOffset + (limit * 8);
        if (count > limit || tail + 8 > block.Length)
        {
            throw ExtDiagnostics.BadDirectory.ToException($"a block of its index has {count} of {limit} entries", directory.Where);
        }

        var crc = ExtChecksum.Crc32C(inodes.SeedOf(directory), block[..(countOffset + (count * 8))]);
        crc = ExtChecksum.Crc32C(crc, block.Slice(tail, 4));
        return ExtChecksum.Crc32C(crc, [0, 0, 0, 0]);
    }

    private void Verify(ExtInode directory, byte[] block, ulong logical)
    {
        uint stored;
        uint computed;
        var countOffset = IsIndexed(directory) ? CountOffset(block) : 0;
        if (countOffset != 0)
        {
            computed = IndexChecksum(directory, block, countOffset);
            stored = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(countOffset + (BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan(countOffset)) * 8) + 4));
        }
        else
        {
            var tail = block.AsSpan(block.Length - TailSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail) != 0 || BinaryPrimitives.ReadUInt16LittleEndian(tail[4..]) != TailSize || tail[6] != 0 || tail[7] != TailFileType)
            {
                throw ExtDiagnostics.Checksum.ToException($"directory block {logical} has no checksum where it should be", directory.Where);
            }

            stored = BinaryPrimitives.ReadUInt32LittleEndian(tail[8..]);
            computed = ExtChecksum.Crc32C(inodes.SeedOf(directory), block.AsSpan(0, block.Length - TailSize));
        }

        if (stored != computed)
        {
            throw ExtDiagnostics.Checksum.ToException($"directory block {logical}: stored 0x{stored:x8}, computed 0x{computed:x8}", directory.Where);
        }
    }
}
