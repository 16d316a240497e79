using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>One record of the log with the words put back that the number of the pass had replaced.</summary>
internal sealed record LogRecord(ulong Number, int Operations, byte[] Data);

/// <summary>The records of the log between its tail and its head ("Journaling Log" in XFS Algorithms and Data Structures). Sectors are of 512 bytes here.</summary>
internal sealed class LogRecords
{
    internal const int Sector = 512;
    internal const uint Magic = 0xFEEDBABE;
    private const int UsedHeader = 328;
    private const int UsedHeader32 = 324;
    private const int UsedExtension = 260;
    private const int WordsInHeader = 64;
    private const int LongestRecord = 256 << 10;

    /// <summary>As many buffers as are written at the same time, in any order: eight of 256 KiB.</summary>
    private const int Window = 8 * LongestRecord / Sector;
    private const int TornRecords = 8;
    private readonly IBlockDevice _device;
    private readonly long _start;

    internal LogRecords(XfsVolume volume)
    {
        var superblock = volume.Superblock;
        _device = volume.Device;
        _start = superblock.ByteOf(superblock.LogStart, superblock.LogBlocks);
        Sectors = (long)superblock.LogBlocks * superblock.BlockSize / Sector;
        IsVersion5 = superblock.IsVersion5;
        Head = FindLast();
    }

    internal long Sectors { get; }

    /// <summary>The sector behind the last whole record.</summary>
    internal long Head { get; private set; }

    /// <summary>Header of the last whole record.</summary>
    internal byte[] Last { get; private set; } = [];

    internal uint Pass => Get32(Last, 4);

    private bool IsVersion5 { get; }

    internal long ByteOf(long sector) => _start + (sector * Sector);

    internal uint PassOf(long sector)
    {
        var bytes = Read(sector, 1);
        return Get32(bytes, 0) == Magic ? Get32(bytes, 4) : Get32(bytes, 0);
    }

    /// <summary>All records from the tail on.</summary>
    internal IEnumerable<LogRecord> FromTail()
    {
        var tail = BinaryPrimitives.ReadUInt64BigEndian(Last.AsSpan(24));
        var at = (long)(tail & uint.MaxValue);
        if (at >= Sectors)
        {
            throw Damaged($"its tail 0x{tail:x} lies outside");
        }

        var left = ((Head - at + Sectors - 1) % Sectors) + 1;
        var isFirst = true;
        while (left > 0)
        {
            var header = Read(at, 1);
            var record = IsRecord(header, at) && Length(header) <= left ? ReadRecord(at, header) : null;
            if (record is null && isFirst && ((at - Head + Sectors) % Sectors) < Window && left > 1)
            {
                // A record that was being written when the machine stopped, and was left out, may lie over the oldest ones: their room was given back before, so what they say is on the disk.
                at = (at + 1) % Sectors;
                left--;
                continue;
            }

            yield return record ?? throw Damaged($"sector {at} between tail and head begins no whole record");
            isFirst = false;
            left -= Length(header);
            at = (at + Length(header)) % Sectors;
        }
    }

    internal byte[] Read(long sector, long count)
    {
        var bytes = new byte[count * Sector];
        sector %= Sectors;
        var first = Math.Min(count, Sectors - sector);
        _device.Read(new GuestOffset(ByteOf(sector)), bytes.AsSpan(0, (int)first * Sector));
        if (first < count)
        {
            _device.Read(new GuestOffset(_start), bytes.AsSpan((int)first * Sector));
        }

        return bytes;
    }

    internal static Model.DiagnosticException Damaged(string what) => XfsDiagnostics.LogUnusable.ToException(what, "the log");

    private static uint Get32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);

    private static int HeaderSectors(byte[] header)
    {
        var size = Get32(header, 320);
        return (Get32(header, 8) & 2) != 0 && size is > 32768 and <= LongestRecord ? (int)((size + 32767) / 32768) : 1;
    }

    private static long Length(byte[] header) => HeaderSectors(header) + ((Get32(header, 12) + Sector - 1) / Sector);

    private bool IsRecord(byte[] header, long sector) => Get32(header, 0) == Magic && Get32(header, 20) == sector && Get32(header, 12) <= LongestRecord && Get32(header, 4) == Get32(header, 16) && sector < Sectors;

    /// <summary>Null when the checksum is wrong.</summary>
    private LogRecord? ReadRecord(long at, byte[] header)
    {
        if (Get32(header, 300) != 1)
        {
            throw Damaged($"it was written in format {Get32(header, 300)}; 1 (Linux, little endian) is read");
        }

        var headers = Read(at, HeaderSectors(header));
        int length = (int)Get32(header, 12);
        var data = Read(at + HeaderSectors(header), (length + Sector - 1) / Sector);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(headers.AsSpan(32));
        headers.AsSpan(32, 4).Clear();
        if ((stored != 0 || IsVersion5) && stored != Checksum(headers, data.AsSpan(0, length), UsedHeader) && stored != Checksum(headers, data.AsSpan(0, length), UsedHeader32))
        {
            return null;
        }

        for (var i = 0; i < data.Length / Sector; i++)
        {
            var word = i < WordsInHeader ? 44 + (i * 4) : (i / WordsInHeader * Sector) + 4 + (i % WordsInHeader * 4);
            if (word + 4 > headers.Length)
            {
                throw Damaged($"the record at sector {at} is longer than its header says");
            }

            headers.AsSpan(word, 4).CopyTo(data.AsSpan(i * Sector));
        }

        return new LogRecord(BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(16)), (int)Math.Min(Get32(header, 40), int.MaxValue), data[..length]);
    }

    private static uint Checksum(byte[] headers, ReadOnlySpan<byte> data, int used)
    {
        var state = Crc32C.Update(uint.MaxValue, headers.AsSpan(0, used));
        for (var extension = 1; extension < (data.Length + 32767) / 32768 && (extension + 1) * Sector <= headers.Length; extension++)
        {
            state = Crc32C.Update(state, headers.AsSpan(extension * Sector, UsedExtension));
        }

        return ~Crc32C.Update(state, data);
    }

    /// <summary>Finds the end of the last record that was written whole; records that were being written when the machine stopped may be there in parts.</summary>
    private long FindLast()
    {
        if (Sectors < 2 || PassOf(0) == 0)
        {
            throw Damaged("it was never written");
        }

        var head = FindEndOfPass();
        for (var attempt = 0; attempt <= TornRecords; attempt++)
        {
            long back = 1;
            byte[] header = [];
            for (; back <= Math.Min(Sectors, (LongestRecord / Sector) + 9); back++)
            {
                header = Read((head - back + Sectors) % Sectors, 1);
                if (IsRecord(header, (head - back + Sectors) % Sectors))
                {
                    break;
                }
            }

            var at = (head - back + Sectors) % Sectors;
            if (!IsRecord(header, at))
            {
                break;
            }

            if (Length(header) == back && ReadRecord(at, header) is not null)
            {
                if (FindTornBefore(at) is not { } torn)
                {
                    Last = header;
                    return head;
                }

                head = torn;
                continue;
            }

            head = at;
        }

        throw Damaged($"no whole record is found before sector {head}");
    }

    /// <summary>The earliest of the records right before one that is not whole: they are written at the same time, and one that arrived does not say that those before it did.</summary>
    private long? FindTornBefore(long sector)
    {
        long? torn = null;
        var tail = BinaryPrimitives.ReadUInt64BigEndian(Read(sector, 1).AsSpan(24)) & uint.MaxValue;
        for (var (count, back) = (1, 1L); count < TornRecords && (ulong)sector != tail && back <= Math.Min(Sectors - 1, Window); back++)
        {
            var at = (sector - back + Sectors) % Sectors;
            var header = Read(at, 1);
            if (!IsRecord(header, at) || Length(header) > back)
            {
                continue;
            }

            torn = ReadRecord(at, header) is null ? at : torn;
            count++;
            if ((ulong)at == tail)
            {
                break;
            }
        }

        return torn;
    }

    private long FindEndOfPass()
    {
        var (first, last) = (PassOf(0), PassOf(Sectors - 1));
        var head = Sectors;
        if (first != last)
        {
            var (low, high) = (0L, Sectors - 1);
            while (high - low > 1)
            {
                var middle = (low + high) / 2;
                (low, high) = PassOf(middle) == first ? (middle, high) : (low, middle);
            }

            head = high;
        }

        // What is written at the same time arrives in any order: the first sector of the pass before is the end.
        var before = unchecked(first - 1);
        var scan = Math.Min(Window, Sectors);
        if (head < scan && first != last)
        {
            for (var at = Sectors - (scan - head); at < Sectors; at++)
            {
                if (at >= head && PassOf(at) == unchecked(before - 1))
                {
                    return at;
                }
            }
        }

        for (var at = Math.Max(0, head - scan); at < head; at++)
        {
            if (PassOf(at) == before)
            {
                return at;
            }
        }

        return head % Sectors;
    }
}
