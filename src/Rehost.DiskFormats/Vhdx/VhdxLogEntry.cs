using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>The head of an entry of the log ([MS-VHDX] 2.3.1).</summary>
/// <param name="Offset">Where in the log it starts.</param>
/// <param name="Length">Its bytes, in whole sectors; it may run on at the start of the log.</param>
/// <param name="Tail">Where the oldest entry starts that must be replayed with it.</param>
/// <param name="SequenceNumber">One more than that of the entry before.</param>
/// <param name="Descriptors">How many changes it holds.</param>
/// <param name="FlushedFileOffset">How long the file was at least when it was written.</param>
/// <param name="LastFileOffset">How long the file is to be.</param>
internal readonly record struct VhdxLogEntry(uint Offset, uint Length, uint Tail, ulong SequenceNumber, uint Descriptors, ulong FlushedFileOffset, ulong LastFileOffset)
{
    public const int SectorSize = 4096;
    public const int HeaderSize = 64;
    public const int DescriptorSize = 32;

    public static ReadOnlySpan<byte> Signature => "loge"u8;

    /// <summary>Sectors before those of data.</summary>
    public uint DescriptorSectors => (uint)((HeaderSize + ((ulong)Descriptors * DescriptorSize) + SectorSize - 1) / SectorSize);

    /// <summary>Reads the entry that starts at a sector of the log; null for none of this log. Its checksum is not looked at.</summary>
    public static VhdxLogEntry? TryParse(ReadOnlySpan<byte> log, uint offset, Guid logId)
    {
        var bytes = log.Slice((int)offset, HeaderSize);
        if (!bytes.StartsWith(Signature) || new Guid(bytes.Slice(32, 16)) != logId)
        {
            return null;
        }

        return new VhdxLogEntry(
            offset,
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]));
    }

    /// <summary>Whether its numbers are possible in this log.</summary>
    public bool IsPlausible(int logLength)
        => Length >= SectorSize && Length % SectorSize == 0 && Length <= logLength && Tail % SectorSize == 0 && Tail < logLength && SequenceNumber > 0
            && (ulong)DescriptorSectors * SectorSize <= Length;

    /// <summary>Whether its checksum is right: an entry that was not written completely is none.</summary>
    public bool IsWhole(ReadOnlySpan<byte> log)
    {
        var start = log[(int)Offset..];
        var first = start[..(int)Math.Min(Length, (uint)start.Length)];
        var sum = Crc32C.Update(VhdxFields.SumOfStart(first), first[8..]);
        return ~Crc32C.Update(sum, log[..((int)Length - first.Length)]) == BinaryPrimitives.ReadUInt32LittleEndian(first[4..]);
    }

    /// <summary>A sector of the entry.</summary>
    public ReadOnlySpan<byte> Sector(ReadOnlySpan<byte> log, uint number)
        => log.Slice((int)((Offset + ((long)number * SectorSize)) % log.Length), SectorSize);
}
