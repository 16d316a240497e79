using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>
/// Replays the log of an image that was not closed ([MS-VHDX] 2.3), in memory: the file stays as it is. The active sequence is the one whose last entry
/// has the highest number and which is whole back to the entry that this one names as its tail; what was torn off while being written is behind it.
/// </summary>
internal static class VhdxLog
{
    private const int SectorSize = VhdxLogEntry.SectorSize;
    private const int EffortFactor = 16; // entries of a sound log do not overlap: checksums over more than this many logs are an attack
    private const int StepsMax = 1 << 20;
    private const long ZerosMax = 4L << 30; // the log holds changes of tables; all tables of 64 TiB have half a gigabyte

    /// <summary>The file as it is after the replay; the file itself when there is nothing to replay.</summary>
    public static IBlockDevice Replay(IBlockDevice file, VhdxHeader header, string name, Action<Diagnostic>? report)
    {
        if (header.LogId == Guid.Empty)
        {
            return file;
        }

        var log = new byte[header.LogLength];
        file.Read(new GuestOffset((long)header.LogOffset), log);
        var entries = FindEntries(log, header.LogId, name, out var isAny);
        if (!isAny)
        {
            // Opened for writing, and nothing was changed yet.
            return file;
        }

        var sequence = FindActive(entries, log.Length, name);
        var device = Apply(file, log, sequence, name);
        report?.Invoke(VhdxDiagnostics.LogReplayed.Create($"{sequence.Count} log entries, {sequence[0].SequenceNumber} to {sequence[^1].SequenceNumber}", name));
        return device;
    }

    private static Dictionary<uint, VhdxLogEntry> FindEntries(byte[] log, Guid logId, string name, out bool isAny)
    {
        var entries = new Dictionary<uint, VhdxLogEntry>();
        var effort = 0L;
        isAny = false;
        for (uint at = 0; at < log.Length; at += SectorSize)
        {
            if (VhdxLogEntry.TryParse(log, at, logId) is not { } entry)
            {
                continue;
            }

            isAny = true;
            if (!entry.IsPlausible(log.Length))
            {
                continue;
            }

            effort += entry.Length;
            if (effort > (long)log.Length * EffortFactor)
            {
                throw VhdxDiagnostics.BadLog.ToException("its entries lie on one another", name);
            }

            if (entry.IsWhole(log))
            {
                entries.Add(at, entry);
            }
        }

        return entries;
    }

    private static List<VhdxLogEntry> FindActive(Dictionary<uint, VhdxLogEntry> entries, int logLength, string name)
    {
        var steps = 0;
        foreach (var head in entries.Values.OrderByDescending(entry => entry.SequenceNumber))
        {
            var sequence = new List<VhdxLogEntry>();
            for (var at = head.Tail; entries.TryGetValue(at, out var entry); at = (uint)((entry.Offset + (long)entry.Length) % logLength))
            {
                if (++steps > StepsMax)
                {
                    throw VhdxDiagnostics.BadLog.ToException("its entries have no order", name);
                }

                if (sequence.Count > 0 && entry.SequenceNumber != sequence[^1].SequenceNumber + 1)
                {
                    break;
                }

                sequence.Add(entry);
                if (entry.Offset == head.Offset)
                {
                    return sequence;
                }
            }
        }

        throw VhdxDiagnostics.BadLog.ToException($"of {entries.Count} whole entries none is the end of a sequence", name);
    }

    private static OverlayDevice Apply(IBlockDevice file, byte[] log, List<VhdxLogEntry> sequence, string name)
    {
        var head = sequence[^1];
        if (head.FlushedFileOffset > (ulong)file.Length)
        {
            throw VhdxDiagnostics.BadLog.ToException($"the file had {head.FlushedFileOffset} bytes when the log was written, and has {file.Length}: it was cut off", name);
        }

        if (head.LastFileOffset > long.MaxValue >> 8)
        {
            throw VhdxDiagnostics.BadLog.ToException($"it makes the file {head.LastFileOffset} bytes long", name);
        }

        // The file may have grown; what was not written to it is zero.
        var further = Math.Max(0, (long)head.LastFileOffset - file.Length);
        IBlockDevice below = further == 0 ? file : new ConcatDevice([file, new ZeroDevice(further)], ownsParts: true);
        var device = new OverlayDevice(below, OverlayStore.InMemory(), ownsBelow: true);
        var zeros = 0L;
        foreach (var entry in sequence)
        {
            ApplyEntry(device, log, entry, ref zeros, name);
        }

        return device;
    }

    private static void ApplyEntry(OverlayDevice device, byte[] log, VhdxLogEntry entry, ref long zeros, string name)
    {
        var dataSector = entry.DescriptorSectors;
        Span<byte> page = stackalloc byte[SectorSize];
        for (var i = 0L; i < entry.Descriptors; i++)
        {
            var at = VhdxLogEntry.HeaderSize + (i * VhdxLogEntry.DescriptorSize);
            var descriptor = entry.Sector(log, (uint)(at / SectorSize)).Slice((int)(at % SectorSize), VhdxLogEntry.DescriptorSize);
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(descriptor[16..]);
            var isZero = descriptor.StartsWith("zero"u8);
            var length = isZero ? BinaryPrimitives.ReadUInt64LittleEndian(descriptor[8..]) : SectorSize;
            if ((!isZero && !descriptor.StartsWith("desc"u8)) || BinaryPrimitives.ReadUInt64LittleEndian(descriptor[24..]) != entry.SequenceNumber
                || offset % SectorSize != 0 || length % SectorSize != 0 || offset > (ulong)device.Length || length > (ulong)device.Length - offset)
            {
                throw VhdxDiagnostics.BadLog.ToException($"change {i} of entry {entry.SequenceNumber} cannot be made: {length} bytes at 0x{offset:x} in a file of {device.Length}", name);
            }

            if (isZero)
            {
                zeros += (long)length;
                if (zeros > ZerosMax)
                {
                    throw VhdxDiagnostics.BadLog.ToException($"it zeroes {zeros} bytes; tables have no more than {ZerosMax}", name);
                }

                device.WriteZeros(new GuestOffset((long)offset), (long)length);
                continue;
            }

            TakePage(log, entry, dataSector++, descriptor, page, name);
            device.Write(new GuestOffset((long)offset), page);
        }
    }

    /// <summary>Puts a page together: its first eight and last four bytes stand in the descriptor, because the sector's own hold its sequence number.</summary>
    private static void TakePage(byte[] log, VhdxLogEntry entry, uint sector, ReadOnlySpan<byte> descriptor, Span<byte> page, string name)
    {
        var isThere = sector < entry.Length / SectorSize;
        var data = isThere ? entry.Sector(log, sector) : [];
        if (!isThere || !data.StartsWith("data"u8)
            || BinaryPrimitives.ReadUInt32LittleEndian(data[4..]) != (uint)(entry.SequenceNumber >> 32)
            || BinaryPrimitives.ReadUInt32LittleEndian(data[(SectorSize - 4)..]) != (uint)(entry.SequenceNumber & uint.MaxValue))
        {
            throw VhdxDiagnostics.BadLog.ToException($"data sector {sector} of entry {entry.SequenceNumber} is missing or of another entry", name);
        }

        data.CopyTo(page);
        descriptor.Slice(8, 8).CopyTo(page);
        descriptor.Slice(4, 4).CopyTo(page[(SectorSize - 4)..]);
    }
}
