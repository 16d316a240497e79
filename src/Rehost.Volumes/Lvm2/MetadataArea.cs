using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>Reads the current text out of a metadata area: a header of one sector, and behind it a ring that each change is written further into.</summary>
internal static class MetadataArea
{
    /// <summary>The most text that is read. lvmcreate's default area is 1 MiB; groups of thousands of volumes have a few.</summary>
    public const int MaximumText = 32 << 20;

    private const int HeaderLength = 512;
    private const int LocationStart = 40;
    private const uint IsIgnored = 1;

    private static ReadOnlySpan<byte> Magic => " LVM2 x[5A%r0N*>"u8;

    /// <summary>The text of the group's metadata; null when this area holds none, as on a volume that is in no group.</summary>
    /// <exception cref="DiagnosticException">The area is damaged (VOL005).</exception>
    public static byte[]? Read(IBlockDevice device, ByteRange area)
    {
        var where = $"LVM metadata area at {area.Offset}";
        if (area.Length < HeaderLength * 2)
        {
            throw VolumeDiagnostics.Damaged.ToException($"it has {area.Length} bytes; {HeaderLength * 2} at least are needed", where);
        }

        Span<byte> header = stackalloc byte[HeaderLength];
        device.Read(new GuestOffset(area.Offset), header);
        if (!header[4..].StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(header) != LvmChecksum.Of(header[4..]))
        {
            throw VolumeDiagnostics.Damaged.ToException("its header has no signature or a wrong checksum", where);
        }

        var start = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[20..]) != 1 || start != (ulong)area.Offset || size > (ulong)area.Length || size < HeaderLength * 2)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its header describes {size} bytes at {start}; the label {area.Length} at {area.Offset}", where);
        }

        // Where the text is now; the second entry would be a change that was prepared and not made.
        var location = header[LocationStart..];
        var offset = BinaryPrimitives.ReadUInt64LittleEndian(location);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(location[8..]);
        if (offset == 0 || (BinaryPrimitives.ReadUInt32LittleEndian(location[20..]) & IsIgnored) != 0)
        {
            return null;
        }

        if (offset < HeaderLength || offset >= size || length == 0 || length > size - HeaderLength || length > MaximumText)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its text of {length} bytes at {offset} leaves an area of {size} bytes, or is longer than {MaximumText}", where);
        }

        var text = ReadRing(device, area.Offset, (long)size, (long)offset, (int)length);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(location[16..]);
        var computed = LvmChecksum.Of(text);
        return computed == stored ? text : throw VolumeDiagnostics.Damaged.ToException($"its text has checksum {computed:x8} against {stored:x8} stored", where);
    }

    private static byte[] ReadRing(IBlockDevice device, long area, long size, long offset, int length)
    {
        var text = new byte[length];
        var first = (int)Math.Min(length, size - offset);
        device.Read(new GuestOffset(area + offset), text.AsSpan(0, first));

        // What does not fit before the end goes on behind the header.
        device.Read(new GuestOffset(area + HeaderLength), text.AsSpan(first));
        return text;
    }
}
