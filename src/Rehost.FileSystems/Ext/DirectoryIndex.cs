using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>One step on the way from the root of a directory index to a leaf.</summary>
/// <param name="Logical">The directory's block that holds the index node.</param>
/// <param name="CountOffset">Where the node's limit and count are.</param>
/// <param name="Position">The entry that was followed.</param>
internal readonly record struct IndexStep(ulong Logical, int CountOffset, int Position);

/// <summary>Reading of hashed directory indexes (htree): which block of a directory may hold a name.</summary>
internal sealed class DirectoryIndex(ExtSuperblock super, DirectoryBlocks blocks)
{
    private const int HashVersionOffset = 28;
    private const int LevelsOffset = 30;

    internal int MaxLevels => super.Has(IncompatFeatures.LargeDir) ? 2 : 1;

    /// <summary>The hash of a name in a directory, or null when the index is of a kind that cannot be searched (case-folded, encrypted, unknown hash).</summary>
    internal uint? HashOf(ExtInode directory, byte[] root, ReadOnlySpan<byte> name)
    {
        var version = HashVersion(root);
        return directory.Has(InodeFlags.CaseFold | InodeFlags.Encrypted) || version < 0 ? null : HtreeHash.Compute(name, version, super.HashSeed);
    }

    internal int HashVersion(byte[] root) => Effective(root[HashVersionOffset]);

    /// <summary>The hash version of new indexes, as stored.</summary>
    internal byte DefaultVersion => super.DefaultHashVersion <= 2 ? super.DefaultHashVersion : (byte)1;

    /// <summary>A stored hash version with the superblock's word on whether characters have signs; -1 when it is unknown.</summary>
    internal int Effective(int version) => version switch
    {
        <= 2 => version + ((super.Flags & 2) != 0 ? HtreeHash.Unsigned : 0),
        <= HtreeHash.HighestVersion => version,
        _ => -1,
    };

    internal static int Limit(ReadOnlySpan<byte> node, int countOffset) => BinaryPrimitives.ReadUInt16LittleEndian(node[countOffset..]);

    internal static int CountOf(ReadOnlySpan<byte> node, int countOffset) => BinaryPrimitives.ReadUInt16LittleEndian(node[(countOffset + 2)..]);

    /// <summary>The hash from which an entry on counts; the first entry's is zero, its place holds limit and count.</summary>
    internal static uint HashAt(ReadOnlySpan<byte> node, int countOffset, int position) =>
        position == 0 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(node[(countOffset + (position * 8))..]);

    internal static uint BlockAt(ReadOnlySpan<byte> node, int countOffset, int position) =>
        BinaryPrimitives.ReadUInt32LittleEndian(node[(countOffset + (position * 8) + 4)..]) & 0x0FFFFFFF;

    internal int LevelsOf(ExtInode directory, byte[] root)
    {
        if (blocks.CountOffset(root) != 32 || root[31] != 0)
        {
            throw Bad(directory, "its first block is not the root of an index");
        }

        return root[LevelsOffset] <= MaxLevels ? root[LevelsOffset] : throw Bad(directory, $"an index of {root[LevelsOffset]} levels");
    }

    /// <summary>The way to the leaf that should hold a hash.</summary>
    internal List<IndexStep> Probe(ExtInode directory, byte[] root, uint hash, out ulong leaf)
    {
        var levels = LevelsOf(directory, root);
        var steps = new List<IndexStep>(levels + 1);
        var node = root;
        var logical = 0ul;
        var countOffset = 32;
        while (true)
        {
            var count = CheckNode(directory, node, countOffset);
            var low = 1;
            var high = count - 1;
            while (low <= high)
            {
                var middle = (low + high) / 2;
                if (HashAt(node, countOffset, middle) > hash)
                {
                    high = middle - 1;
                }
                else
                {
                    low = middle + 1;
                }
            }

            steps.Add(new IndexStep(logical, countOffset, low - 1));
            logical = CheckedBlock(directory, BlockAt(node, countOffset, low - 1));
            if (levels-- == 0)
            {
                leaf = logical;
                return steps;
            }

            node = blocks.Read(directory, logical);
            countOffset = 8;
        }
    }

    /// <summary>The leaf after the one the steps lead to, when names of the same hash go on there; null when they do not.</summary>
    internal ulong? NextWithSameHash(ExtInode directory, List<IndexStep> steps, uint hash)
    {
        var level = steps.Count - 1;
        byte[] node;
        while (true)
        {
            var step = steps[level];
            node = blocks.Read(directory, step.Logical);
            var count = CheckNode(directory, node, step.CountOffset);
            if (step.Position + 1 < count)
            {
                steps[level] = step with { Position = step.Position + 1 };
                break;
            }

            if (--level < 0)
            {
                return null;
            }
        }

        // A set lowest bit in an index entry means that the names before it had the same hash.
        var next = steps[level];
        if (HashAt(node, next.CountOffset, next.Position) != (hash | 1))
        {
            return null;
        }

        var logical = CheckedBlock(directory, BlockAt(node, next.CountOffset, next.Position));
        while (++level < steps.Count)
        {
            node = blocks.Read(directory, logical);
            CheckNode(directory, node, 8);
            steps[level] = new IndexStep(logical, 8, 0);
            logical = CheckedBlock(directory, BlockAt(node, 8, 0));
        }

        return logical;
    }

    internal int CheckNode(ExtInode directory, byte[] node, int countOffset)
    {
        if (countOffset == 8 && blocks.CountOffset(node) != 8)
        {
            throw Bad(directory, "its index leads to a block that is no part of the index");
        }

        var limit = Limit(node, countOffset);
        var count = CountOf(node, countOffset);
        return count >= 1 && count <= limit && limit == CapacityOf(countOffset) ? count : throw Bad(directory, $"an index node has {count} of {limit} entries");
    }

    /// <summary>Entries that fit a node; with checksums one entry's place is taken by the checksum.</summary>
    internal int CapacityOf(int countOffset) => ((super.BlockSize - countOffset) / 8) - (super.HasMetadataChecksums ? 1 : 0);

    private static DiagnosticException Bad(ExtInode directory, string message) => ExtDiagnostics.BadDirectory.ToException(message, directory.Where);

    private ulong CheckedBlock(ExtInode directory, uint logical) =>
        logical != 0 && logical < blocks.Count(directory) ? logical : throw Bad(directory, $"its index leads to block {logical} of {blocks.Count(directory)}");
}
