using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.InPlace;

/// <summary>
/// What a file system writes down whenever it is mounted: read from its superblock, and from the first block of its journal where that is easily found. Compared before and after, it tells why a
/// disk is not as it was left; that it is not is known from the content of the whole disk.
/// </summary>
internal static class VolumeMarks
{
    private const int Head = 0x10200; // Btrfs has its superblock at 64 KiB, all others before

    /// <summary>Reads the marks of a volume; none where no file system is recognised.</summary>
    public static ImmutableSortedDictionary<string, string> Read(IBlockDevice disk, long offset, long length)
    {
        var marks = new SortedDictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var volume = new Volume(disk, offset, length);
            var head = volume.Read(0, Head);
            if (head.Length > 0x600 && U16(head, 0x438) == 0xEF53)
            {
                Ext(volume, head, marks);
            }
            else if (head.AsSpan().StartsWith("XFSB"u8) && head.Length > 512)
            {
                marks["inodes"] = Text(BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(128)));
                marks["free inodes"] = Text(BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(136)));
                marks["free blocks"] = Text(BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(144)));
                marks["log sequence"] = Text(BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(248)));
            }
            else if (head.Length >= Head && head.AsSpan(0x10040).StartsWith("_BHRfS_M"u8))
            {
                marks["generation"] = Text(U64(head, 0x10048));
                marks["log root"] = Text(U64(head, 0x10060));
            }
            else if (head.Length > 512 && head.AsSpan(3).StartsWith("NTFS    "u8))
            {
                Ntfs(volume, head, marks);
            }
            else if (head.Length > 512 && head.AsSpan(0x52).StartsWith("FAT32   "u8))
            {
                marks["state"] = Text(head[0x41]);
                marks["free clusters"] = Text(volume.Read((long)U16(head, 0x30) * U16(head, 0x0B), 512) is { Length: 512 } info ? U32(info, 488) : 0);
            }
        }
        catch (Exception e) when (e is DiagnosticException or OverflowException)
        {
            // A superblock that makes no sense has no marks.
        }

        return marks.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    /// <summary>How marks differ, for people; nothing where they do not.</summary>
    public static IEnumerable<string> Differences(ImmutableSortedDictionary<string, string> before, ImmutableSortedDictionary<string, string> now)
        => before.Keys.Concat(now.Keys).Distinct(StringComparer.Ordinal).Where(name => before.GetValueOrDefault(name) != now.GetValueOrDefault(name))
            .Select(name => $"{name} {before.GetValueOrDefault(name, "none")} → {now.GetValueOrDefault(name, "none")}");

    // Documentation/filesystems/ext4: superblock, and journal (jbd2).
    private static void Ext(Volume volume, byte[] head, SortedDictionary<string, string> marks)
    {
        var super = head.AsSpan(1024).ToArray();
        marks["last mounted"] = Time(U32(super, 0x2C));
        marks["last written"] = Time(U32(super, 0x30));
        marks["mount count"] = Text(U16(super, 0x34));
        marks["state"] = Text(U16(super, 0x3A));
        marks["needs recovery"] = (U32(super, 0x60) & 4) != 0 ? "yes" : "no";
        var blockSize = 1024L << (int)Math.Min(6, U32(super, 0x18));
        long first = U16(super, 0x10C) == 0xF30A ? U16(super, 0x10C + 6) == 0 ? U32(super, 0x10C + 20) | ((long)U16(super, 0x10C + 18) << 32) : 0 : U32(super, 0x10C);
        if (first > 0 && volume.Read(first * blockSize, 64) is { Length: 64 } journal && BinaryPrimitives.ReadUInt32BigEndian(journal) == 0xC03B3998)
        {
            marks["journal sequence"] = Text(BinaryPrimitives.ReadUInt32BigEndian(journal.AsSpan(0x18)));
            marks["journal start"] = Text(BinaryPrimitives.ReadUInt32BigEndian(journal.AsSpan(0x1C)));
        }
    }

    // File record 2 is $LogFile; its first data run leads to the restart page, whose area begins with the current LSN.
    private static void Ntfs(Volume volume, byte[] head, SortedDictionary<string, string> marks)
    {
        var cluster = (long)U16(head, 0x0B) * head[0x0D];
        var record = head[0x40] >= 0x80 ? 1L << (256 - head[0x40]) : head[0x40] * cluster;
        var file = record is >= 256 and <= 65536 ? volume.Read(((long)U64(head, 0x30) * cluster) + (2 * record), (int)record) : [];
        if (!file.AsSpan().StartsWith("FILE"u8))
        {
            return;
        }

        for (int at = U16(file, 0x14); at + 0x42 < file.Length && U32(file, at) != uint.MaxValue && U32(file, at + 4) is > 0 and var size && size < file.Length; at += (int)size)
        {
            if (U32(file, at) != 0x80 || file[at + 8] == 0)
            {
                continue;
            }

            var run = at + U16(file, at + 0x20);
            var (countBytes, startBytes) = (file[run] & 15, file[run] >> 4);
            long start = 0;
            for (var i = Math.Min(7, startBytes) - 1; i >= 0; i--)
            {
                start = (start << 8) | file[run + 1 + countBytes + i];
            }

            var page = volume.Read(start * cluster, 512);
            if (page.AsSpan().StartsWith("RSTR"u8) && U16(page, 0x18) is < 500 and var area)
            {
                marks["log sequence"] = Text(U64(page, area));
            }

            return;
        }
    }

    private static string Time(uint seconds) => seconds == 0 ? "never" : DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("u", CultureInfo.InvariantCulture);

    private static string Text(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private static ushort U16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private sealed class Volume(IBlockDevice disk, long offset, long length)
    {
        /// <summary>Reads a part; fewer bytes at the end, none beyond it.</summary>
        public byte[] Read(long at, int count)
        {
            var end = Math.Min(length, disk.Length - offset);
            var bytes = new byte[at < 0 || at >= end ? 0 : Math.Min(count, end - at)];
            if (bytes.Length > 0)
            {
                disk.Read(new GuestOffset(offset + at), bytes);
            }

            return bytes;
        }
    }
}
