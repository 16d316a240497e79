using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>
/// XenServer's map of blocks that are wholly present, behind the block table (header "tdbatmap", big endian, bits from the highest). Where its bit is set
/// tapdisk does not look at the block's own bitmap, so neither do we.
/// </summary>
internal sealed class VhdBatmap
{
    public const int HeaderSize = 512;
    public const uint Version12 = 0x0001_0002;
    private const uint Version11 = 0x0001_0001; // summed signed bytes
    private const int SectorsMax = 1 << 16;

    private readonly byte[] _map;

    private VhdBatmap(byte[] map, long offset)
    {
        _map = map;
        Offset = offset;
    }

    public static ReadOnlySpan<byte> Cookie => "tdbatmap"u8;

    /// <summary>Where the bits are.</summary>
    public long Offset { get; }

    /// <summary>Bytes of the bits, with their padding.</summary>
    public int Bytes => _map.Length;

    /// <summary>Where the header is: the sector behind the table.</summary>
    public static long HeaderOffset(VhdDynamicHeader header) => (long)header.TableOffset + (((header.TableEntries * 4L) + 511) / 512 * 512);

    /// <summary>Reads the batmap; null where there is none, or none that can be used.</summary>
    public static VhdBatmap? TryRead(IBlockDevice file, VhdFooter footer, VhdDynamicHeader header, string name, Action<Diagnostic>? report)
    {
        var at = HeaderOffset(header);
        if (!footer.MayHaveBatmap || at > file.Length - HeaderSize)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[32];
        file.Read(new GuestOffset(at), bytes);
        if (!bytes.StartsWith(Cookie))
        {
            return null; // an image that 'vhd-util update' brought up from version 0.1
        }

        var offset = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        var sectors = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
        var version = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]);
        var stored = BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]);
        if (version > Version12 || sectors > SectorsMax || offset > (ulong)file.Length || sectors * 512UL > (ulong)file.Length - offset)
        {
            report?.Invoke(VhdDiagnostics.BadBatmap.Create($"version 0x{version:x8}, {sectors} sectors at 0x{offset:x} in a file of {file.Length} bytes", name));
            return null;
        }

        var map = new byte[sectors * 512];
        file.Read(new GuestOffset((long)offset), map);
        var computed = SumOf(map, version == Version11);
        if (stored != computed)
        {
            report?.Invoke(VhdDiagnostics.BadBatmap.Create($"its checksum is 0x{stored:x8}, computed 0x{computed:x8}", name));
            return null;
        }

        return new VhdBatmap(map, (long)offset);
    }

    /// <summary>A header for a map that follows it.</summary>
    public static byte[] HeaderFor(long offset, ReadOnlySpan<byte> map)
    {
        var bytes = new byte[HeaderSize];
        Cookie.CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), offset);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), map.Length / 512);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(20), Version12);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), SumOf(map, isSigned: false));
        return bytes;
    }

    /// <summary>Whether all sectors of a block are present.</summary>
    public bool IsFull(long block) => block / 8 < _map.Length && (_map[block / 8] & (0x80 >> (int)(block % 8))) != 0;

    private static uint SumOf(ReadOnlySpan<byte> map, bool isSigned)
    {
        var sum = 0L;
        foreach (var value in map)
        {
            sum += isSigned ? unchecked((sbyte)value) : value;
        }

        return ~unchecked((uint)sum);
    }
}
