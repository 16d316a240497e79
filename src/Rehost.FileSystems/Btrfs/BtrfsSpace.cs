using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>The block groups of a file system, each taken up when it is needed first: from the trees as they are stored, whatever is changed in memory by then.</summary>
internal sealed class BtrfsSpace(BtrfsVolume volume, Func<BtrfsTree> extents, Func<BtrfsTree> blockGroups)
{
    private const long SuperblockReserve = 64 * 1024;
    private const long FirstUsable = 1 << 20;
    private readonly SortedDictionary<ulong, BtrfsBlockGroup> _groups = [];
    private readonly Dictionary<BtrfsProfile, ulong> _cursor = [];

    /// <summary>Groups that are taken up, in the order of their addresses.</summary>
    public IEnumerable<BtrfsBlockGroup> Groups => _groups.Values;

    /// <summary>Bytes that all taken-up groups count more than when they were taken up.</summary>
    public long UsedDifference { get; private set; }

    /// <summary>Takes a run in any group of a kind.</summary>
    /// <returns>Bytes taken; 0 when there is no such run.</returns>
    public ulong Take(BtrfsProfile kind, ulong wanted, ulong least, ulong alignment, out ulong start)
    {
        start = 0;
        var candidates = Candidates(kind).ToList();
        var from = _cursor.GetValueOrDefault(kind);
        // Round the groups from the one that was allocated from last: first for the whole, then for a part.
        foreach (var needed in new[] { wanted, least }.Distinct())
        {
            foreach (var chunk in candidates.Where(chunk => chunk.Start >= from).Concat(candidates.Where(chunk => chunk.Start < from)))
            {
                if (Group(chunk).Take(wanted, needed, alignment, out start) is var taken and > 0)
                {
                    _cursor[kind] = chunk.Start;
                    UsedDifference += (long)taken;
                    return taken;
                }
            }
        }

        return 0;
    }

    public void GiveBack(ulong start, ulong length)
    {
        Group(volume.ChunkOf(start)).GiveBack(start, length);
        UsedDifference -= (long)length;
    }

    public void Release(ulong start, ulong length)
    {
        var chunk = volume.ChunkOf(start);
        if (length > chunk.End - start)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"an extent of {length} bytes leaves its chunk", $"extent at logical address {start}");
        }

        Group(chunk).Release(start, length);
        UsedDifference -= (long)length;
    }

    public void Commit()
    {
        UsedDifference = 0;
        foreach (var group in _groups.Values)
        {
            group.Commit();
        }
    }

    /// <summary>Bytes that can be allocated in groups of a kind; enough is not counted on.</summary>
    public ulong Available(BtrfsProfile kind, ulong enough)
    {
        ulong sum = 0;
        foreach (var chunk in Candidates(kind))
        {
            sum += Group(chunk).AvailableBytes;
            if (sum >= enough)
            {
                break;
            }
        }

        return sum;
    }

    public IEnumerable<BtrfsChunk> Candidates(BtrfsProfile kind) => volume.Chunks.Where(chunk => (chunk.Profile & kind) != 0);

    /// <summary>Takes up a group that holds nothing yet.</summary>
    public void Add(BtrfsChunk chunk) => _groups.Add(chunk.Start, new BtrfsBlockGroup(chunk, 0, [(chunk.Start, chunk.End)], KeptOf(chunk)) { IsChanged = true });

    private BtrfsBlockGroup Group(BtrfsChunk chunk)
    {
        if (!_groups.TryGetValue(chunk.Start, out var group))
        {
            var key = new BtrfsKey(chunk.Start, BtrfsKey.BlockGroupItem, chunk.Length);
            if (blockGroups().Get(key) is not { } item || item.Data.Length < BtrfsBlockGroup.ItemSize)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"the chunk at {chunk.Start} has no block group", $"item {key}");
            }

            if (BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span) > chunk.Length)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"a block group of {chunk.Length} bytes says that {BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span)} are in use", $"item {key}");
            }

            group = new BtrfsBlockGroup(chunk, BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span), FreeOf(chunk), KeptOf(chunk));
            _groups.Add(chunk.Start, group);
        }

        return group;
    }

    private List<(ulong Start, ulong End)> FreeOf(BtrfsChunk chunk)
    {
        var free = new List<(ulong Start, ulong End)>();
        var position = chunk.Start;
        foreach (var item in extents().From(new BtrfsKey(chunk.Start, 0, 0)).TakeWhile(item => item.Key.ObjectId < chunk.End))
        {
            var length = item.Key.Type switch
            {
                BtrfsKey.ExtentItem => item.Key.Offset,
                BtrfsKey.MetadataItem => (ulong)volume.Superblock.NodeSize,
                _ => 0UL,
            };
            if (length == 0)
            {
                continue;
            }

            if (item.Key.ObjectId < position || length > chunk.End - item.Key.ObjectId || (item.Key.ObjectId | length) % (ulong)volume.Superblock.SectorSize != 0)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"an extent of {length} bytes overlaps another one or leaves its chunk", $"item {item.Key}");
            }

            if (item.Key.ObjectId > position)
            {
                free.Add((position, item.Key.ObjectId));
            }

            position = item.Key.ObjectId + length;
        }

        if (position < chunk.End)
        {
            free.Add((position, chunk.End));
        }

        return free;
    }

    /// <summary>Logical addresses that lie where a device has a superblock, or before its first usable byte.</summary>
    private static List<(ulong Start, ulong End)> KeptOf(BtrfsChunk chunk)
    {
        var kept = new List<(ulong Start, ulong End)>();
        foreach (var (from, to) in BtrfsSuperblock.Offsets.Select(offset => (offset, offset + SuperblockReserve)).Append((0L, FirstUsable)))
        {
            for (var i = 0; i < chunk.Stripes.Length; i++)
            {
                var stripe = chunk.Stripes[i];
                var (start, end) = (Math.Max((ulong)from, stripe.Offset), Math.Min((ulong)to, stripe.Offset + chunk.StripeBytes));
                if (start < end)
                {
                    kept.AddRange(chunk.ToLogical(i, start - stripe.Offset, end - stripe.Offset));
                }
            }
        }

        return [.. kept.OrderBy(range => range.Start)];
    }
}
