using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Walks the entries of one directory block, or of one area of an inline directory, and checks each as the kernel does.</summary>
internal ref struct DirectoryScanner(ReadOnlySpan<byte> area, int blockSize, bool hasFileType, uint inodesCount, string where)
{
    internal const int HeaderSize = 8;
    private readonly ReadOnlySpan<byte> _area = area;
    private int _next;

    /// <summary>Where the entry starts in the area.</summary>
    internal int Offset { get; private set; }

    internal int RecordLength { get; private set; }

    internal uint Inode { get; private set; }

    internal byte FileType { get; private set; }

    internal ReadOnlySpan<byte> Name { get; private set; }

    internal readonly bool IsDots => Name.SequenceEqual("."u8) || Name.SequenceEqual(".."u8);

    /// <summary>Bytes that the entry itself needs; what its record has beyond that is free.</summary>
    internal readonly int UsedLength => Inode == 0 ? 0 : SizeFor(Name.Length);

    internal static int SizeFor(int nameLength) => HeaderSize + ((nameLength + 3) & ~3);

    /// <summary>Record lengths of 64 KiB do not fit 16 bits: they are stored as 65535 or 0.</summary>
    internal static int DecodeLength(ushort stored, int blockSize) =>
        blockSize < 65536 ? stored : stored is 65535 or 0 ? blockSize : (stored & 65532) | ((stored & 3) << 16);

    internal static ushort EncodeLength(int length, int blockSize) =>
        length < 65536 ? (ushort)length : length == blockSize ? (ushort)65535 : (ushort)((length & 65532) | ((length >> 16) & 3));

    internal bool MoveNext()
    {
        if (_next >= _area.Length)
        {
            return false;
        }

        Offset = _next;
        if (_area.Length - Offset < HeaderSize)
        {
            throw Bad("the last entry is cut off");
        }

        var entry = _area[Offset..];
        Inode = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        RecordLength = DecodeLength(BinaryPrimitives.ReadUInt16LittleEndian(entry[4..]), blockSize);
        int nameLength = entry[6];
        FileType = hasFileType ? (byte)(entry[7] & 0x0F) : (byte)0;
        if (!hasFileType && entry[7] != 0)
        {
            throw Bad($"a name of {BinaryPrimitives.ReadUInt16LittleEndian(entry[6..])} bytes");
        }

        if (RecordLength < 12 || (RecordLength & 3) != 0 || RecordLength > entry.Length || (Inode != 0 && SizeFor(nameLength) > RecordLength))
        {
            throw Bad($"record of {RecordLength} bytes with a name of {nameLength}");
        }

        if (Inode > inodesCount || (Inode != 0 && nameLength == 0))
        {
            throw Bad($"a name of {nameLength} bytes leads to inode {Inode} of {inodesCount}");
        }

        Name = Inode == 0 ? default : entry.Slice(HeaderSize, nameLength);
        if (Name.ContainsAny((byte)'/', (byte)0))
        {
            throw Bad("a name contains a slash or NUL");
        }

        _next = Offset + RecordLength;
        return true;
    }

    private readonly DiagnosticException Bad(string what) => ExtDiagnostics.BadDirectory.ToException($"entry at byte {Offset}: {what}", where);
}
