using System.Buffers.Binary;

namespace Rehost.FileSystems.Fat;

/// <summary>The 32 bytes that say what a name leads to.</summary>
internal sealed class FatEntry
{
    internal const int Size = 32;
    internal const byte ReadOnly = 0x01;
    internal const byte VolumeLabel = 0x08;
    internal const byte Directory = 0x10;
    internal const byte Archive = 0x20;
    internal const byte LongName = 0x0F;
    internal const byte Deleted = 0xE5;

    internal FatEntry(byte[] raw, int bits)
    {
        Raw = raw;
        Bits = bits;
    }

    internal byte[] Raw { get; }

    internal int Bits { get; }

    internal byte Attributes => Raw[11];

    internal bool IsDirectory => (Attributes & Directory) != 0;

    internal uint FirstCluster
    {
        // The upper half belongs to FAT32 only; OS/2 kept extended attributes there.
        get => BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(26)) | (Bits == 32 ? (uint)BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(20)) << 16 : 0);
        set
        {
            BinaryPrimitives.WriteUInt16LittleEndian(Raw.AsSpan(26), (ushort)(value & 0xFFFF));
            if (Bits == 32)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(Raw.AsSpan(20), (ushort)(value >> 16));
            }
        }
    }

    internal uint Length
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(Raw.AsSpan(28));
        set => BinaryPrimitives.WriteUInt32LittleEndian(Raw.AsSpan(28), value);
    }

    internal DateTimeOffset Modified => FatTime.Decode(BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(24)), BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(22)));

    internal void SetModified(DateTimeOffset moment)
    {
        var (date, time) = FatTime.Encode(moment);
        BinaryPrimitives.WriteUInt16LittleEndian(Raw.AsSpan(22), time);
        BinaryPrimitives.WriteUInt16LittleEndian(Raw.AsSpan(24), date);
        BinaryPrimitives.WriteUInt16LittleEndian(Raw.AsSpan(18), date);
    }

    internal static FatEntry Make(ReadOnlySpan<byte> shortName, byte attributes, int bits, DateTimeOffset moment)
    {
        var entry = new FatEntry(new byte[Size], bits);
        shortName.CopyTo(entry.Raw);
        entry.Raw[11] = attributes;
        var (date, time) = FatTime.Encode(moment);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.Raw.AsSpan(14), time);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.Raw.AsSpan(16), date);
        entry.SetModified(moment);
        return entry;
    }
}
