using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>struct btrfs_file_extent_item: a stretch of a file.</summary>
internal readonly record struct BtrfsExtent
{
    private const int InlineHeader = 21;
    private const int Size = 53;

    /// <summary>BTRFS_MAX_COMPRESSED and BTRFS_MAX_UNCOMPRESSED are 128 KiB; nothing compressed is larger.</summary>
    private const long CompressedLimit = 128 * 1024;

    /// <summary>Where in the file it starts.</summary>
    public long Start { get; private init; }

    /// <summary>Bytes of the file that it covers.</summary>
    public long Length { get; private init; }

    public long End => Start + Length;

    /// <summary>0 none, 1 zlib, 2 LZO, 3 zstd.</summary>
    public byte Compression { get; private init; }

    /// <summary>Whether it reads as zeros: a hole, or allocated and never written.</summary>
    public bool IsZero { get; private init; }

    /// <summary>The content itself, when it is small enough to stand in the tree.</summary>
    public ReadOnlyMemory<byte>? Inline { get; private init; }

    /// <summary>Logical address of what is stored.</summary>
    public ulong DiskStart { get; private init; }

    /// <summary>Bytes stored, compressed or not.</summary>
    public long DiskLength { get; private init; }

    /// <summary>Bytes of the whole extent when decoded; a file may use a part of it.</summary>
    public long DecodedLength { get; private init; }

    /// <summary>Where in the decoded extent the file's part starts.</summary>
    public long Offset { get; private init; }

    public static BtrfsExtent Parse(BtrfsItem item)
    {
        var data = item.Data.Span;
        if (data.Length < InlineHeader || item.Key.Offset > long.MaxValue)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"a file extent of {data.Length} bytes", $"item {item.Key}");
        }

        var start = (long)item.Key.Offset;
        var decoded = BinaryPrimitives.ReadInt64LittleEndian(data[8..]);
        var (compression, encryption, encoding, type) = (data[16], data[17], BinaryPrimitives.ReadUInt16LittleEndian(data[18..]), data[20]);
        if (compression > 3 || encryption != 0 || encoding != 0 || type > 2)
        {
            throw BtrfsDiagnostics.UnknownFeature.ToException($"a file extent with compression {compression}, encryption {encryption}, encoding {encoding}, type {type}", $"item {item.Key}");
        }

        if (type == 0)
        {
            var length = compression == 0 ? data.Length - InlineHeader : decoded;
            return length is >= 0 and <= CompressedLimit
                ? new BtrfsExtent { Start = start, Length = length, Compression = compression, Inline = item.Data[InlineHeader..], DecodedLength = length }
                : throw BtrfsDiagnostics.BadItem.ToException($"an inline extent of {length} bytes", $"item {item.Key}");
        }

        if (data.Length < Size)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"a file extent of {data.Length} bytes", $"item {item.Key}");
        }

        var extent = new BtrfsExtent
        {
            Start = start,
            Compression = compression,
            DiskStart = BinaryPrimitives.ReadUInt64LittleEndian(data[21..]),
            DiskLength = BinaryPrimitives.ReadInt64LittleEndian(data[29..]),
            Offset = BinaryPrimitives.ReadInt64LittleEndian(data[37..]),
            Length = BinaryPrimitives.ReadInt64LittleEndian(data[45..]),
            DecodedLength = decoded,
            IsZero = type == 2 || BinaryPrimitives.ReadUInt64LittleEndian(data[21..]) == 0,
        };
        var isSane = extent.Length > 0 && extent.Length <= long.MaxValue - start && extent.DiskLength >= 0 && extent.Offset >= 0
            && (extent.IsZero || (decoded > 0 && extent.Offset <= decoded && extent.Length <= decoded - extent.Offset && extent.DiskStart <= long.MaxValue
                && (compression == 0 ? extent.DiskLength >= decoded : extent.DiskLength <= CompressedLimit && decoded <= CompressedLimit)));
        return isSane ? extent
            : throw BtrfsDiagnostics.BadItem.ToException($"a file extent of {extent.Length} bytes from {extent.Offset} of {decoded}, stored in {extent.DiskLength} at {extent.DiskStart}", $"item {item.Key}");
    }
}
