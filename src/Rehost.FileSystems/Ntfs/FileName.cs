using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>A name of a file: an attribute of it, and the key of the directory's entry, which repeats what a listing shows.</summary>
internal sealed class FileName
{
    internal const int HeaderSize = 66;
    internal const byte Posix = 0;
    internal const byte Windows = 1;
    internal const byte Dos = 2;
    internal const byte WindowsAndDos = 3;
    internal const uint DirectoryFlag = 0x10000000;
    internal const uint ReparseFlag = 0x400;

    private FileName(byte[] raw) => Raw = raw;

    internal byte[] Raw { get; }

    internal ulong Parent => BinaryPrimitives.ReadUInt64LittleEndian(Raw);

    internal uint Flags => BinaryPrimitives.ReadUInt32LittleEndian(Raw.AsSpan(56));

    /// <summary>The tag of a reparse point; the size of extended attributes where there is none.</summary>
    internal uint ReparseTag => BinaryPrimitives.ReadUInt32LittleEndian(Raw.AsSpan(60));

    internal byte Namespace => Raw[65];

    internal string Name => NtfsAttribute.ReadName(Raw.AsSpan(HeaderSize, Raw[64] * 2));

    internal bool IsDirectory => (Flags & DirectoryFlag) != 0;

    internal bool IsReparsePoint => (Flags & ReparseFlag) != 0;

    internal static FileName Parse(ReadOnlySpan<byte> raw, string where)
    {
        if (raw.Length < HeaderSize || raw[64] == 0 || raw.Length < HeaderSize + (raw[64] * 2))
        {
            throw NtfsDiagnostics.BadAttribute.ToException($"a file name of {raw.Length} bytes", where);
        }

        return new FileName(raw[..(HeaderSize + (raw[64] * 2))].ToArray());
    }

    /// <summary>The UTF-16 units of a name, where it is: searching looks at many.</summary>
    internal static ReadOnlySpan<byte> UnitsOf(ReadOnlySpan<byte> raw, string where)
        => raw.Length > HeaderSize && raw[64] != 0 && raw.Length >= HeaderSize + (raw[64] * 2)
            ? raw.Slice(HeaderSize, raw[64] * 2)
            : throw NtfsDiagnostics.BadAttribute.ToException($"a file name of {raw.Length} bytes", where);

    internal static FileName Make(ulong parent, string name, uint flags, long time)
    {
        var raw = new byte[HeaderSize + (name.Length * 2)];
        BinaryPrimitives.WriteUInt64LittleEndian(raw, parent);
        for (var at = 8; at < 40; at += 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(raw.AsSpan(at), time);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(56), flags);
        raw[64] = (byte)name.Length;
        raw[65] = Posix; // the namespace without an alias, as other implementations that make none use it
        for (var i = 0; i < name.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(HeaderSize + (i * 2)), name[i]);
        }

        return new FileName(raw);
    }

    /// <summary>The same in another namespace.</summary>
    internal FileName In(byte space)
    {
        Raw[65] = space;
        return this;
    }

    internal FileName With(ulong parent, string name)
    {
        var made = Make(parent, name, 0, 0);
        Raw.AsSpan(8, 56).CopyTo(made.Raw.AsSpan(8));
        return made;
    }
}
