using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>A record of the master file table in memory, its update sequence undone.</summary>
internal sealed class MftRecord(long number, byte[] raw)
{
    internal const ushort InUseFlag = 1;
    internal const ushort DirectoryFlag = 2;
    internal const int FirstAttributeOffset = 56;
    private const int HeaderSize = 42;

    internal long Number => number;

    internal byte[] Raw => raw;

    internal string Where => $"MFT record {number}";

    internal ushort Sequence
    {
        get => U16(16);
        set => BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(16), value);
    }

    internal ushort Links
    {
        get => U16(18);
        set => BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(18), value);
    }

    internal int AttributesOffset => U16(20);

    internal ushort Flags
    {
        get => U16(22);
        set => BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(22), value);
    }

    internal int BytesUsed => (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(24)), int.MaxValue);

    /// <summary>The record that this one continues; 0 for a base record.</summary>
    internal ulong BaseReference => BinaryPrimitives.ReadUInt64LittleEndian(raw.AsSpan(32));

    internal bool IsInUse => (Flags & InUseFlag) != 0;

    internal bool IsDirectory => (Flags & DirectoryFlag) != 0;

    internal ulong Reference => (ulong)number | ((ulong)Sequence << 48);

    internal static bool HasMagic(ReadOnlySpan<byte> raw) => raw[..4].SequenceEqual("FILE"u8);

    /// <summary>Checks what the head says of the record's own size.</summary>
    internal void DemandSound()
    {
        if (AttributesOffset < HeaderSize || AttributesOffset % 8 != 0 || AttributesOffset > raw.Length - 8 || BytesUsed > raw.Length || BytesUsed < AttributesOffset)
        {
            throw NtfsDiagnostics.BadRecord.ToException($"attributes at {AttributesOffset} and {BytesUsed} bytes used of {raw.Length}", Where);
        }
    }

    /// <summary>Where the attributes are in the record.</summary>
    internal IEnumerable<(int Offset, int Length)> Attributes()
    {
        for (var offset = AttributesOffset; offset + 4 <= BytesUsed;)
        {
            var type = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(offset));
            if (type == AttributeType.End)
            {
                yield break;
            }

            if (offset + NtfsAttribute.ResidentHeader > BytesUsed)
            {
                throw NtfsDiagnostics.BadAttribute.ToException($"attribute 0x{type:x} at {offset} begins after {BytesUsed} bytes used", Where);
            }

            var length = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(offset + 4));
            if (length < NtfsAttribute.ResidentHeader || length % 8 != 0 || length > BytesUsed - offset)
            {
                throw NtfsDiagnostics.BadAttribute.ToException($"attribute 0x{type:x} at {offset} has {length} bytes of {BytesUsed}", Where);
            }

            yield return (offset, (int)length);
            offset += (int)length;
        }
    }

    /// <summary>A new record with nothing in it; since version 3.1 it holds its own number.</summary>
    internal static MftRecord Format(long number, int size, ushort sequence, bool hasNumber)
    {
        var raw = new byte[size];
        "FILE"u8.CopyTo(raw);
        var count = (size / UpdateSequence.Stride) + 1;
        var numbers = hasNumber ? 48 : HeaderSize;
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(4), (ushort)numbers);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(6), (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(16), sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(20), (ushort)NtfsAttribute.Align(numbers + (count * 2)));
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(28), (uint)size);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(numbers), 1);
        if (hasNumber)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(44), (uint)number);
        }

        var record = new MftRecord(number, raw);
        record.SetEnd(record.AttributesOffset, 0);
        return record;
    }

    /// <summary>Closes the list of attributes.</summary>
    internal void SetEnd(int offset, ushort nextInstance)
    {
        raw.AsSpan(offset).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(offset), AttributeType.End);
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(24), (uint)(offset + 8));
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(40), nextInstance);
    }

    internal void SetBase(ulong reference) => BinaryPrimitives.WriteUInt64LittleEndian(raw.AsSpan(32), reference);

    private ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(offset));
}
