using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>Puts operations of records together into transactions, and hands on those that were committed, in the order in which the kernel replays their items.</summary>
internal sealed class LogTransactions(Action<ulong, LogItem> replay)
{
    private const int OperationHeader = 12;
    private const int TransactionHeader = 16;
    private const int MostRegions = 1 << 20;
    private const byte Start = 1;
    private const byte Commit = 2;
    private const byte WasContinued = 8;
    private const byte Unmount = 0x20;
    private readonly Dictionary<uint, Pending> _pending = [];

    internal void Add(LogRecord record)
    {
        var data = record.Data;
        var at = 0;
        for (var i = 0; i < record.Operations && at < data.Length; i++)
        {
            if (at + OperationHeader > data.Length)
            {
                throw LogRecords.Damaged("an operation leaves its record");
            }

            var (transaction, length, client, flags) = (BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at)), BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at + 4)), data[at + 8], data[at + 9]);
            at += OperationHeader;
            if (client is not (0x69 or 0xAA) || length > data.Length - at)
            {
                throw LogRecords.Damaged($"an operation of {length} bytes for client 0x{client:x}");
            }

            Add(record.Number, transaction, flags, data.AsSpan(at, (int)length));
            at += (int)length;
        }
    }

    private void Add(ulong number, uint transaction, byte flags, ReadOnlySpan<byte> bytes)
    {
        if (!_pending.TryGetValue(transaction, out var pending))
        {
            if ((flags & Start) != 0)
            {
                _pending[transaction] = new Pending(number);
            }

            return; // else it began before the tail: all that it changed was written
        }

        if ((flags & Start) != 0)
        {
            throw LogRecords.Damaged("a transaction starts twice");
        }

        if ((flags & Unmount) != 0)
        {
            _pending.Remove(transaction);
        }
        else if ((flags & Commit) != 0)
        {
            _pending.Remove(transaction);
            Replay(pending);
        }
        else
        {
            pending.Add(bytes, isContinued: (flags & WasContinued) != 0);
        }
    }

    /// <summary>Buffers first, then inodes and intents, then buffers of inodes, whose only content is the list of unlinked ones, and last what was cancelled.</summary>
    private void Replay(Pending pending)
    {
        foreach (var item in pending.Items.Where(item => item.Count > 0).OrderBy(Rank))
        {
            replay(pending.Number, item);
        }
    }

    private static int Rank(LogItem item) => item.Type switch
    {
        LogItem.Buffer when (item.U16(4 + 0) & LogReplay.Cancelled) != 0 => 3,
        LogItem.Buffer when (item.U16(4 + 0) & LogReplay.InodeBuffer) != 0 => 2,
        LogItem.Buffer or LogItem.NewInodes => 0,
        _ => 1,
    };

    private sealed class Pending(ulong number)
    {
        private byte[] _header = [];

        internal ulong Number => number;

        internal List<LogItem> Items { get; } = [];

        internal void Add(ReadOnlySpan<byte> bytes, bool isContinued)
        {
            if (_header.Length < TransactionHeader)
            {
                _header = [.. _header, .. bytes];
                if (_header.Length > TransactionHeader)
                {
                    throw LogRecords.Damaged("the header of a transaction is too long");
                }

                return;
            }

            if (isContinued && Items.Count > 0 && Items[^1].Regions.Count > 0)
            {
                Items[^1].Regions[^1] = [.. Items[^1].Regions[^1], .. bytes];
                return;
            }

            if (Items.Count == 0 || Items[^1].Regions.Count == Items[^1].Count)
            {
                Items.Add(new LogItem());
            }

            Items[^1].Regions.Add(bytes.ToArray());
            if (Items[^1].Count is 0 or > MostRegions)
            {
                throw LogRecords.Damaged("an item of a transaction has no regions");
            }
        }
    }
}
