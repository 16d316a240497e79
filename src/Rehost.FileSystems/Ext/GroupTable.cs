using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>The table of block group descriptors, read and written through the block cache and checked at each access.</summary>
internal sealed class GroupTable(ExtSuperblock super, BlockCache cache)
{
    internal GroupDescriptor Get(uint group)
    {
        var raw = cache.Read(BlockOf(group)).AsSpan(OffsetOf(group), super.DescriptorSize);
        if (super.HasGroupChecksums)
        {
            var stored = BinaryPrimitives.ReadUInt16LittleEndian(raw[0x1E..]);
            var computed = Checksum(group, raw);
            if (stored != computed)
            {
                throw ExtDiagnostics.Checksum.ToException($"descriptor of group {group}: stored 0x{stored:x4}, computed 0x{computed:x4}", $"group {group}");
            }
        }

        var descriptor = GroupDescriptor.Decode(raw);
        var tableBlocks = (ulong)super.InodesPerGroup * (uint)super.InodeSize / (uint)super.BlockSize;
        if (!super.IsValidBlock(descriptor.BlockBitmap) || !super.IsValidBlock(descriptor.InodeBitmap) || !super.IsValidRange(descriptor.InodeTable, tableBlocks)
            || descriptor.FreeInodes > super.InodesPerGroup || descriptor.UnusedInodes > super.InodesPerGroup
            || descriptor.UsedDirectories > super.InodesPerGroup || descriptor.FreeBlocks > super.BlocksPerGroup)
        {
            throw ExtDiagnostics.BadGroup.ToException(
                $"block bitmap {descriptor.BlockBitmap}, inode bitmap {descriptor.InodeBitmap}, inode table {descriptor.InodeTable}, {descriptor.FreeBlocks} blocks and {descriptor.FreeInodes} inodes free are not possible in a file system of {super.BlocksCount} blocks",
                $"group {group}");
        }

        return descriptor;
    }

    internal void Put(uint group, in GroupDescriptor descriptor)
    {
        var raw = cache.Edit(BlockOf(group)).AsSpan(OffsetOf(group), super.DescriptorSize);
        descriptor.EncodeCounts(raw);
        if (super.HasGroupChecksums)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(raw[0x1E..], Checksum(group, raw));
        }
    }

    private ulong BlockOf(uint group)
    {
        var block = super.DescriptorBlock(group / (uint)super.DescriptorsPerBlock);
        return super.IsValidBlock(block)
            ? block
            : throw ExtDiagnostics.BadGroup.ToException($"its descriptor would be in block {block} of {super.BlocksCount}", $"group {group}");
    }

    private int OffsetOf(uint group) => (int)(group % (uint)super.DescriptorsPerBlock) * super.DescriptorSize;

    private ushort Checksum(uint group, ReadOnlySpan<byte> raw)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, group);
        if (super.HasMetadataChecksums)
        {
            var crc = ExtChecksum.Crc32C(super.ChecksumSeed, number);
            crc = ExtChecksum.Crc32C(crc, raw[..0x1E]);
            crc = ExtChecksum.Crc32C(crc, [0, 0]);
            return (ushort)(ExtChecksum.Crc32C(crc, raw[0x20..]) & 0xFFFF);
        }

        var crc16 = ExtChecksum.Crc16(ushort.MaxValue, super.Uuid);
        crc16 = ExtChecksum.Crc16(crc16, number);
        crc16 = ExtChecksum.Crc16(crc16, raw[..0x1E]);
        return ExtChecksum.Crc16(crc16, raw[0x20..]);
    }
}
