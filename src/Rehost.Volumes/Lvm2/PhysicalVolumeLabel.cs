using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>Finds and reads the label in one of the first four sectors (lib/label/label.h, lib/format_text/layout.h).</summary>
internal static class PhysicalVolumeLabel
{
    private const int Sector = 512;
    private const int Sectors = 4;
    private const int ChecksumStart = 20;
    private const int HeaderLength = 40;
    private const int MaximumAreas = 16;

    /// <summary>Whether there is a label, sound or not.</summary>
    public static bool IsThere(IBlockDevice device) => Find(device, out _) is not null;

    /// <summary>Reads the label; null when there is none.</summary>
    /// <exception cref="DiagnosticException">The label is damaged (VOL005).</exception>
    public static PhysicalVolume? Read(IBlockDevice device)
    {
        if (Find(device, out var number) is not { } sector)
        {
            return null;
        }

        var where = $"LVM label in sector {number}";
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(sector.AsSpan(16));
        var computed = LvmChecksum.Of(sector.AsSpan(ChecksumStart));
        if (stored != computed)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its checksum is {computed:x8} against {stored:x8} stored", where);
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(sector.AsSpan(8)) != (ulong)number)
        {
            throw VolumeDiagnostics.Damaged.ToException($"it says that it stands in sector {BinaryPrimitives.ReadUInt64LittleEndian(sector.AsSpan(8))}", where);
        }

        var header = BinaryPrimitives.ReadUInt32LittleEndian(sector.AsSpan(20));
        if (header is < 32 or > Sector - HeaderLength)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its header would be at byte {header} of the sector", where);
        }

        return ReadHeader(sector.AsSpan((int)header), device.Length, where);
    }

    private static PhysicalVolume ReadHeader(ReadOnlySpan<byte> header, long deviceLength, string where)
    {
        var id = header[..LvmId.Length];
        if (id.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            throw VolumeDiagnostics.Damaged.ToException("its id is no text", where);
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        var position = HeaderLength;

        // Data areas, then metadata areas, each list ended by an empty entry.
        _ = ReadAreas(header, ref position, deviceLength, where, isMetadata: false);
        var areas = ReadAreas(header, ref position, deviceLength, where, isMetadata: true);
        return new PhysicalVolume(System.Text.Encoding.ASCII.GetString(id), (long)Math.Min(length, long.MaxValue), areas);
    }

    private static ImmutableArray<ByteRange> ReadAreas(ReadOnlySpan<byte> header, ref int position, long deviceLength, string where, bool isMetadata)
    {
        var areas = ImmutableArray.CreateBuilder<ByteRange>();
        while (true)
        {
            if (position > header.Length - 16 || areas.Count > MaximumAreas)
            {
                throw VolumeDiagnostics.Damaged.ToException("its list of areas does not end", where);
            }

            var offset = BinaryPrimitives.ReadUInt64LittleEndian(header[position..]);
            var length = BinaryPrimitives.ReadUInt64LittleEndian(header[(position + 8)..]);
            position += 16;
            if (offset == 0)
            {
                return areas.ToImmutable();
            }

            if (isMetadata && (offset >= (ulong)deviceLength || length > (ulong)deviceLength - offset))
            {
                throw VolumeDiagnostics.Damaged.ToException($"a metadata area of {length} bytes at {offset} leaves a device of {deviceLength}", where);
            }

            areas.Add(new ByteRange((long)Math.Min(offset, long.MaxValue), (long)Math.Min(length, long.MaxValue)));
        }
    }

    private static byte[]? Find(IBlockDevice device, out int number)
    {
        number = 0;
        if (device.Length < Sector * Sectors)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[Sector * Sectors];
        device.Read(GuestOffset.Zero, head);
        for (number = 0; number < Sectors; number++)
        {
            var sector = head.Slice(number * Sector, Sector);
            if (sector.StartsWith("LABELONE"u8) && sector[24..].StartsWith("LVM2 001"u8))
            {
                return sector.ToArray();
            }
        }

        return null;
    }
}
