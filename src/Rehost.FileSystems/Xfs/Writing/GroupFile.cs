using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Reads an allocation group into memory and writes it back: headers AGF, AGI, AGFL and the trees below them.</summary>
internal static class GroupFile
{
    private const int AgfChecksum = 216;
    private const int AgiChecksum = 312;
    private const int AgflChecksum = 32;
    private const int AgflHeader = 36;
    private const int SpareRange = 6;
    private const int MaximumRounds = 200;

    internal static Group Read(Store store, uint number)
    {
        var where = $"allocation group {number}";
        var (agf, agi, agfl) = (ReadHeader(store, number, 1, 0x58414746, AgfChecksum), ReadHeader(store, number, 2, 0x58414749, AgiChecksum), ReadSpare(store, number));
        var expected = (uint)Math.Min(store.Super.AgBlocks, store.Super.DataBlocks - ((ulong)number * store.Super.AgBlocks));
        var length = U32(agf, 12);
        if (U32(agf, 8) != number || U32(agi, 8) != number || length != expected || U32(agi, 12) != expected)
        {
            throw XfsDiagnostics.BadBlock.ToException($"its headers speak of groups {U32(agf, 8)} and {U32(agi, 8)} with {length} and {U32(agi, 12)} blocks; {expected} were needed", where);
        }

        var group = new Group(store, number, length);
        var (seen, blocks) = (new HashSet<uint>(), new List<uint>());
        var free = ToRuns(ShortTree.ByBlock.Read(store, number, U32(agf, 16), U32(agf, 28), seen, blocks));
        var sizes = ToRuns(ShortTree.BySize.Read(store, number, U32(agf, 20), U32(agf, 32), seen, blocks));
        var owners = store.HasRmap ? ToOwners(ShortTree.Owners.Read(store, number, U32(agf, 24), U32(agf, 36), seen, blocks)) : [];
        if (blocks.Count - (store.HasRmap ? 3 : 2) != U32(agf, 60))
        {
            throw XfsDiagnostics.BadBlock.ToException($"its trees of free space have {blocks.Count} blocks, {U32(agf, 60)} by count", where);
        }

        ReadSpareBlocks(store, agf, agfl, length, seen, blocks, where);
        var uncounted = blocks.Count;
        var chunks = ToChunks(store, ShortTree.Inodes.Read(store, number, U32(agi, 20), U32(agi, 24), seen, blocks), where);
        if (store.HasFreeInodeTree)
        {
            var some = ToChunks(store, ShortTree.FreeInodes.Read(store, number, U32(agi, 328), U32(agi, 332), seen, blocks), where);
            if (!some.SequenceEqual(chunks.Where(chunk => chunk.FreeCount > 0)))
            {
                throw XfsDiagnostics.BadBlock.ToException("its two trees of inodes disagree", where);
            }
        }

        var shared = store.HasReflink ? ToShared(ShortTree.References.Read(store, number, U32(agf, 88), U32(agf, 92), seen, blocks)) : [];
        DemandSound(group, free, sizes, seen, U32(agf, 52), where);
        if (chunks.Sum(chunk => (long)chunk.FreeCount) != U32(agi, 28))
        {
            throw XfsDiagnostics.BadBlock.ToException($"it has {U32(agi, 28)} free inodes by count, {chunks.Sum(chunk => (long)chunk.FreeCount)} by its tree", where);
        }

        group.Load(free, chunks, owners.Where(record => record.Owner is not (OwnerRecord.GroupTrees or OwnerRecord.InodeTrees or OwnerRecord.ReferenceTree)), shared);
        group.CountedBlocks = blocks.Count - uncounted;
        blocks.Sort();
        group.TreeBlocks = blocks;
        group.NewestInode = U32(agi, 32);
        return group;
    }

    /// <summary>Blocks for all trees with so many records, and the shortest list of spare blocks.</summary>
    internal static int CountNeeded(Store store, int freeRuns, int owners, Group group)
        => CountCounted(store, group) + CountUncounted(store, freeRuns, owners) + CountSpare(store, freeRuns, owners);

    /// <summary>Writes a changed group. There is room, since every operation left enough.</summary>
    internal static void Write(Store store, Group group)
    {
        var (free, blocks, fixedRuns) = Arrange(store, group);
        var counted = CountCounted(store, group);
        store.FreeBlocks = (ulong)((long)store.FreeBlocks + group.CountedBlocks - counted);
        group.ReplaceFree(free);
        group.TreeBlocks = blocks;
        group.CountedBlocks = counted;

        var (agf, agi) = (ReadHeader(store, group.Number, 1, 0x58414746, AgfChecksum), ReadHeader(store, group.Number, 2, 0x58414749, AgiChecksum));
        var rest = blocks.ToArray().AsSpan();
        WriteInodeTrees(store, group, agi, ref rest);
        if (store.HasReflink)
        {
            var bytes = new byte[group.Shared.Count * SharedRun.Size];
            for (var i = 0; i < group.Shared.Count; i++)
            {
                var at = bytes.AsSpan(i * SharedRun.Size);
                BinaryPrimitives.WriteUInt32BigEndian(at, group.Shared[i].Start);
                BinaryPrimitives.WriteUInt32BigEndian(at[4..], group.Shared[i].Count);
                BinaryPrimitives.WriteUInt32BigEndian(at[8..], group.Shared[i].References);
            }

            Put(agf, 84, (uint)WriteTree(store, group, ShortTree.References, bytes, agf, 88, 92, ref rest));
        }

        var uncounted = WriteTree(store, group, ShortTree.ByBlock, FromRuns(free), agf, 16, 28, ref rest);
        uncounted += WriteTree(store, group, ShortTree.BySize, FromRuns([.. free.OrderBy(run => run.Count).ThenBy(run => run.Start)]), agf, 20, 32, ref rest);
        if (store.HasRmap)
        {
            var owners = group.SortedOwners(fixedRuns);
            var bytes = new byte[owners.Count * OwnerRecord.Size];
            for (var i = 0; i < owners.Count; i++)
            {
                owners[i].Write(bytes.AsSpan(i * OwnerRecord.Size));
            }

            var count = WriteTree(store, group, ShortTree.Owners, bytes, agf, 24, 36, ref rest);
            Put(agf, 80, (uint)count);
            uncounted += count;
        }

        Put(agf, 60, (uint)(uncounted - (store.HasRmap ? 3 : 2)));
        Put(agf, 52, (uint)group.FreeTotal);
        Put(agf, 56, free.Count == 0 ? 0 : free.Max(run => run.Count));
        WriteSpareBlocks(store, group, agf, rest);
        WriteHeader(store, group.Number, 1, agf, AgfChecksum);
        WriteHeader(store, group.Number, 2, agi, AgiChecksum);
        group.IsChanged = false;
    }

    private static void WriteInodeTrees(Store store, Group group, byte[] agi, ref Span<uint> rest)
    {
        var blocks = WriteTree(store, group, ShortTree.Inodes, FromChunks(store, group.Chunks.Items), agi, 20, 24, ref rest);
        var freeBlocks = store.HasFreeInodeTree
            ? WriteTree(store, group, ShortTree.FreeInodes, FromChunks(store, [.. group.Chunks.Items.Where(chunk => chunk.FreeCount > 0)]), agi, 328, 332, ref rest)
            : 0;
        if (store.HasInodeBlockCounts)
        {
            Put(agi, 336, (uint)blocks);
            Put(agi, 340, (uint)freeBlocks);
        }

        Put(agi, 16, (uint)group.Chunks.Items.Sum(chunk => (long)System.Numerics.BitOperations.PopCount(chunk.Existing)));
        Put(agi, 28, (uint)group.Chunks.Items.Sum(chunk => (long)chunk.FreeCount));
        Put(agi, 32, group.NewestInode);
    }

    private static int WriteTree(Store store, Group group, ShortTree tree, byte[] records, byte[] header, int rootAt, int levelsAt, ref Span<uint> rest)
    {
        var count = tree.CountBlocks(store, records.Length / tree.RecordSize);
        var (root, levels) = tree.Write(store, group.Number, records, rest[..count]);
        Put(header, rootAt, root);
        Put(header, levelsAt, levels);
        rest = rest[count..];
        return count;
    }

    private static void WriteSpareBlocks(Store store, Group group, byte[] agf, ReadOnlySpan<uint> spare)
    {
        var capacity = SpareCapacity(store);
        var sector = new byte[store.Super.SectorSize];
        store.Cache.Read(HeaderAt(store, group.Number, 3), sector);
        var at = store.IsVersion5 ? AgflHeader : 0;
        sector.AsSpan(at).Fill(0xFF);
        for (var i = 0; i < spare.Length; i++)
        {
            Put(sector, at + (i * 4), spare[i]);
        }

        Put(agf, 40, 0);
        Put(agf, 44, (uint)(spare.Length == 0 ? capacity - 1 : spare.Length - 1));
        Put(agf, 48, (uint)spare.Length);
        WriteHeader(store, group.Number, 3, sector, AgflChecksum);
    }

    /// <summary>Chooses blocks for the trees: those they have, and more or fewer from free space. What free space is then decides how large its trees are, hence the rounds.</summary>
    private static (List<Run> Free, List<uint> Blocks, List<OwnerRecord> Owners) Arrange(Store store, Group group)
    {
        var blocks = group.TreeBlocks.ToList();
        var free = group.Free.Items.ToList();
        for (var round = 0; round < MaximumRounds; round++)
        {
            blocks.Sort();
            var counted = CountCounted(store, group);
            var fixedRuns = store.HasRmap ? OwnersOfTrees(store, group, blocks) : [];
            var owners = store.HasRmap ? group.OwnerCount + fixedRuns.Count : 0;
            var needed = counted + CountUncounted(store, free.Count, owners);
            var least = needed + CountSpare(store, free.Count, owners);
            var most = needed + Math.Min(SpareCapacity(store), CountSpare(store, free.Count, owners) + SpareRange);
            if (blocks.Count >= least && blocks.Count <= most)
            {
                return (free, blocks, fixedRuns);
            }

            if (blocks.Count > most)
            {
                free = Join(free, blocks[most..]);
                blocks.RemoveRange(most, blocks.Count - most);
            }
            else
            {
                TakeShortest(free, blocks, least + 1 - blocks.Count);
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException("the trees of the group find no room", group.Where);
    }

    private static void TakeShortest(List<Run> free, List<uint> blocks, int count)
    {
        for (; count > 0; count--)
        {
            var best = 0;
            for (var i = 1; i < free.Count; i++)
            {
                best = free[i].Count < free[best].Count ? i : best;
            }

            if (free.Count == 0)
            {
                throw FileSystemDiagnostics.NoSpace.ToException("no block is left for the trees of a group");
            }

            blocks.Add(free[best].Start);
            if (free[best].Count == 1)
            {
                free.RemoveAt(best);
            }
            else
            {
                free[best] = new Run(free[best].Start + 1, free[best].Count - 1);
            }
        }
    }

    private static List<Run> Join(List<Run> free, List<uint> blocks)
    {
        var joined = new List<Run>();
        foreach (var run in free.Concat(blocks.Select(block => new Run(block, 1))).OrderBy(run => run.Start))
        {
            if (joined.Count > 0 && joined[^1].End == run.Start)
            {
                joined[^1] = joined[^1] with { Count = joined[^1].Count + run.Count };
            }
            else
            {
                joined.Add(run);
            }
        }

        return joined;
    }

    /// <summary>The records of owners for the trees themselves, by which blocks each will get.</summary>
    private static List<OwnerRecord> OwnersOfTrees(Store store, Group group, List<uint> blocks)
    {
        var inodes = ShortTree.Inodes.CountBlocks(store, group.Chunks.Count) + (store.HasFreeInodeTree ? ShortTree.FreeInodes.CountBlocks(store, group.ChunksWithFree) : 0);
        var records = new List<OwnerRecord>();
        for (var i = 0; i < blocks.Count; i++)
        {
            var owner = i < inodes ? OwnerRecord.InodeTrees : i < CountCounted(store, group) ? OwnerRecord.ReferenceTree : OwnerRecord.GroupTrees;
            var record = new OwnerRecord(blocks[i], 1, owner, 0);
            if (records.Count > 0 && records[^1].Join(record) is { } joined)
            {
                records[^1] = joined;
            }
            else
            {
                records.Add(record);
            }
        }

        return records;
    }

    private static int CountCounted(Store store, Group group) =>
        ShortTree.Inodes.CountBlocks(store, group.Chunks.Count)
        + (store.HasFreeInodeTree ? ShortTree.FreeInodes.CountBlocks(store, group.ChunksWithFree) : 0)
        + (store.HasReflink ? ShortTree.References.CountBlocks(store, group.Shared.Count) : 0);

    private static int CountUncounted(Store store, int freeRuns, int owners) =>
        (2 * ShortTree.ByBlock.CountBlocks(store, freeRuns)) + (store.HasRmap ? ShortTree.Owners.CountBlocks(store, owners) : 0);

    /// <summary>What the kernel keeps in the list of spare blocks before it allocates: one more than the levels of each tree.</summary>
    private static int CountSpare(Store store, int freeRuns, int owners) => Math.Min(
        SpareCapacity(store),
        (2 * (ShortTree.ByBlock.CountLevels(store, freeRuns) + 1)) + (store.HasRmap ? ShortTree.Owners.CountLevels(store, owners) + 1 : 0));

    private static int SpareCapacity(Store store) => (store.Super.SectorSize - (store.IsVersion5 ? AgflHeader : 0)) / 4;

    private static void ReadSpareBlocks(Store store, byte[] agf, byte[] agfl, uint length, HashSet<uint> seen, List<uint> blocks, string where)
    {
        var capacity = (uint)SpareCapacity(store);
        var (first, last, count) = (U32(agf, 40), U32(agf, 44), U32(agf, 48));
        if (first >= capacity || last >= capacity || count > capacity || (count > 0 && (first + count - 1) % capacity != last))
        {
            throw XfsDiagnostics.BadBlock.ToException($"its list of spare blocks goes from {first} to {last} and has {count} entries of {capacity}", where);
        }

        for (var i = 0u; i < count; i++)
        {
            var block = U32(agfl, (store.IsVersion5 ? AgflHeader : 0) + ((int)((first + i) % capacity) * 4));
            if (block >= length || !seen.Add(block))
            {
                throw XfsDiagnostics.BadBlock.ToException($"block {block} in its list of spare blocks lies outside, or belongs to a tree", where);
            }

            blocks.Add(block);
        }
    }

    private static void DemandSound(Group group, List<Run> free, List<Run> sizes, HashSet<uint> trees, uint total, string where)
    {
        var end = 0u;
        long sum = 0;
        foreach (var run in free)
        {
            if (run.Count == 0 || run.Start < end || run.Count > group.Length || run.Start > group.Length - run.Count)
            {
                throw XfsDiagnostics.BadBlock.ToException($"{run.Count} free blocks at {run.Start}, after {end}", where);
            }

            end = run.End;
            sum += run.Count;
        }

        if (sum != total || !sizes.OrderBy(run => run.Start).SequenceEqual(free) || trees.Any(block => IsFree(free, block)))
        {
            throw XfsDiagnostics.BadBlock.ToException($"its free blocks are {total} by count and {sum} by tree, or its trees disagree", where);
        }
    }

    private static bool IsFree(List<Run> free, uint block)
    {
        var at = free.BinarySearch(new Run(block, 0), Comparer<Run>.Create((one, other) => one.Start.CompareTo(other.Start)));
        at = at < 0 ? ~at - 1 : at;
        return at >= 0 && block < free[at].End;
    }

    private static long HeaderAt(Store store, uint group, int sector) => store.ByteOf(store.ToBlock(group, 0)) + ((long)sector * store.Super.SectorSize);

    private static byte[] ReadSpare(Store store, uint group)
        => store.IsVersion5 ? ReadHeader(store, group, 3, 0x5841464C, AgflChecksum) : ReadSector(store, group, 3);

    private static byte[] ReadHeader(Store store, uint group, int sector, uint magic, int checksum)
    {
        var bytes = ReadSector(store, group, sector);
        return U32(bytes, 0) == magic && (!store.IsVersion5 || XfsChecksum.Matches(bytes, checksum))
            ? bytes
            : throw XfsDiagnostics.BadBlock.ToException($"the header in sector {sector} has the wrong magic number or checksum", $"allocation group {group}");
    }

    private static byte[] ReadSector(Store store, uint group, int sector)
    {
        var bytes = new byte[store.Super.SectorSize];
        store.Cache.Read(HeaderAt(store, group, sector), bytes);
        return bytes;
    }

    private static void WriteHeader(Store store, uint group, int sector, byte[] bytes, int checksum)
    {
        if (store.IsVersion5)
        {
            Store.Seal(bytes, checksum);
        }

        store.WriteIfChanged(HeaderAt(store, group, sector), bytes);
    }

    private static List<Run> ToRuns(byte[] records)
    {
        var runs = new List<Run>(records.Length / 8);
        for (var at = 0; at < records.Length; at += 8)
        {
            runs.Add(new Run(U32(records, at), U32(records, at + 4)));
        }

        return runs;
    }

    private static byte[] FromRuns(List<Run> runs)
    {
        var bytes = new byte[runs.Count * 8];
        for (var i = 0; i < runs.Count; i++)
        {
            Put(bytes, i * 8, runs[i].Start);
            Put(bytes, (i * 8) + 4, runs[i].Count);
        }

        return bytes;
    }

    private static List<OwnerRecord> ToOwners(byte[] records)
    {
        var owners = new List<OwnerRecord>(records.Length / OwnerRecord.Size);
        for (var at = 0; at < records.Length; at += OwnerRecord.Size)
        {
            var record = OwnerRecord.Parse(records.AsSpan(at));
            owners.Add(record.Count > 0 && record.Start <= uint.MaxValue - record.Count ? record : throw XfsDiagnostics.BadBlock.ToException($"{record.Count} owned blocks at {record.Start}"));
        }

        return owners;
    }

    private static List<SharedRun> ToShared(byte[] records)
    {
        var shared = new List<SharedRun>(records.Length / SharedRun.Size);
        for (var at = 0; at < records.Length; at += SharedRun.Size)
        {
            var run = new SharedRun(U32(records, at), U32(records, at + 4), U32(records, at + 8));
            if (run.Count is 0 or > int.MaxValue || (shared.Count > 0 && run.Start < shared[^1].End))
            {
                throw XfsDiagnostics.BadBlock.ToException($"{run.Count} shared blocks at {run.Start}");
            }

            shared.Add(run);
        }

        return shared;
    }

    private static List<Chunk> ToChunks(Store store, byte[] records, string where)
    {
        var chunks = new List<Chunk>(records.Length / Chunk.RecordSize);
        for (var at = 0; at < records.Length; at += Chunk.RecordSize)
        {
            var chunk = Chunk.Parse(records.AsSpan(at), store.HasSparseInodes, where);
            if (chunk.Start > (ulong)store.Super.AgBlocks << store.Super.InodesPerBlockLog || (chunks.Count > 0 && chunk.Start < (ulong)chunks[^1].Start + Chunk.Inodes))
            {
                throw XfsDiagnostics.BadBlock.ToException($"inodes at {chunk.Start} overlap others or lie outside", where);
            }

            chunks.Add(chunk);
        }

        return chunks;
    }

    private static byte[] FromChunks(Store store, IReadOnlyList<Chunk> chunks)
    {
        var bytes = new byte[chunks.Count * Chunk.RecordSize];
        for (var i = 0; i < chunks.Count; i++)
        {
            chunks[i].Write(bytes.AsSpan(i * Chunk.RecordSize), store.HasSparseInodes);
        }

        return bytes;
    }

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));

    private static void Put(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), value);
}
