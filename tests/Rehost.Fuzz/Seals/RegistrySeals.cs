using System.Buffers.Binary;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seeds;
using Rehost.WindowsRegistry;

namespace Rehost.Fuzz.Seals;

/// <summary>Checksums and hashes of hives and their logs, and logs themselves.</summary>
internal static class RegistrySeals
{
    private const int Page = 4096;
    private const int Sector = 512;

    /// <summary>The base block of each part, and the hashes of log entries.</summary>
    public static void Hive(ImageBuffer buffer)
    {
        foreach (var (start, length) in Parts.Find(buffer.Span))
        {
            if (length < Sector)
            {
                continue;
            }

            SealBase(buffer.Change(start, Sector));
            for (var at = start + Sector; at + 40 <= start + length; at += Sector)
            {
                if (!buffer.Bytes.AsSpan(at).StartsWith("HvLE"u8))
                {
                    continue;
                }

                var size = BinaryPrimitives.ReadInt32LittleEndian(buffer.Bytes.AsSpan(at + 4));
                if (size >= 40 && size <= start + length - at)
                {
                    SealEntry(buffer.Change(at, size));
                }
            }
        }
    }

    /// <summary>The first half of the new bins over the old ones, and a base block that says that writing had begun.</summary>
    public static byte[] Tear(byte[] before, byte[] after)
    {
        var torn = (byte[])before.Clone();
        var half = Page + ((before.Length - Page) / (2 * Page) * Page);
        after.AsSpan(Page, half - Page).CopyTo(torn.AsSpan(Page));
        BinaryPrimitives.WriteUInt32LittleEndian(torn.AsSpan(4), BaseBlock.PrimarySequence(before) + 1);
        SealBase(torn.AsSpan(0, Sector));
        return torn;
    }

    public static byte[] OldLog(byte[] before, byte[] after)
    {
        var bins = after.Length - Page;
        var log = new byte[Sector + ((4 + (bins / Page) + Sector - 1) / Sector * Sector)];
        after.AsSpan(0, Sector).CopyTo(log);
        log[28] = BaseBlock.OldLog;
        BinaryPrimitives.WriteInt64LittleEndian(log.AsSpan(12), BaseBlock.Time(before));
        "DIRT"u8.CopyTo(log.AsSpan(Sector));
        var pages = new List<byte>();
        foreach (var at in Dirty(before, after))
        {
            log[Sector + 4 + (at / Page)] = 0xFF;
            pages.AddRange(after.AsSpan(Page + at, Page));
        }

        SealBase(log.AsSpan(0, Sector));
        return [.. log, .. pages];
    }

    public static byte[] NewLog(byte[] before, byte[] after, uint sequence)
    {
        var log = before[..Sector];
        log[28] = BaseBlock.NewLog;
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(8), sequence);
        SealBase(log);
        var dirty = Dirty(before, after).ToArray();
        var entry = new byte[(40 + (dirty.Length * (8 + Page)) + Sector - 1) / Sector * Sector];
        "HvLE"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(4), entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(16), after.Length - Page);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(20), dirty.Length);
        for (var i = 0; i < dirty.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(40 + (i * 8)), dirty[i]);
            BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(44 + (i * 8)), Page);
            after.AsSpan(Page + dirty[i], Page).CopyTo(entry.AsSpan(40 + (dirty.Length * 8) + (i * Page)));
        }

        SealEntry(entry);
        return [.. log, .. entry];
    }

    private static void SealEntry(Span<byte> entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], Marvin32.Compute(entry[40..]));
        BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], Marvin32.Compute(entry[..32]));
    }

    private static IEnumerable<int> Dirty(byte[] before, byte[] after)
        => Enumerable.Range(0, (after.Length - Page) / Page).Select(page => page * Page)
            .Where(at => before.Length < Page + at + Page || !before.AsSpan(Page + at, Page).SequenceEqual(after.AsSpan(Page + at, Page)));

    private static void SealBase(Span<byte> block)
    {
        const int place = 508;
        var sum = 0u;
        for (var at = 0; at < place; at += 4)
        {
            sum ^= BinaryPrimitives.ReadUInt32LittleEndian(block[at..]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[place..], sum switch { 0 => 1, uint.MaxValue => uint.MaxValue - 1, _ => sum });
    }
}
