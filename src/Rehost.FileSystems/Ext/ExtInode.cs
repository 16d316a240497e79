using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>i_flags.</summary>
[Flags]
internal enum InodeFlags : uint
{
    None = 0,
    Immutable = 0x10,
    AppendOnly = 0x20,
    Compressed = 0x4,
    Encrypted = 0x800,
    Index = 0x1000,
    JournalData = 0x4000,
    TopDirectory = 0x20000,
    HugeFile = 0x40000,
    Extents = 0x80000,
    Verity = 0x100000,
    EaInode = 0x200000,
    InlineData = 0x10000000,
    ProjectInherit = 0x20000000,
    CaseFold = 0x40000000,
}

/// <summary>A copy of an inode's bytes with names for its fields. Changes count once it is stored with <see cref="InodeTable.Put"/>.</summary>
internal sealed class ExtInode(uint number, byte[] raw)
{
    internal const int BlockAreaOffset = 0x28;
    internal const int BlockAreaLength = 60;
    internal const int TypeMask = 0xF000;
    internal const int TypeFifo = 0x1000;
    internal const int TypeCharacter = 0x2000;
    internal const int TypeDirectory = 0x4000;
    internal const int TypeBlock = 0x6000;
    internal const int TypeFile = 0x8000;
    internal const int TypeLink = 0xA000;
    internal const int TypeSocket = 0xC000;

    internal uint Number => number;

    internal byte[] Raw => raw;

    internal string Where => $"inode {number}";

    internal int Mode
    {
        get => U16(0);
        set => Put16(0, (ushort)value);
    }

    internal uint Uid
    {
        get => U16(2) | ((uint)U16(0x78) << 16);
        set
        {
            Put16(2, (ushort)(value & 0xFFFF));
            Put16(0x78, (ushort)(value >> 16));
        }
    }

    internal uint Gid
    {
        get => U16(0x18) | ((uint)U16(0x7A) << 16);
        set
        {
            Put16(0x18, (ushort)(value & 0xFFFF));
            Put16(0x7A, (ushort)(value >> 16));
        }
    }

    internal uint SizeLow
    {
        get => U32(4);
        set => Put32(4, value);
    }

    internal uint SizeHigh
    {
        get => U32(0x6C);
        set => Put32(0x6C, value);
    }

    internal uint AccessTime
    {
        get => U32(0x08);
        set => Put32(0x08, value);
    }

    internal uint ChangeTime
    {
        get => U32(0x0C);
        set => Put32(0x0C, value);
    }

    internal uint DeleteTime
    {
        get => U32(0x14);
        set => Put32(0x14, value);
    }

    internal ushort Links
    {
        get => U16(0x1A);
        set => Put16(0x1A, value);
    }

    internal InodeFlags Flags
    {
        get => (InodeFlags)U32(0x20);
        set => Put32(0x20, (uint)value);
    }

    internal uint Version
    {
        get => U32(0x24);
        set => Put32(0x24, value);
    }

    internal uint Generation
    {
        get => U32(0x64);
        set => Put32(0x64, value);
    }

    internal ulong XattrBlock
    {
        get => U32(0x68) | ((ulong)U16(0x76) << 32);
        set
        {
            Put32(0x68, (uint)(value & uint.MaxValue));
            Put16(0x76, (ushort)(value >> 32));
        }
    }

    internal uint BlocksLow
    {
        get => U32(0x1C);
        set => Put32(0x1C, value);
    }

    internal ushort BlocksHigh
    {
        get => U16(0x74);
        set => Put16(0x74, value);
    }

    internal int ExtraSize => raw.Length > 128 ? U16(0x80) : 0;

    internal Span<byte> BlockArea => raw.AsSpan(BlockAreaOffset, BlockAreaLength);

    internal int Type => Mode & TypeMask;

    internal bool IsDirectory => Type == TypeDirectory;

    internal bool IsFile => Type == TypeFile;

    internal bool IsLink => Type == TypeLink;

    internal NodeKind Kind => Type switch
    {
        TypeFile => NodeKind.File,
        TypeDirectory => NodeKind.Directory,
        TypeLink => NodeKind.SymbolicLink,
        TypeCharacter => NodeKind.CharacterDevice,
        TypeBlock => NodeKind.BlockDevice,
        TypeFifo => NodeKind.Fifo,
        TypeSocket => NodeKind.Socket,
        _ => throw ExtDiagnostics.BadInode.ToException($"mode 0{Convert.ToString(Mode, 8)} is of no known type", Where),
    };

    /// <summary>A symbolic link whose target lies in the inode itself, where block numbers would be.</summary>
    internal bool IsFastLink => IsLink && SizeLow < BlockAreaLength && SizeHigh == 0 && !Has(InodeFlags.InlineData)
        && !(Has(InodeFlags.Extents) && U16(BlockAreaOffset) == ExtentTree.Magic);

    internal DateTimeOffset Modified => ToTime(0x10, 0x88);

    internal bool Has(InodeFlags flag) => (Flags & flag) != 0;

    /// <summary>Whether the inode reaches a field beyond the first 128 bytes (i_extra_isize says so).</summary>
    internal bool Reaches(int offset, int length) => raw.Length > 128 && 128 + ExtraSize >= offset + length && raw.Length >= offset + length;

    internal void SetModified(DateTimeOffset time)
    {
        SetTime(0x10, 0x88, time);
        SetChanged(time);
    }

    internal void SetChanged(DateTimeOffset time) => SetTime(0x0C, 0x84, time);

    internal void SetBorn(DateTimeOffset time)
    {
        SetModified(time);
        SetTime(0x08, 0x8C, time);
        if (Reaches(0x94, 4))
        {
            SetTime(0x90, 0x94, time);
        }
    }

    internal void PutProject(uint project) => Put32(0x9C, project);

    internal uint Project => Reaches(0x9C, 4) ? U32(0x9C) : 0;

    internal ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(offset));

    internal uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(offset));

    internal void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(offset), value);

    internal void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(offset), value);

    private DateTimeOffset ToTime(int seconds, int extra)
    {
        long value = unchecked((int)U32(seconds));
        long nanoseconds = 0;
        if (Reaches(extra, 4))
        {
            // The two low bits of the extra field extend the seconds past 2038, the rest are nanoseconds.
            var more = U32(extra);
            value += (long)(more & 3) << 32;
            nanoseconds = Math.Min(more >> 2, 999_999_999);
        }

        return DateTimeOffset.FromUnixTimeSeconds(value).AddTicks(nanoseconds / 100);
    }

    private void SetTime(int seconds, int extra, DateTimeOffset time)
    {
        var value = time.ToUnixTimeSeconds();
        if (!Reaches(extra, 4))
        {
            value = Math.Clamp(value, int.MinValue, int.MaxValue);
            Put32(seconds, unchecked((uint)value));
            return;
        }

        value = Math.Clamp(value, int.MinValue, (3L << 32) + int.MaxValue);
        Put32(seconds, unchecked((uint)value));
        var epoch = (uint)((value - unchecked((int)value)) >> 32) & 3;
        var nanoseconds = (uint)(time.ToUniversalTime().Ticks % TimeSpan.TicksPerSecond * 100);
        Put32(extra, (nanoseconds << 2) | epoch);
    }
}
