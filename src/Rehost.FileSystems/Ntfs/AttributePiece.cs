using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>An attribute, or an extent of one, as it is to be written into a record.</summary>
/// <param name="Attribute">The attribute.</param>
/// <param name="FromVcn">The first cluster of the extent.</param>
/// <param name="ToVcn">The cluster after the extent's last one.</param>
/// <param name="Pairs">Mapping pairs; null when the attribute is resident.</param>
internal sealed record AttributePiece(NtfsAttribute Attribute, long FromVcn, long ToVcn, byte[]? Pairs)
{
    internal int Size => Attribute.Value is { } value
        ? NtfsAttribute.ResidentHeader + NtfsAttribute.Align(Attribute.NameBytes) + NtfsAttribute.Align(value.Length)
        : HeaderSize(Attribute, FromVcn) + NtfsAttribute.Align(Pairs?.Length ?? 0);

    /// <summary>The whole attribute in one piece.</summary>
    internal static AttributePiece Whole(NtfsAttribute attribute)
    {
        if (attribute.IsResident)
        {
            return new AttributePiece(attribute, 0, 0, null);
        }

        var pairs = new List<byte>();
        var end = attribute.Runs.Encode(0, int.MaxValue, pairs);
        return new AttributePiece(attribute, 0, end, [.. pairs]);
    }

    /// <summary>As much of an attribute as fits; null when nothing does.</summary>
    internal static AttributePiece? Part(NtfsAttribute attribute, long fromVcn, int room)
    {
        const int shortestPairs = 24;
        var header = HeaderSize(attribute, fromVcn);
        if (room < header + shortestPairs)
        {
            return null;
        }

        var pairs = new List<byte>();
        var end = attribute.Runs.Encode(fromVcn, (room - header) & ~7, pairs);
        return new AttributePiece(attribute, fromVcn, end, [.. pairs]);
    }

    internal void Write(Span<byte> target, ushort instance, int clusterSize)
    {
        var header = Attribute.IsResident ? NtfsAttribute.ResidentHeader : FixedHeader(Attribute, FromVcn);
        BinaryPrimitives.WriteUInt32LittleEndian(target, Attribute.Type);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], (uint)Size);
        target[8] = (byte)(Attribute.IsResident ? 0 : 1);
        target[9] = (byte)Attribute.Name.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(target[10..], (ushort)header);
        BinaryPrimitives.WriteUInt16LittleEndian(target[12..], Attribute.Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(target[14..], instance);
        Attribute.WriteName(target[header..]);
        var content = header + NtfsAttribute.Align(Attribute.NameBytes);
        if (Attribute.Value is { } value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[16..], (uint)value.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(target[20..], (ushort)content);
            target[22] = Attribute.ResidentFlags;
            value.CopyTo(target[content..]);
            return;
        }

        BinaryPrimitives.WriteInt64LittleEndian(target[16..], FromVcn);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], ToVcn - 1);
        BinaryPrimitives.WriteUInt16LittleEndian(target[32..], (ushort)content);
        target[34] = (byte)Attribute.CompressionUnit;
        Pairs.CopyTo(target[content..]);
        if (FromVcn != 0)
        {
            return; // sizes are told once
        }

        BinaryPrimitives.WriteInt64LittleEndian(target[40..], Attribute.Runs.End * clusterSize);
        BinaryPrimitives.WriteInt64LittleEndian(target[48..], Attribute.DataSize);
        BinaryPrimitives.WriteInt64LittleEndian(target[56..], Attribute.InitializedSize);
        if (Attribute.HasCompressedSize)
        {
            BinaryPrimitives.WriteInt64LittleEndian(target[64..], Attribute.Runs.AllocatedClusters * clusterSize);
        }
    }

    private static int FixedHeader(NtfsAttribute attribute, long fromVcn)
        => attribute.HasCompressedSize && fromVcn == 0 ? NtfsAttribute.CompressedHeader : NtfsAttribute.LongHeader;

    private static int HeaderSize(NtfsAttribute attribute, long fromVcn) => FixedHeader(attribute, fromVcn) + NtfsAttribute.Align(attribute.NameBytes);
}
