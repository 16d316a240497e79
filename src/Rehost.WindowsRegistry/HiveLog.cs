using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.WindowsRegistry;

/// <summary>
/// Completes a hive from its logs, as Windows does when it loads it. Logs up to Windows 8 hold all dirty pages once (DIRT); later ones hold entries that follow each other (HvLE),
/// also across two files.
/// </summary>
internal static class HiveLog
{
    private const int Page = 512;
    private const int EntryHeader = 40;
    private const int BinGranularity = 4096;
    private const int GrowthAllowance = 1 << 20;

    internal static bool IsDirty(ReadOnlySpan<byte> hive)
        => !BaseBlock.HasSoundChecksum(hive) || BaseBlock.PrimarySequence(hive) != BaseBlock.SecondarySequence(hive);

    /// <summary>The completed hive; null when no log applies.</summary>
    internal static (byte[] Content, HiveRecovery Recovery)? Replay(byte[] hive, IReadOnlyList<byte[]> logs)
    {
        // Pages that a hive grew by are in its logs: more is not believed, or allocated.
        var largest = Math.Min(hive.LongLength + logs.Sum(log => log.LongLength) + GrowthAllowance, CellHeap.LargestSize);
        var sound = logs.Where(log => BaseBlock.IsHive(log) && BaseBlock.HasSoundChecksum(log) && IsSoundSize(BaseBlock.BinsSize(log), largest)).ToArray();
        return ReplayEntries(hive, [.. sound.Where(log => BaseBlock.FileType(log) == BaseBlock.NewLog)], largest)
            ?? ReplayPages(hive, sound.Where(log => BaseBlock.FileType(log) == BaseBlock.OldLog && BaseBlock.PrimarySequence(log) == BaseBlock.SecondarySequence(log)));
    }

    private static (byte[] Content, HiveRecovery Recovery)? ReplayEntries(byte[] hive, byte[][] logs, long largest)
    {
        var parsed = logs.Select(log => (Log: log, Entries: FindEntries(log, largest))).Where(log => log.Entries.Count > 0).OrderBy(log => log.Entries[0].Sequence).ToArray();
        if (parsed.Length == 0)
        {
            return null;
        }

        var content = (byte[])hive.Clone();
        if (!BaseBlock.HasSoundChecksum(hive))
        {
            parsed[0].Log.AsSpan(0, BaseBlock.LogSize).CopyTo(content);
        }

        var first = BaseBlock.PrimarySequence(content);
        var (last, count, pages) = (0u, 0, 0);
        foreach (var (log, entries) in parsed)
        {
            foreach (var entry in entries)
            {
                if (entry.Sequence < first || (count > 0 && entry.Sequence != last + 1))
                {
                    continue; // applied long ago, or left from an earlier use of the file
                }

                (last, count, pages) = (entry.Sequence, count + 1, pages + entry.Pages);
                content = Apply(content, log.AsSpan(entry.Offset, entry.Size));
            }
        }

        if (count == 0)
        {
            return null;
        }

        BaseBlock.Finish(content, last, (int)BaseBlock.BinsSize(content), BaseBlock.Time(content));
        return (content, new HiveRecovery(count, pages, last));
    }

    private static bool IsSoundSize(uint bins, long largest) => bins % BinGranularity == 0 && bins <= largest;

    /// <summary>Entries up to the first that is not sound.</summary>
    private static List<(uint Sequence, int Offset, int Size, int Pages)> FindEntries(ReadOnlySpan<byte> log, long largest)
    {
        var entries = new List<(uint, int, int, int)>();
        for (var at = Page; at <= log.Length - EntryHeader && log[at..].StartsWith("HvLE"u8);)
        {
            var size = U32(log, at + 4);
            if (size < EntryHeader || size > log.Length - at || size % Page != 0)
            {
                break;
            }

            var entry = log.Slice(at, (int)size);
            var pages = U32(entry, 20);
            if (BinaryPrimitives.ReadUInt64LittleEndian(entry[24..]) != Marvin32.Compute(entry[EntryHeader..]) || BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]) != Marvin32.Compute(entry[..32])
                || !IsSoundSize(U32(entry, 16), largest) || !HasSoundPages(entry, pages))
            {
                break;
            }

            entries.Add((U32(entry, 12), at, (int)size, (int)pages));
            at += (int)size;
        }

        return entries;
    }

    private static bool HasSoundPages(ReadOnlySpan<byte> entry, uint count)
    {
        if (count > (entry.Length - EntryHeader) / 8)
        {
            return false;
        }

        long used = EntryHeader + (count * 8L);
        for (var i = 0; i < count; i++)
        {
            var (offset, size) = (U32(entry, EntryHeader + (i * 8)), U32(entry, EntryHeader + (i * 8) + 4));
            used += size;
            if ((long)offset + size > U32(entry, 16) || used > entry.Length)
            {
                return false;
            }
        }

        return true;
    }

    private static byte[] Apply(byte[] hive, ReadOnlySpan<byte> entry)
    {
        var (count, bins) = ((int)U32(entry, 20), (int)U32(entry, 16));
        hive = Resize(hive, bins);
        BinaryPrimitives.WriteInt32LittleEndian(hive.AsSpan(40), bins);
        entry.Slice(8, 4).CopyTo(hive.AsSpan(144)); // flags
        var at = EntryHeader + (count * 8);
        for (var i = 0; i < count; i++)
        {
            var (offset, size) = ((int)U32(entry, EntryHeader + (i * 8)), (int)U32(entry, EntryHeader + (i * 8) + 4));
            entry.Slice(at, size).CopyTo(hive.AsSpan(BaseBlock.Size + offset));
            at += size;
        }

        return hive;
    }

    private static (byte[] Content, HiveRecovery Recovery)? ReplayPages(byte[] hive, IEnumerable<byte[]> logs)
    {
        // When the base block is lost, the first bin says when the hive was written.
        const int binTime = BaseBlock.Size + 20;
        var time = BaseBlock.HasSoundChecksum(hive) ? BaseBlock.Time(hive) : hive.Length >= binTime + 8 ? BinaryPrimitives.ReadInt64LittleEndian(hive.AsSpan(binTime)) : 0;
        foreach (var log in logs)
        {
            var bins = (int)BaseBlock.BinsSize(log);
            var bitmap = bins / Page / 8;
            var at = Page + (((4 + bitmap + Page - 1) / Page) * Page);
            if (BaseBlock.Time(log) != time || at > log.Length || !log.AsSpan(Page).StartsWith("DIRT"u8))
            {
                continue;
            }

            var bits = log.AsSpan(Page + 4, bitmap);
            var pages = 0;
            foreach (var one in bits)
            {
                pages += BitOperations.PopCount(one);
            }

            if (pages == 0 || pages > (log.Length - at) / Page)
            {
                continue;
            }

            var content = Resize((byte[])hive.Clone(), bins);
            log.AsSpan(0, BaseBlock.LogSize).CopyTo(content);
            for (var page = 0; page < bins / Page; page++)
            {
                if ((bits[page / 8] & (1 << (page % 8))) != 0)
                {
                    log.AsSpan(at, Page).CopyTo(content.AsSpan(BaseBlock.Size + (page * Page)));
                    at += Page;
                }
            }

            var sequence = BaseBlock.PrimarySequence(log);
            BaseBlock.Finish(content, sequence, bins, BaseBlock.Time(log));
            return (content, new HiveRecovery(1, pages, sequence));
        }

        return null;
    }

    /// <summary>What is past the bins in a file is kept.</summary>
    private static byte[] Resize(byte[] hive, int bins)
    {
        if (hive.Length < BaseBlock.Size + bins)
        {
            Array.Resize(ref hive, BaseBlock.Size + bins);
        }

        return hive;
    }

    private static uint U32(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]);
}
