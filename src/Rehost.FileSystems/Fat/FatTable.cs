using System.Buffers.Binary;
using System.Collections;

namespace Rehost.FileSystems.Fat;

/// <summary>The file allocation table: chains, free clusters. Every copy is written; the active one is read.</summary>
internal sealed class FatTable(FatBootSector boot, PageCache cache)
{
    private const int ScanBytes = 96 << 10; // whole entries of 12, 16 and 32 bits
    private readonly List<uint> _toggled = [];
    private BitArray? _free;
    private long _freeCount;
    private uint _hint = 2;

    internal uint EndOfChain { get; } = (1u << Math.Min(boot.Bits, 28)) - 1;

    private uint FirstEndMark => EndOfChain - 7;

    internal bool IsLast(uint entry) => entry >= FirstEndMark;

    internal long FreeCount
    {
        get
        {
            Load();
            return _freeCount;
        }
    }

    /// <summary>Where the search for free clusters goes on: the hint that FSInfo records.</summary>
    internal uint Hint => _hint;

    internal uint Get(uint cluster)
    {
        Span<byte> raw = stackalloc byte[4];
        raw = raw[..Width];
        cache.Read(boot.FatOffset(boot.ActiveFat) + Position(cluster), raw);
        return Decode(raw, cluster);
    }

    /// <summary>Clusters of a chain, at most as many as asked.</summary>
    internal List<uint> Chain(uint first, long most, string where)
    {
        var chain = new List<uint>();
        if (first == 0)
        {
            return chain;
        }

        for (var cluster = first; ;)
        {
            if (cluster < 2 || cluster > boot.LastCluster)
            {
                throw FatDiagnostics.BadChain.ToException($"cluster {chain.Count} of the chain from {first} is said to be {cluster} of {boot.LastCluster}", where);
            }

            if (chain.Count == most || chain.Count == boot.ClusterCount)
            {
                throw FatDiagnostics.BadChain.ToException($"the chain from cluster {first} is longer than {chain.Count} clusters, or runs in a circle", where);
            }

            chain.Add(cluster);
            var next = Get(cluster);
            if (IsLast(next))
            {
                return chain;
            }

            cluster = next;
        }
    }

    /// <summary>Takes free clusters and makes a chain of them, after an existing cluster when there is one.</summary>
    internal List<uint> Allocate(int count, uint after)
    {
        Load();
        var free = _free ?? throw new InvalidOperationException("the table was not read");
        if (count > _freeCount)
        {
            throw FileSystemDiagnostics.NoSpace.ToException($"{count} clusters of {boot.ClusterSize} bytes are needed, {_freeCount} are free");
        }

        var taken = new List<uint>(count);
        var candidate = after != 0 ? after + 1 : _hint;
        while (taken.Count < count)
        {
            if (candidate < 2 || candidate > boot.LastCluster)
            {
                candidate = 2;
            }

            if (free[(int)candidate])
            {
                taken.Add(candidate);
                Toggle(candidate);
            }

            candidate++;
        }

        for (var i = taken.Count - 1; i >= 0; i--)
        {
            Set(taken[i], i == taken.Count - 1 ? EndOfChain : taken[i + 1]);
        }

        if (after != 0)
        {
            Set(after, taken[0]);
        }

        _hint = candidate;
        return taken;
    }

    /// <summary>Frees clusters, which are then no part of any chain.</summary>
    internal void Free(IEnumerable<uint> clusters)
    {
        Load();
        foreach (var cluster in clusters)
        {
            Set(cluster, 0);
            if (_free is { } free && !free[(int)cluster])
            {
                Toggle(cluster); // a cluster that two files claim is freed once
            }
        }
    }

    internal void SetEnd(uint cluster) => Set(cluster, EndOfChain);

    internal void Begin() => _toggled.Clear();

    internal void Rollback()
    {
        foreach (var cluster in _toggled.ToArray())
        {
            Toggle(cluster);
        }

        _toggled.Clear();
    }

    /// <summary>Runs of free clusters in order.</summary>
    internal IEnumerable<(uint First, uint Count)> FreeRuns()
    {
        uint first = 0;
        foreach (var (cluster, entry) in Entries())
        {
            if (entry == 0)
            {
                first = first == 0 ? cluster : first;
            }
            else if (first != 0)
            {
                yield return (first, cluster - first);
                first = 0;
            }
        }

        if (first != 0)
        {
            yield return (first, boot.LastCluster + 1 - first);
        }
    }

    /// <summary>The number of a copy that differs from the active one; null when all agree.</summary>
    internal int? FindDifferentCopy()
    {
        var (one, other) = (new byte[ScanBytes], new byte[ScanBytes]);
        var used = Math.Min(boot.FatBytes, Position(boot.LastCluster) + Width);
        for (var copy = 0; boot.IsMirrored && copy < boot.FatCount; copy++)
        {
            for (long at = 0; copy != boot.ActiveFat && at < used; at += ScanBytes)
            {
                var count = (int)Math.Min(ScanBytes, used - at);
                cache.ReadContent(boot.FatOffset(boot.ActiveFat) + at, one.AsSpan(0, count));
                cache.ReadContent(boot.FatOffset(copy) + at, other.AsSpan(0, count));
                if (!one.AsSpan(0, count).SequenceEqual(other.AsSpan(0, count)))
                {
                    return copy;
                }
            }
        }

        return null;
    }

    private int Width => boot.Bits == 32 ? 4 : 2;

    private long Position(uint cluster) => (long)cluster * boot.Bits / 8;

    private uint Decode(ReadOnlySpan<byte> raw, uint cluster) => boot.Bits switch
    {
        12 => (uint)(BinaryPrimitives.ReadUInt16LittleEndian(raw) >> (cluster % 2 == 0 ? 0 : 4)) & 0xFFF,
        16 => BinaryPrimitives.ReadUInt16LittleEndian(raw),
        _ => BinaryPrimitives.ReadUInt32LittleEndian(raw) & 0x0FFFFFFF,
    };

    private void Set(uint cluster, uint value)
    {
        Span<byte> raw = stackalloc byte[4];
        raw = raw[..Width];
        for (var copy = 0; copy < boot.FatCount; copy++)
        {
            if (!boot.IsMirrored && copy != boot.ActiveFat)
            {
                continue;
            }

            var position = boot.FatOffset(copy) + Position(cluster);
            cache.Read(position, raw);
            switch (boot.Bits)
            {
                case 12:
                    var pair = BinaryPrimitives.ReadUInt16LittleEndian(raw);
                    BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)(cluster % 2 == 0 ? (pair & 0xF000) | (int)value : (pair & 0xF) | ((int)value << 4)));
                    break;
                case 16:
                    BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)value);
                    break;
                default:
                    // The upper four bits are reserved and kept.
                    BinaryPrimitives.WriteUInt32LittleEndian(raw, (BinaryPrimitives.ReadUInt32LittleEndian(raw) & 0xF0000000) | value);
                    break;
            }

            cache.Write(position, raw);
        }
    }

    private void Toggle(uint cluster)
    {
        if (_free is { } free)
        {
            free[(int)cluster] = !free[(int)cluster];
            _freeCount += free[(int)cluster] ? 1 : -1;
            _toggled.Add(cluster);
        }
    }

    private void Load()
    {
        lock (_toggled)
        {
            if (_free is not null)
            {
                return;
            }

            var free = new BitArray((int)boot.LastCluster + 1);
            long count = 0;
            foreach (var (first, length) in FreeRuns())
            {
                count += length;
                for (var i = 0u; i < length; i++)
                {
                    free[(int)(first + i)] = true;
                }
            }

            _freeCount = count;
            _free = free;
        }
    }

    private IEnumerable<(uint Cluster, uint Entry)> Entries()
    {
        // FAT12: an entry may straddle two chunks, so each chunk holds whole pairs and one byte more is read.
        var buffer = new byte[ScanBytes + 4];
        var perChunk = (uint)(ScanBytes * 8 / boot.Bits);
        for (uint chunk = 0; chunk <= boot.LastCluster; chunk += perChunk)
        {
            var start = Position(chunk);
            cache.ReadContent(boot.FatOffset(boot.ActiveFat) + start, buffer.AsSpan(0, (int)Math.Min(buffer.Length, boot.FatBytes - start)));
            for (var cluster = Math.Max(2, chunk); cluster <= boot.LastCluster && cluster - chunk < perChunk; cluster++)
            {
                yield return (cluster, Decode(buffer.AsSpan((int)(Position(cluster) - start)), cluster));
            }
        }
    }
}
