using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The bytes of an inode, to be changed.</summary>
internal sealed class InodeRecord(ulong number, byte[] raw)
{
    internal const int TypeFile = 0x8000;
    internal const int TypeDirectory = 0x4000;
    internal const int TypeLink = 0xA000;
    private const ulong BigTime = 8;
    private const ulong ManyExtents = 0x10;

    internal ulong Number => number;

    internal byte[] Raw => raw;

    internal string Where => $"inode {number}";

    internal int Mode
    {
        get => U16(2);
        set => Put16(2, value);
    }

    internal int Type => Mode & 0xF000;

    internal bool IsDirectory => Type == TypeDirectory;

    internal int Version
    {
        get => raw[4];
        set => raw[4] = (byte)value;
    }

    internal uint Uid
    {
        get => U32(8);
        set => Put32(8, value);
    }

    internal uint Gid
    {
        get => U32(12);
        set => Put32(12, value);
    }

    internal uint Links
    {
        get => U32(16);
        set => Put32(16, value);
    }

    internal long Size
    {
        get => BinaryPrimitives.ReadInt64BigEndian(raw.AsSpan(56));
        set => BinaryPrimitives.WriteInt64BigEndian(raw.AsSpan(56), value);
    }

    internal ulong Blocks
    {
        get => U64(64);
        set => Put64(64, value);
    }

    internal int Flags
    {
        get => U16(90);
        set => Put16(90, value);
    }

    internal uint Generation
    {
        get => U32(92);
        set => Put32(92, value);
    }

    internal ulong Flags2
    {
        get => Version >= 3 ? U64(120) : 0;
        set => Put64(120, value);
    }

    internal bool HasManyExtents => (Flags2 & ManyExtents) != 0;

    internal int CoreSize => Version >= 3 ? 176 : 100;

    /// <summary>Bytes behind the core for both forks.</summary>
    internal int Literal => raw.Length - CoreSize;

    /// <summary>Bytes of the fork of content.</summary>
    internal int DataCapacity => raw[82] == 0 ? Literal : Math.Min(raw[82] * 8, Literal);

    /// <summary>Where the fork of attributes starts, in units of 8 bytes behind the core; 0 when there is none.</summary>
    internal byte ForkOffset
    {
        get => raw[82];
        set => raw[82] = value;
    }

    internal static void SetDefaults(InodeRecord inode, bool isBigTime, bool hasManyExtents)
        => inode.Flags2 = (isBigTime ? BigTime : 0) | (hasManyExtents ? ManyExtents : 0);

    /// <summary>This inode as the reader sees it.</summary>
    internal XfsInode ToParsed(Store store)
    {
        var copy = (byte[])raw.Clone();
        if (Version >= 3)
        {
            Store.Seal(copy, InodeStore.ChecksumAt);
        }

        return XfsInode.Parse(copy, number, store.Super);
    }

    internal XfsFormat GetFormat(bool isAttribute) => (XfsFormat)raw[isAttribute ? 83 : 5];

    internal void SetFormat(bool isAttribute, XfsFormat format) => raw[isAttribute ? 83 : 5] = (byte)format;

    internal Span<byte> GetFork(bool isAttribute) => isAttribute
        ? ForkOffset == 0 ? [] : raw.AsSpan(CoreSize + DataCapacity)
        : raw.AsSpan(CoreSize, DataCapacity);

    internal ulong GetExtentCount(bool isAttribute) => (isAttribute, HasManyExtents) switch
    {
        (false, true) => U64(24),
        (false, false) => U32(76),
        (true, true) => U32(76),
        (true, false) => (ulong)U16(80),
    };

    internal void SetExtentCount(bool isAttribute, ulong count)
    {
        switch (isAttribute, HasManyExtents)
        {
            case (false, true):
                Put64(24, count);
                break;
            case (true, false):
                Put16(80, (int)count);
                break;
            default:
                Put32(76, (uint)count);
                break;
        }
    }

    internal void SetAccessed(DateTimeOffset time) => PutTime(32, time);

    internal void SetModified(DateTimeOffset time)
    {
        PutTime(40, time);
        SetChanged(time);
    }

    internal void SetChanged(DateTimeOffset time)
    {
        PutTime(48, time);
        if (Version >= 3)
        {
            Put64(104, unchecked(U64(104) + 1));
        }
    }

    internal void SetBorn(DateTimeOffset time)
    {
        SetAccessed(time);
        SetModified(time);
        if (Version >= 3)
        {
            PutTime(144, time);
        }
    }

    internal int U16(int at) => BinaryPrimitives.ReadUInt16BigEndian(raw.AsSpan(at));

    internal uint U32(int at) => BinaryPrimitives.ReadUInt32BigEndian(raw.AsSpan(at));

    internal ulong U64(int at) => BinaryPrimitives.ReadUInt64BigEndian(raw.AsSpan(at));

    internal void Put16(int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(raw.AsSpan(at), (ushort)value);

    internal void Put32(int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(raw.AsSpan(at), value);

    internal void Put64(int at, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(raw.AsSpan(at), value);

    /// <summary>With bigtime one count of nanoseconds since December 1901, else seconds of 32 bits and nanoseconds.</summary>
    private void PutTime(int at, DateTimeOffset time)
    {
        var (seconds, nanoseconds) = (time.ToUnixTimeSeconds(), (time.UtcTicks % 10_000_000) * 100);
        if ((Flags2 & BigTime) != 0)
        {
            Put64(at, ((ulong)(Math.Clamp(seconds, int.MinValue, 16_299_260_424) + 2_147_483_648) * 1_000_000_000) + (ulong)nanoseconds);
        }
        else
        {
            BinaryPrimitives.WriteInt32BigEndian(raw.AsSpan(at), (int)Math.Clamp(seconds, int.MinValue, int.MaxValue));
            Put32(at + 4, (uint)nanoseconds);
        }
    }
}
