using System.Buffers.Binary;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>The bytes of an undo journal: docs/formats/undo.md. Little-endian.</summary>
internal static class UndoFormat
{
    public const uint Version = 1;
    public const int HeaderSize = 64;
    public const int RangeSize = 32;
    public const int SealSize = 64;
    public const int StateSize = 32;
    public const int HashSize = 32;

    /// <summary>The most bytes of one range.</summary>
    public const int LargestRange = 1 << 20;

    /// <summary>The most bytes of a description: segments of a disk of 16 TiB, and volumes.</summary>
    public const long LargestDescription = 64 << 20;

    public static ReadOnlySpan<byte> Magic => "RHUNDOJ\n"u8;

    public static ReadOnlySpan<byte> SealMagic => "RHSEALED"u8;

    public static byte[] Header(int disks, long description, long ranges, long sealedLength)
    {
        var header = new byte[HeaderSize];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), disks);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), description);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(24), ranges);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(32), sealedLength);
        return WithChecksum(header);
    }

    public static byte[] Range(int disk, long offset, int length, bool oldIsZero, bool newIsZero, ReadOnlySpan<byte> payload)
    {
        var range = new byte[RangeSize];
        BinaryPrimitives.WriteInt32LittleEndian(range, disk);
        BinaryPrimitives.WriteInt32LittleEndian(range.AsSpan(4), (oldIsZero ? 1 : 0) | (newIsZero ? 2 : 0));
        BinaryPrimitives.WriteInt64LittleEndian(range.AsSpan(8), offset);
        BinaryPrimitives.WriteInt32LittleEndian(range.AsSpan(16), length);
        BinaryPrimitives.WriteUInt32LittleEndian(range.AsSpan(20), Crc32.Of(payload));
        return WithChecksum(range);
    }

    public static byte[] Seal(long ranges, ReadOnlySpan<byte> hash)
    {
        var seal = new byte[SealSize];
        SealMagic.CopyTo(seal);
        BinaryPrimitives.WriteInt64LittleEndian(seal.AsSpan(8), ranges);
        hash.CopyTo(seal.AsSpan(16));
        return WithChecksum(seal);
    }

    public static byte[] State(UndoState state, int disk, long position, long sequence)
    {
        var record = new byte[StateSize];
        BinaryPrimitives.WriteInt32LittleEndian(record, (int)state);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), disk);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(8), position);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(16), sequence);
        return WithChecksum(record);
    }

    /// <summary>Whether the last four bytes are the CRC-32 of those before.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record[^4..]) == Crc32.Of(record[..^4]);

    public static DiagnosticException Damaged(string found, string name) => UndoDiagnostics.Damaged.ToException(found, name);

    private static byte[] WithChecksum(byte[] record)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(record.Length - 4), Crc32.Of(record.AsSpan(0, record.Length - 4)));
        return record;
    }
}
