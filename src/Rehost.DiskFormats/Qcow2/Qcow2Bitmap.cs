using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>A dirty bitmap, of which only the place is of interest: a check counts its clusters, nothing reads its bits.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TableOffset">Where its table is in the file.</param>
/// <param name="TableEntries">Entries of the table.</param>
/// <param name="IsInUse">Whether it was not stored properly.</param>
/// <param name="GranularityBits">Bytes of the disk for each bit, as a power of two.</param>
internal sealed record Qcow2Bitmap(string Name, long TableOffset, uint TableEntries, bool IsInUse, int GranularityBits)
{
    private const int ExtensionSize = 24;
    private const int FixedSize = 24;
    private const int CountMax = 65535; // as QEMU
    private const long DirectoryMax = 4 << 20;

    /// <summary>Where the directory is; zero bytes for none.</summary>
    public static (long Offset, long Length) Directory(Qcow2Extensions extensions, IBlockDevice file, string name)
    {
        var bytes = extensions.Bitmaps.AsSpan();
        if (bytes.Length < ExtensionSize)
        {
            return (0, 0);
        }

        var (length, offset) = (BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]));
        return length <= DirectoryMax && offset <= (ulong)file.Length - Math.Min(length, (ulong)file.Length) && length <= (ulong)file.Length
            ? ((long)offset, (long)length)
            : throw Qcow2Diagnostics.BadTable.ToException($"the directory of bitmaps has {length} bytes at 0x{offset:x} in a file of {file.Length} bytes", name);
    }

    /// <summary>Reads the directory that the header extension tells of.</summary>
    public static ImmutableArray<Qcow2Bitmap> ParseDirectory(IBlockDevice file, Qcow2Header header, Qcow2Extensions extensions, string name)
    {
        var (offset, length) = Directory(extensions, file, name);
        if (length == 0)
        {
            return [];
        }

        var bytes = new byte[length];
        file.Read(new GuestOffset(offset), bytes);
        var count = BinaryPrimitives.ReadUInt32BigEndian(extensions.Bitmaps.AsSpan());
        var bitmaps = ImmutableArray.CreateBuilder<Qcow2Bitmap>();
        var rest = bytes.AsSpan();
        for (var i = 0u; i < Math.Min(count, CountMax); i++)
        {
            var entryLength = rest.Length < FixedSize ? long.MaxValue : FixedSize + (long)BinaryPrimitives.ReadUInt32BigEndian(rest[20..]) + BinaryPrimitives.ReadUInt16BigEndian(rest[18..]);
            if (entryLength > rest.Length)
            {
                throw Qcow2Diagnostics.BadTable.ToException($"the directory of {count} bitmaps ends in entry {i}", name);
            }

            var table = BinaryPrimitives.ReadUInt64BigEndian(rest);
            var entries = BinaryPrimitives.ReadUInt32BigEndian(rest[8..]);
            if (table % (ulong)header.ClusterSize != 0 || table > (ulong)file.Length || entries > (file.Length - (long)table) / 8 || rest[17] > 31)
            {
                throw Qcow2Diagnostics.BadTable.ToException($"bitmap {i} has a table of {entries} entries at 0x{table:x} in a file of {file.Length} bytes, and bits of 2^{rest[17]} bytes", name);
            }

            var extra = (int)BinaryPrimitives.ReadUInt32BigEndian(rest[20..]);
            var nameLength = BinaryPrimitives.ReadUInt16BigEndian(rest[18..]);
            bitmaps.Add(new Qcow2Bitmap(GuestText.Decode(rest.Slice(FixedSize + extra, nameLength)), (long)table, entries, (BinaryPrimitives.ReadUInt32BigEndian(rest[12..]) & 1) != 0, rest[17]));
            rest = rest[(int)Math.Min((entryLength + 7) & ~7L, rest.Length)..];
        }

        return bitmaps.ToImmutable();
    }
}
