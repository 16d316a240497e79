using System.Buffers.Binary;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>What stands before each piece of a stream (Virtual Disk Format 5.0, "Markers").</summary>
/// <param name="Value">Of a grain: its first sector on the disk. Of metadata: its sectors.</param>
/// <param name="Size">Of a grain: bytes of compressed data, which follow at once. Of metadata: 0.</param>
/// <param name="Kind">Of metadata: what follows in the next sector.</param>
internal readonly record struct VmdkMarker(ulong Value, uint Size, VmdkMarkerKind Kind)
{
    /// <summary>Bytes before the data of a grain.</summary>
    public const int GrainHeaderSize = 12;

    public static VmdkMarker Parse(ReadOnlySpan<byte> bytes)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        return new VmdkMarker(BinaryPrimitives.ReadUInt64LittleEndian(bytes), size, size == 0 ? (VmdkMarkerKind)BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) : default);
    }

    /// <summary>Writes the marker of metadata (16 bytes) or of a grain (12).</summary>
    public void WriteTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Value);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Size);
        if (Size == 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], (uint)Kind);
        }
    }
}

/// <summary>Kinds of metadata in a stream.</summary>
internal enum VmdkMarkerKind : uint
{
    EndOfStream,
    GrainTable,
    GrainDirectory,
    Footer,
}
