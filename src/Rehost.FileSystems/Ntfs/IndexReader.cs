using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>An index of a file ($I30 of a directory): a B-tree whose root is in the file's record and whose blocks are in an attribute of their own.</summary>
internal sealed class IndexReader
{
    internal const string DirectoryIndex = "$I30";
    internal const int RootHeaderSize = 16;
    internal const int BlockHeaderSize = 24;
    private const int DeepestTree = 32;
    private readonly NtfsNode _node;
    private readonly StreamReader _streams;

    internal IndexReader(NtfsBootSector boot, StreamReader streams, NtfsNode node, string name)
    {
        (_node, _streams, Name) = (node, streams, name);
        Root = node.Find(AttributeType.IndexRoot, name) is { Value.Length: >= RootHeaderSize } root
            ? root
            : throw NtfsDiagnostics.BadIndex.ToException($"it has no root of index {name}", node.Where);
        BlockSize = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(Root.Value.AsSpan(8)), int.MaxValue);
        if (BlockSize is < UpdateSequence.Stride or > 64 << 10 || !int.IsPow2(BlockSize))
        {
            throw NtfsDiagnostics.BadIndex.ToException($"index {name} has blocks of {BlockSize} bytes", node.Where);
        }

        // Blocks are numbered in clusters, or in sectors of 512 bytes where a cluster is larger than a block.
        Unit = BlockSize >= boot.ClusterSize ? boot.ClusterSize : UpdateSequence.Stride;
    }

    internal string Name { get; }

    internal NtfsAttribute Root { get; }

    internal NtfsAttribute? Allocation => _node.Find(AttributeType.IndexAllocation, Name);

    internal int BlockSize { get; }

    internal int Unit { get; }

    internal List<IndexEntry> RootEntries => IndexEntry.ParseList(Root.Value.AsSpan(RootHeaderSize), $"{_node.Where}, root of index {Name}");

    /// <summary>All entries in their order.</summary>
    internal IEnumerable<IndexEntry> Entries()
    {
        var visited = new HashSet<long>();
        var work = new Stack<(List<IndexEntry> List, int Next, bool Below)>([(RootEntries, 0, false)]);
        while (work.TryPop(out var frame))
        {
            var entry = frame.List[frame.Next];
            if (!frame.Below && entry.SubNode >= 0)
            {
                if (!visited.Add(entry.SubNode) || work.Count >= DeepestTree)
                {
                    throw NtfsDiagnostics.BadIndex.ToException($"index {Name} leads to block {entry.SubNode} twice, or is too deep", _node.Where);
                }

                work.Push(frame with { Below = true });
                work.Push((ReadBlock(entry.SubNode), 0, false));
                continue;
            }

            if (entry.IsLast)
            {
                continue;
            }

            work.Push((frame.List, frame.Next + 1, false));
            yield return entry;
        }
    }

    /// <summary>The first entry whose key is equal to the one searched; the comparison answers on which side of an entry it is.</summary>
    internal IndexEntry? Find(KeyOrder compare)
    {
        IndexEntry? found = null;
        var list = RootEntries;
        for (var depth = 0; ; depth++)
        {
            if (depth > DeepestTree)
            {
                throw NtfsDiagnostics.BadIndex.ToException($"index {Name} is too deep", _node.Where);
            }

            var next = list[^1];
            foreach (var entry in list)
            {
                var order = entry.IsLast ? -1 : compare(entry.Key);
                if (order <= 0)
                {
                    found = order == 0 ? entry : found;
                    next = entry;
                    break;
                }
            }

            if (next.SubNode < 0)
            {
                return found;
            }

            list = ReadBlock(next.SubNode);
        }
    }

    internal List<IndexEntry> ReadBlock(long vcn) => IndexEntry.ParseList(ReadRawBlock(vcn).AsSpan(BlockHeaderSize), WhereIs(vcn));

    /// <summary>A block as it is on disk, its update sequence undone.</summary>
    internal byte[] ReadRawBlock(long vcn)
    {
        if (Allocation is not { } allocation || vcn > (allocation.Length - BlockSize) / Unit)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"index {Name} leads to block {vcn}, which is past its {Allocation?.Length ?? 0} bytes", _node.Where);
        }

        var raw = new byte[BlockSize];
        _streams.ReadStructure(allocation, vcn * Unit, raw, _node.Where);
        if (!raw.AsSpan(0, 4).SequenceEqual("INDX"u8))
        {
            throw NtfsDiagnostics.BadIndex.ToException($"it begins with {Convert.ToHexStringLower(raw.AsSpan(0, 4))}, needed INDX", WhereIs(vcn));
        }

        UpdateSequence.Apply(raw, NtfsDiagnostics.BadIndex, WhereIs(vcn));
        var own = BinaryPrimitives.ReadInt64LittleEndian(raw.AsSpan(16));
        return own == vcn ? raw : throw NtfsDiagnostics.BadIndex.ToException($"it says that it is block {own}", WhereIs(vcn));
    }

    private string WhereIs(long vcn) => $"{_node.Where}, index {Name}, block {vcn}";
}
