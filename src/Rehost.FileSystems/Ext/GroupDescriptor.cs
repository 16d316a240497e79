using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>One block group descriptor, decoded.</summary>
internal record struct GroupDescriptor
{
    internal const ushort InodeUninit = 1;
    internal const ushort BlockUninit = 2;
    internal const ushort InodeZeroed = 4;

    internal ulong BlockBitmap;
    internal ulong InodeBitmap;
    internal ulong InodeTable;
    internal uint FreeBlocks;
    internal uint FreeInodes;
    internal uint UsedDirectories;
    internal uint UnusedInodes;
    internal ushort Flags;
    internal uint BlockBitmapChecksum;
    internal uint InodeBitmapChecksum;

    internal static GroupDescriptor Decode(ReadOnlySpan<byte> raw)
    {
        var wide = raw.Length >= 64;
        return new GroupDescriptor
        {
            BlockBitmap = U32(raw, 0x00) | (wide ? (ulong)U32(raw, 0x20) << 32 : 0),
            InodeBitmap = U32(raw, 0x04) | (wide ? (ulong)U32(raw, 0x24) << 32 : 0),
            InodeTable = U32(raw, 0x08) | (wide ? (ulong)U32(raw, 0x28) << 32 : 0),
            FreeBlocks = U16(raw, 0x0C) | (wide ? U16(raw, 0x2C) << 16 : 0),
            FreeInodes = U16(raw, 0x0E) | (wide ? U16(raw, 0x2E) << 16 : 0),
            UsedDirectories = U16(raw, 0x10) | (wide ? U16(raw, 0x30) << 16 : 0),
            Flags = (ushort)U16(raw, 0x12),
            BlockBitmapChecksum = U16(raw, 0x18) | (wide ? U16(raw, 0x38) << 16 : 0),
            InodeBitmapChecksum = U16(raw, 0x1A) | (wide ? U16(raw, 0x3A) << 16 : 0),
            UnusedInodes = U16(raw, 0x1C) | (wide ? U16(raw, 0x32) << 16 : 0),
        };
    }

    /// <summary>Stores what changes in the life of a group; the places of bitmaps and tables never do.</summary>
    internal readonly void EncodeCounts(Span<byte> raw)
    {
        Put(raw, 0x0C, 0x2C, FreeBlocks);
        Put(raw, 0x0E, 0x2E, FreeInodes);
        Put(raw, 0x10, 0x30, UsedDirectories);
        Put(raw, 0x1C, 0x32, UnusedInodes);
        Put(raw, 0x18, 0x38, BlockBitmapChecksum);
        Put(raw, 0x1A, 0x3A, InodeBitmapChecksum);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[0x12..], Flags);
    }

    private static void Put(Span<byte> raw, int low, int high, uint value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(raw[low..], (ushort)(value & 0xFFFF));
        if (raw.Length >= 64)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(raw[high..], (ushort)(value >> 16));
        }
    }

    private static uint U16(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw[offset..]);

    private static uint U32(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(raw[offset..]);
}
