using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Xfs;

/// <summary>
/// Whether the log was written out: the last record is then an unmount record. Every 512-byte sector of the log carries the number of the pass in which it was written,
/// so the last record stands before the place where that number falls ("Journaling Log" in XFS Algorithms and Data Structures).
/// </summary>
internal static class XfsLog
{
    private const uint RecordMagic = 0xFEEDBABE;
    private const int Sector = 512;
    private const int UnmountFlag = 0x20;

    /// <summary>The largest record: 256 KiB and eight sectors of header.</summary>
    private const int RecordSectors = (256 << 10) / Sector;
    private const int HeaderSectors = 8;

    public static bool IsClean(XfsVolume volume)
    {
        var superblock = volume.Superblock;
        var start = superblock.ByteOf(superblock.LogStart, superblock.LogBlocks);
        var sectors = (long)superblock.LogBlocks * superblock.BlockSize / Sector;
        var reader = new LogSectors(volume.Device, start, sectors);
        if (sectors < 2)
        {
            return false;
        }

        var head = FindHead(reader, sectors);
        if (head < 0)
        {
            return true; // never written
        }

        for (long back = 1; back <= RecordSectors + HeaderSectors + 1 && back <= sectors; back++)
        {
            var at = (head - back + sectors) % sectors;
            if (!reader.IsRecord(at))
            {
                continue;
            }

            // The unmount record is a header and one operation, filled up to what the log is written in, and nothing was written behind it.
            var header = reader.Read(at);
            var operation = reader.Read((at + HeaderLength(header)) % sectors);
            var length = ((long)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(12)) + Sector - 1) / Sector;
            var isLast = (at + HeaderLength(header) + length) % sectors == head % sectors;
            return isLast && BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(40)) == 1 && (operation[9] & UnmountFlag) != 0;
        }

        return false;
    }

    /// <summary>The sector behind the last one written; -1 when there is none.</summary>
    private static long FindHead(LogSectors reader, long sectors)
    {
        var pass = reader.PassOf(0);
        if (pass == 0)
        {
            return -1;
        }

        if (reader.PassOf(sectors - 1) == pass)
        {
            return 0;
        }

        var (low, high) = (0L, sectors - 1);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = reader.PassOf(middle) == pass ? (middle, high) : (low, middle);
        }

        return high;
    }

    /// <summary>Sectors of a record's header: one for each 32 KiB of the record's buffer, from version 2 on.</summary>
    private static int HeaderLength(byte[] header)
    {
        var size = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(320));
        return (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)) & 2) != 0 && size is > 32768 and <= 256 << 10 ? (int)((size + 32767) / 32768) : 1;
    }

    private sealed class LogSectors(IBlockDevice device, long start, long count)
    {
        public byte[] Read(long sector)
        {
            var bytes = new byte[Sector];
            device.Read(new GuestOffset(start + (sector * Sector)), bytes);
            return bytes;
        }

        public uint PassOf(long sector)
        {
            var bytes = Read(sector);
            var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            return first == RecordMagic ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)) : first;
        }

        /// <summary>Whether a record's header stands here: it says its own place, which a copy of one in a file of the guest does not.</summary>
        public bool IsRecord(long sector)
        {
            var bytes = Read(sector);
            return BinaryPrimitives.ReadUInt32BigEndian(bytes) == RecordMagic && BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(20)) == sector && sector < count;
        }
    }
}
