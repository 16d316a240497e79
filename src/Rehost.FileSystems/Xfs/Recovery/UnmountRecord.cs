using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>Ends a log as unmounting does: a record with one operation, and nothing behind it that could be taken for newer.</summary>
internal static class UnmountRecord
{
    private const int Sector = LogRecords.Sector;
    private const int StaleSectors = 4096;

    internal static void Write(PageCache cache, XfsSuperblock superblock, LogRecords records)
    {
        var sectors = records.Sectors;
        var unit = new byte[10];
        cache.Read(0 + 194, unit.AsSpan(0, 6));
        var (logSector, stripe) = (BinaryPrimitives.ReadUInt16BigEndian(unit), BinaryPrimitives.ReadUInt32BigEndian(unit.AsSpan(2)));
        var length = (int)Math.Clamp(Math.Max(logSector, stripe), 2 * Sector, 256 << 10) / Sector;
        var head = records.Head;
        var pass = head == 0 ? unchecked(records.PassOf(sectors - 1) + 1) : records.PassOf(head - 1);
        if (length > sectors / 2)
        {
            throw LogRecords.Damaged($"it has {sectors} sectors, which is no room for a record of {length}");
        }

        var bytes = new byte[length * Sector];
        Header(bytes, records, pass, head);
        Put(bytes, 12, (uint)(bytes.Length - Sector));
        Put(bytes, 40, 1);
        var operation = bytes.AsSpan(Sector);
        BinaryPrimitives.WriteUInt32BigEndian(operation, 1);
        BinaryPrimitives.WriteUInt32BigEndian(operation[4..], 8);
        (operation[8], operation[9]) = (0xAA, 0x20);
        BinaryPrimitives.WriteUInt16LittleEndian(operation[12..], 0x556E);
        for (var i = 0; i + 1 < length; i++)
        {
            var at = (i + 1) * Sector;
            if (i < 64)
            {
                bytes.AsSpan(at, 4).CopyTo(bytes.AsSpan(44 + (i * 4)));
            }

            Put(bytes, at, head + i + 1 >= sectors ? unchecked(pass + 1) : pass);
        }

        if (superblock.IsVersion5)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(32), ~Crc32C.Update(Crc32C.Update(uint.MaxValue, bytes.AsSpan(0, 328)), bytes.AsSpan(Sector)));
        }

        for (var i = 0; i < length; i++)
        {
            cache.Write(records.ByteOf((head + i) % sectors), bytes.AsSpan(i * Sector, Sector));
        }

        for (var i = (long)length; i < Math.Min(sectors, length + StaleSectors); i++)
        {
            var at = (head + i) % sectors;
            var before = head + i >= sectors ? pass : unchecked(pass - 1);
            if (records.PassOf(at) != before)
            {
                var stale = new byte[Sector];
                Header(stale, records, before, at);
                cache.Write(records.ByteOf(at), stale);
            }
        }
    }

    private static void Header(byte[] bytes, LogRecords records, uint pass, long at)
    {
        Put(bytes, 0, LogRecords.Magic);
        Put(bytes, 4, pass);
        records.Last.AsSpan(8, 4).CopyTo(bytes.AsSpan(8));
        Put(bytes, 16, pass);
        Put(bytes, 20, (uint)at);
        bytes.AsSpan(16, 8).CopyTo(bytes.AsSpan(24));
        records.Last.AsSpan(20, 4).CopyTo(bytes.AsSpan(36));
        records.Last.AsSpan(300, 20).CopyTo(bytes.AsSpan(300));
        Put(bytes, 320, 32768);
    }

    private static void Put(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), value);
}
