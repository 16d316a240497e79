using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Reading of extent trees (i_flags EXTENTS): a B-tree whose root is in the inode.</summary>
internal sealed class ExtentTree(ExtSuperblock super, BlockCache cache, InodeTable inodes)
{
    internal const ushort Magic = 0xF30A;
    internal const int MaxDepth = 5;
    internal const int HeaderSize = 12;
    internal const int EntrySize = 12;
    internal const int MaxWrittenLength = 32768;

    /// <summary>The run that holds a logical block, from that block on.</summary>
    internal BlockRun Find(ExtInode inode, ulong logical, ulong maxCount)
    {
        if (logical > uint.MaxValue)
        {
            return new BlockRun(logical, 0, maxCount, RunKind.Hole);
        }

        ReadOnlySpan<byte> node = inode.BlockArea;
        var depth = CheckNode(inode, node, -1);
        ulong low = 0;
        ulong high = 1ul << 32;
        while (true)
        {
            var count = U16(node, 2);
            var at = Position(inode, node, count, logical, ref low, ref high);
            if (at < 0)
            {
                return new BlockRun(logical, 0, Math.Min(maxCount, high - logical), RunKind.Hole);
            }

            var entry = node[(HeaderSize + (at * EntrySize))..];
            if (depth == 0)
            {
                return InLeaf(inode, entry, logical, maxCount, high);
            }

            var child = U32(entry, 4) | ((ulong)U16(entry, 8) << 32);
            node = ReadNode(inode, child, --depth);
        }
    }

    /// <summary>All extents in order, and the blocks of the tree itself.</summary>
    internal void Load(ExtInode inode, List<BlockRun> runs, List<ulong> treeBlocks)
    {
        ReadOnlySpan<byte> root = inode.BlockArea;
        var depth = CheckNode(inode, root, -1);
        Load(inode, root, depth, 0, 1ul << 32, runs, treeBlocks);
    }

    internal uint NodeChecksum(ExtInode inode, ReadOnlySpan<byte> node) => ExtChecksum.Crc32C(inodes.SeedOf(inode), node[..TailOffset(node)]);

    internal static int TailOffset(ReadOnlySpan<byte> node) => HeaderSize + (U16(node, 4) * EntrySize);

    private static ushort U16(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw[offset..]);

    private static uint U32(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(raw[offset..]);

    private static DiagnosticException Bad(ExtInode inode, string message) => ExtDiagnostics.BadExtents.ToException(message, inode.Where);

    /// <summary>Checks that entries ascend within the parent's range, and finds the last one that starts at or before the block.</summary>
    private static int Position(ExtInode inode, ReadOnlySpan<byte> node, int count, ulong logical, ref ulong low, ref ulong high)
    {
        var at = -1;
        var previous = -1L;
        var next = high;
        for (var i = 0; i < count; i++)
        {
            var start = U32(node, HeaderSize + (i * EntrySize));
            if (start <= previous || start < low || start >= high)
            {
                throw Bad(inode, $"entry {i} of a node starts at block {start}, which is out of order");
            }

            previous = start;
            if (start <= logical)
            {
                at = i;
            }
            else
            {
                next = start;
                break;
            }
        }

        if (at >= 0)
        {
            low = U32(node, HeaderSize + (at * EntrySize));
        }

        high = next;
        return at;
    }

    private BlockRun InLeaf(ExtInode inode, ReadOnlySpan<byte> entry, ulong logical, ulong maxCount, ulong nextStart)
    {
        var run = Decode(inode, entry, nextStart);
        if (logical >= run.LogicalEnd)
        {
            return new BlockRun(logical, 0, Math.Min(maxCount, nextStart - logical), RunKind.Hole);
        }

        var skip = logical - run.Logical;
        return new BlockRun(logical, run.Physical + skip, Math.Min(maxCount, run.Count - skip), run.Kind);
    }

    private BlockRun Decode(ExtInode inode, ReadOnlySpan<byte> entry, ulong limit)
    {
        ulong start = U32(entry, 0);
        int length = U16(entry, 4);
        var physical = U32(entry, 8) | ((ulong)U16(entry, 6) << 32);
        var kind = RunKind.Data;
        if (length > MaxWrittenLength)
        {
            length -= MaxWrittenLength;
            kind = RunKind.Unwritten;
        }

        if (length == 0 || start + (ulong)length > limit || !super.IsValidRange(physical, (ulong)length))
        {
            throw Bad(inode, $"extent of {length} blocks at logical block {start}, block {physical} of {super.BlocksCount}, leaves its place");
        }

        return new BlockRun(start, physical, (ulong)length, kind);
    }

    private void Load(ExtInode inode, ReadOnlySpan<byte> node, int depth, ulong low, ulong high, List<BlockRun> runs, List<ulong> treeBlocks)
    {
        var count = U16(node, 2);
        var previous = -1L;
        for (var i = 0; i < count; i++)
        {
            var entry = node[(HeaderSize + (i * EntrySize))..];
            var start = U32(entry, 0);
            var limit = i + 1 < count ? U32(entry, EntrySize) : high;
            if (start <= previous || start < low || start >= high || limit > high || limit <= start)
            {
                throw Bad(inode, $"entry {i} of a node starts at block {start}, which is out of order");
            }

            previous = start;
            if (depth == 0)
            {
                runs.Add(Decode(inode, entry, limit));
                continue;
            }

            if ((ulong)treeBlocks.Count >= super.BlocksCount)
            {
                throw Bad(inode, "the tree has more nodes than the file system has blocks");
            }

            var child = U32(entry, 4) | ((ulong)U16(entry, 8) << 32);
            var below = ReadNode(inode, child, depth - 1);
            treeBlocks.Add(child);
            Load(inode, below, depth - 1, start, limit, runs, treeBlocks);
        }
    }

    private byte[] ReadNode(ExtInode inode, ulong block, int depth)
    {
        if (!super.IsValidBlock(block))
        {
            throw Bad(inode, $"a node is said to be in block {block} of {super.BlocksCount}");
        }

        var node = cache.Read(block);
        CheckNode(inode, node, depth);
        if (super.HasMetadataChecksums)
        {
            var tail = TailOffset(node);
            if (tail + 4 > node.Length)
            {
                throw Bad(inode, $"the node in block {block} has no room for its checksum");
            }

            var stored = U32(node, tail);
            var computed = NodeChecksum(inode, node);
            if (stored != computed)
            {
                throw ExtDiagnostics.Checksum.ToException($"extent block {block}: stored 0x{stored:x8}, computed 0x{computed:x8}", inode.Where);
            }
        }

        return node;
    }

    private static int CheckNode(ExtInode inode, ReadOnlySpan<byte> node, int expectedDepth)
    {
        int magic = U16(node, 0);
        int count = U16(node, 2);
        int max = U16(node, 4);
        int depth = U16(node, 6);
        if (magic != Magic || count > max || HeaderSize + (max * EntrySize) > node.Length || depth > MaxDepth || (expectedDepth >= 0 && depth != expectedDepth)
            || (count == 0 && expectedDepth >= 0))
        {
            throw Bad(inode, $"node header: magic 0x{magic:x4}, {count} of {max} entries, depth {depth}{(expectedDepth >= 0 ? $" where {expectedDepth} was expected" : "")}");
        }

        return depth;
    }
}
