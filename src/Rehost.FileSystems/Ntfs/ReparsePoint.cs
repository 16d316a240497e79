using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>What stands in the place of a file or directory ([MS-FSCC] 2.1.2): links, mount points, compressed system files.</summary>
internal sealed class ReparsePoint
{
    internal const uint MountPoint = 0xA0000003;
    internal const uint SymbolicLink = 0xA000000C;
    internal const uint LinuxLink = 0xA000001D;
    internal const uint CompressedFile = 0x80000017;
    private const uint Socket = 0x80000023;
    private const uint Fifo = 0x80000024;
    private const uint CharacterDevice = 0x80000025;
    private const uint BlockDevice = 0x80000026;
    private const uint NameSurrogate = 0x20000000;
    private const int HeaderSize = 8;
    private readonly byte[] _data;
    private readonly string _where;

    internal ReparsePoint(byte[] raw, string where)
    {
        _where = where;
        if (raw.Length < HeaderSize || BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(4)) is var length && length > raw.Length - HeaderSize)
        {
            throw NtfsDiagnostics.BadReparse.ToException($"{raw.Length} bytes", where);
        }

        Tag = BinaryPrimitives.ReadUInt32LittleEndian(raw);
        _data = raw[HeaderSize..(HeaderSize + length)];
    }

    internal uint Tag { get; }

    internal ReadOnlySpan<byte> Data => _data;

    /// <summary>The attribute of a symbolic link that starts at its own directory, or at the root of its volume ([MS-FSCC] 2.1.2.4); the path twice, as it is used and as it is shown.</summary>
    internal static byte[] MakeSymbolicLink(string path)
    {
        const int fields = 12;
        const int relative = 1;
        var length = path.Length * 2;
        var raw = new byte[HeaderSize + fields + (2 * length)];
        BinaryPrimitives.WriteUInt32LittleEndian(raw, SymbolicLink);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(4), (ushort)(raw.Length - HeaderSize));
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(10), (ushort)length);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(12), (ushort)length);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(14), (ushort)length);
        raw[16] = relative;
        for (var i = 0; i < path.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(HeaderSize + fields + (i * 2)), path[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(HeaderSize + fields + length + (i * 2)), path[i]);
        }

        return raw;
    }

    /// <summary>What a tag makes of a node; null when it stays what it is.</summary>
    internal static NodeKind? KindOf(uint tag) => tag switch
    {
        CompressedFile => null,
        Socket => NodeKind.Socket,
        Fifo => NodeKind.Fifo,
        CharacterDevice => NodeKind.CharacterDevice,
        BlockDevice => NodeKind.BlockDevice,
        _ when (tag & NameSurrogate) != 0 => NodeKind.SymbolicLink,
        _ => null,
    };

    /// <summary>The target as it is stored: a path of Windows, or of Linux, and whether it is relative.</summary>
    internal (string Path, bool IsWindows, bool IsRelative) ReadTarget()
    {
        const int mountPointHeader = 8;
        const int symbolicLinkHeader = 12;
        switch (Tag)
        {
            case LinuxLink when _data.Length >= 4:
                return (GuestText.Decode(Data[4..]), false, false);
            case SymbolicLink when _data.Length >= symbolicLinkHeader:
                return (Text(symbolicLinkHeader), true, (BinaryPrimitives.ReadUInt32LittleEndian(Data[8..]) & 1) != 0);
            case MountPoint when _data.Length >= mountPointHeader:
                return (Text(mountPointHeader), true, false);
            case SymbolicLink or MountPoint or LinuxLink:
                throw NtfsDiagnostics.BadReparse.ToException($"a link with {_data.Length} bytes", _where);
            default:
                return ($"unsupported reparse tag 0x{Tag:x8}", false, false); // the words that ntfs-3g shows
        }
    }

    private string Text(int header)
    {
        var (offset, length) = (BinaryPrimitives.ReadUInt16LittleEndian(Data), BinaryPrimitives.ReadUInt16LittleEndian(Data[2..]));
        return header + offset + length <= _data.Length
            ? NtfsAttribute.ReadName(Data.Slice(header + offset, length & ~1))
            : throw NtfsDiagnostics.BadReparse.ToException($"a target of {length} bytes at {offset} in {_data.Length}", _where);
    }
}
