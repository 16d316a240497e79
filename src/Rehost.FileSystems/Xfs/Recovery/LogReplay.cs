using System.Buffers.Binary;
using Rehost.FileSystems.Xfs.Writing;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>
/// Writes what committed transactions say into the structures they are about, in memory. Metadata of version 5 carries the number of the record that changed it last: what is
/// newer on the disk than in the log is left alone ("Log Sequence Numbers").
/// </summary>
internal sealed class LogReplay(PageCache cache, XfsSuperblock superblock)
{
    internal const int InodeBuffer = 1;
    internal const int Cancelled = 2;
    private const int QuotaBuffers = 4 | 8 | 16;
    private const int QuotaSize = 136;
    private const int QuotaChecksum = 108;
    private const int QuotaNumber = 112;
    private const int ChunkShift = 7;
    private const int LongestBuffer = 1 << 20;
    private readonly Dictionary<(ulong Sector, uint Length), int> _cancelled = [];
    private readonly Dictionary<(ushort Type, ulong Id), (int Order, LogItem Item)> _intents = [];

    /// <summary>
    /// Which record's changes each structure got here last. Several transactions may begin in the same record and so have its number; the later ones must not take the structure
    /// for newer because an earlier one has changed it. The kernel notes the number only when it writes the structure, before it goes on to the next number.
    /// </summary>
    private readonly Dictionary<long, ulong> _replayed = [];
    private int _order;
    private readonly InodeReplay _inodes = new(cache, superblock);

    /// <summary>Intents that were logged and not done, in order.</summary>
    internal IEnumerable<LogItem> Intents => _intents.Values.OrderBy(intent => intent.Order).Select(intent => intent.Item);

    internal void Run(LogRecords records)
    {
        // First which buffers were given up later: older content of theirs must not be written over what uses their blocks now.
        Each(records, (_, item) =>
        {
            if (item.Type == LogItem.Buffer && (item.U16(4) & Cancelled) != 0)
            {
                var key = (item.U64(8), (uint)item.U16(6));
                _cancelled[key] = _cancelled.GetValueOrDefault(key) + 1;
            }
        });
        Each(records, Replay);
    }

    private static void Each(LogRecords records, Action<ulong, LogItem> action)
    {
        var transactions = new LogTransactions(action);
        foreach (var record in records.FromTail())
        {
            transactions.Add(record);
        }
    }

    private void Replay(ulong number, LogItem item)
    {
        if (item.Regions.Count < item.Count)
        {
            throw LogRecords.Damaged($"an item of type 0x{item.Type:x} has {item.Regions.Count} of {item.Count} regions");
        }

        switch (item.Type)
        {
            case LogItem.Buffer:
                ReplayBuffer(number, item);
                break;
            case LogItem.Inode:
                var (at, length) = InodeReplay.Place(item);
                if (!_cancelled.ContainsKey((at, length)))
                {
                    _inodes.Replay(number, item);
                }

                break;
            case LogItem.NewInodes:
                ReplayNewInodes(item);
                break;
            case LogItem.Quota:
                ReplayQuota(number, item);
                break;
            case LogItem.QuotaOff:
                break; // quotas are counted anew at the next mount
            case LogItem.FreeIntent or LogItem.OwnerIntent or LogItem.ReferenceIntent or LogItem.MapIntent:
                _intents[(item.Type, item.U64(8))] = (_order++, item);
                break;
            case LogItem.FreeDone or LogItem.OwnerDone or LogItem.ReferenceDone or LogItem.MapDone:
                _intents.Remove(((ushort)(item.Type - 1), item.U64(8)));
                break;
            default:
                throw LogRecords.Damaged($"an item of type 0x{item.Type:x} is not known here (a newer feature, as exchanged files or logged attributes)");
        }
    }

    private void ReplayBuffer(ulong number, LogItem item)
    {
        var (flags, length, sector) = (item.U16(4), (uint)item.U16(6), item.U64(8));
        if ((flags & Cancelled) != 0)
        {
            if (_cancelled.TryGetValue((sector, length), out var count))
            {
                if (count == 1)
                {
                    _cancelled.Remove((sector, length));
                }
                else
                {
                    _cancelled[(sector, length)] = count - 1;
                }
            }

            return;
        }

        if (_cancelled.ContainsKey((sector, length)))
        {
            return;
        }

        var at = ToByte(sector, length * 512L);
        var bytes = new byte[length * 512];
        cache.Read(at, bytes);
        if ((flags & InodeBuffer) != 0)
        {
            ReplayUnlinked(item, bytes);
            cache.Write(at, bytes);
            return;
        }

        if (superblock.IsVersion5 && BufferKind.Of(bytes, superblock) is { } known && IsNewer(known.Number(bytes), at, number))
        {
            return;
        }

        foreach (var (start, region) in Parts(item, bytes.Length))
        {
            region.CopyTo(bytes.AsSpan(start));
        }

        if (superblock.IsVersion5 && (flags & QuotaBuffers) == 0)
        {
            BufferKind.Seal(bytes, superblock, number);
        }
        else if (superblock.IsVersion5)
        {
            for (var one = 0; one + QuotaSize <= bytes.Length; one += QuotaSize)
            {
                Store.Seal(bytes.AsSpan(one, QuotaSize), QuotaChecksum);
            }
        }

        _replayed[at] = number;
        cache.Write(at, bytes);
    }

    /// <summary>Whether what is on the disk holds what a record says already.</summary>
    private bool IsNewer(ulong written, long at, ulong number) => written is not (0 or ulong.MaxValue) && written >= number && !(written == number && _replayed.GetValueOrDefault(at) == number);

    /// <summary>The logged parts: a bit for each 128 bytes, a region for each run of bits.</summary>
    private static IEnumerable<(int Start, byte[] Region)> Parts(LogItem item, int length)
    {
        var words = (int)Math.Min(item.U32(16), (uint)(item.Format.Length - 20) / 4);
        var index = 1;
        for (var bit = 0; bit < words * 32;)
        {
            if ((item.U32(20 + (bit / 32 * 4)) & (1u << (bit % 32))) == 0)
            {
                bit++;
                continue;
            }

            var region = index < item.Regions.Count ? item.Regions[index++] : throw LogRecords.Damaged("a buffer has fewer regions than its map says");
            var bits = region.Length >> ChunkShift;
            if (bits == 0 || (bit + bits) << ChunkShift > length)
            {
                throw LogRecords.Damaged($"a region of {region.Length} bytes at {bit << ChunkShift} in a buffer of {length}");
            }

            yield return (bit << ChunkShift, region[..(bits << ChunkShift)]);
            bit += bits;
        }
    }

    /// <summary>Of a buffer of inodes only the links of the lists of unlinked ones are taken: all else is logged with the inodes themselves.</summary>
    private void ReplayUnlinked(LogItem item, byte[] bytes)
    {
        const int nextUnlinked = 96;
        foreach (var (start, region) in Parts(item, bytes.Length))
        {
            for (var inode = 0; inode + superblock.InodeSize <= bytes.Length; inode += superblock.InodeSize)
            {
                var at = inode + nextUnlinked;
                if (at < start || at + 4 > start + region.Length)
                {
                    continue;
                }

                region.AsSpan(at - start, 4).CopyTo(bytes.AsSpan(at));
                if (superblock.IsVersion5)
                {
                    Store.Seal(bytes.AsSpan(inode, superblock.InodeSize), InodeStore.ChecksumAt);
                }
            }
        }
    }

    /// <summary>struct xfs_icreate_log, big endian: empty inodes in new blocks.</summary>
    private void ReplayNewInodes(LogItem item)
    {
        var bytes = item.Format;
        if (bytes.Length < 28)
        {
            throw item.Short();
        }

        uint Get(int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
        var (group, block, count, size, length, generation) = (Get(4), Get(8), Get(12), Get(16), Get(20), Get(24));
        if (size != superblock.InodeSize || count > 4096 || count * size > length * (ulong)superblock.BlockSize)
        {
            throw LogRecords.Damaged($"{count} new inodes of {size} bytes in {length} blocks");
        }

        var number = ((ulong)group << superblock.AgBlockLog) | block;
        var at = superblock.ByteOf(number, length);

        // A chunk that was given back later; its clusters were cancelled one by one, and all together.
        if (_cancelled.Keys.Any(key => (long)key.Sector * 512 >= at && (long)key.Sector * 512 < at + (length * superblock.BlockSize)))
        {
            return;
        }

        for (var i = 0u; i < count; i++)
        {
            var raw = new byte[size];
            var inode = InodeStore.NewRecord(superblock, (number << superblock.InodesPerBlockLog) + i, raw);
            inode.Generation = generation;
            if (inode.Version >= 3)
            {
                Store.Seal(raw, InodeStore.ChecksumAt);
            }

            cache.Write(at + (i * size), raw);
        }
    }

    /// <summary>struct xfs_dq_logformat and the quota record as it stands on the disk.</summary>
    private void ReplayQuota(ulong number, LogItem item)
    {
        const int record = 104;
        if (item.Regions.Count < 2 || item.Regions[1].Length < record)
        {
            throw item.Short();
        }

        var at = ToByte(item.U64(8), item.U32(16) * 512L) + item.U32(20);
        var bytes = new byte[superblock.IsVersion5 ? QuotaSize : record];
        if (item.U32(20) + bytes.Length > item.U32(16) * 512L)
        {
            throw LogRecords.Damaged($"a quota record at {item.U32(20)} leaves its buffer");
        }

        cache.Read(at, bytes);
        if (superblock.IsVersion5 && IsNewer(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(QuotaNumber)), at, number))
        {
            return;
        }

        item.Regions[1].AsSpan(0, record).CopyTo(bytes);
        if (superblock.IsVersion5)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(QuotaNumber), number);
            Store.Seal(bytes, QuotaChecksum);
        }

        _replayed[at] = number;
        cache.Write(at, bytes);
    }

    private long ToByte(ulong sector, long length) =>
        length is > 0 and <= LongestBuffer && sector < 1UL << 54 && ((long)sector * 512) + length <= cache.Length
            ? (long)sector * 512
            : throw LogRecords.Damaged($"{length} bytes at sector {sector} leave the device");
}
