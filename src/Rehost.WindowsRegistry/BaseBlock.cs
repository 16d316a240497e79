using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>Fields of a hive's first 4096 bytes, of which a log repeats the first 512.</summary>
internal static class BaseBlock
{
    internal const int Size = 4096;
    internal const int LogSize = 512;
    internal const int PrimaryFile = 0;
    internal const int OldLog = 1;
    internal const int NewLog = 6;
    internal const int TimeOffset = 12;
    private const int ChecksumOffset = 508;

    internal static bool IsHive(ReadOnlySpan<byte> block) => block.Length >= LogSize && block.StartsWith("regf"u8);

    internal static uint PrimarySequence(ReadOnlySpan<byte> block) => U32(block, 4);

    internal static uint SecondarySequence(ReadOnlySpan<byte> block) => U32(block, 8);

    internal static long Time(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadInt64LittleEndian(block[TimeOffset..]);

    internal static uint MajorVersion(ReadOnlySpan<byte> block) => U32(block, 20);

    internal static uint MinorVersion(ReadOnlySpan<byte> block) => U32(block, 24);

    internal static uint FileType(ReadOnlySpan<byte> block) => U32(block, 28);

    internal static uint RootCell(ReadOnlySpan<byte> block) => U32(block, 36);

    internal static uint BinsSize(ReadOnlySpan<byte> block) => U32(block, 40);

    internal static bool HasSoundChecksum(ReadOnlySpan<byte> block) => U32(block, ChecksumOffset) == Checksum(block);

    /// <summary>Sets what changes when a hive has been written completely.</summary>
    internal static void Finish(Span<byte> block, uint sequence, int binsSize, long time)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(block[8..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(block[TimeOffset..], time);
        BinaryPrimitives.WriteInt32LittleEndian(block[28..], PrimaryFile);
        BinaryPrimitives.WriteInt32LittleEndian(block[40..], binsSize);
        BinaryPrimitives.WriteUInt32LittleEndian(block[ChecksumOffset..], Checksum(block));
    }

    /// <summary>The block of a new hive.</summary>
    internal static byte[] Make(int minorVersion, int rootCell)
    {
        var block = new byte[Size];
        "regf"u8.CopyTo(block);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(20), 1);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(24), minorVersion);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(32), 1); // loaded into memory as it is
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(36), rootCell);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(44), 1);
        return block;
    }

    private static uint Checksum(ReadOnlySpan<byte> block)
    {
        var sum = 0u;
        for (var at = 0; at < ChecksumOffset; at += 4)
        {
            sum ^= U32(block, at);
        }

        return sum switch { 0 => 1, uint.MaxValue => uint.MaxValue - 1, _ => sum };
    }

    private static uint U32(ReadOnlySpan<byte> block, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(block[offset..]);
}
