using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// The Merkle tree of a source, over the blocks of the target: each block as it would be had nothing been changed, with zeros where no source is and where nothing uses it. So it has the target's hashes
/// wherever nothing was changed, and only the few other blocks are read for it.
/// </summary>
internal sealed class SourceTree
{
    private readonly IBlockDevice _source;
    private readonly ImmutableArray<MappedRange> _mapping;
    private readonly ImmutableArray<ByteRange> _freed;
    private readonly ImmutableArray<ByteRange> _altered;
    private readonly long _length;
    private Dictionary<long, byte[]>? _before;

    /// <summary>Prepares the tree.</summary>
    /// <param name="source">The source.</param>
    /// <param name="length">Bytes of the target.</param>
    /// <param name="mapping">Where the source is on the target.</param>
    /// <param name="changed">What was changed.</param>
    /// <param name="freed">What was left out.</param>
    public SourceTree(IBlockDevice source, long length, ImmutableArray<MappedRange> mapping, IEnumerable<ByteRange> changed, ImmutableArray<ByteRange> freed)
    {
        _source = source;
        _length = length;
        _mapping = mapping;
        _freed = freed;
        var mapped = RangeSet.Normalize(mapping.Select(one => new ByteRange(one.TargetOffset, one.Length)));
        _altered = RangeSet.Normalize(changed.Concat(RangeSet.Subtract(new ByteRange(0, length), mapped)));
    }

    /// <summary>Reads the blocks that are not the target's, for a source that will not be there any more when the target is.</summary>
    public void Remember(CancellationToken cancellationToken)
    {
        var before = new Dictionary<long, byte[]>();
        foreach (var block in AlteredBlocks())
        {
            cancellationToken.ThrowIfCancellationRequested();
            before.Add(block, HashOf(block));
        }

        _before = before;
    }

    /// <summary>The blocks that are not the target's, in order.</summary>
    public IEnumerable<long> AlteredBlocks()
    {
        var next = 0L;
        foreach (var range in _altered)
        {
            for (var block = Math.Max(next, range.Offset / BlockManifest.BlockSize); block * BlockManifest.BlockSize < range.End; block++)
            {
                yield return block;
                next = block + 1;
            }
        }
    }

    /// <summary>The source's version of a block.</summary>
    public byte[] HashOf(long block)
    {
        if (_before?.TryGetValue(block, out var known) is true)
        {
            return known;
        }

        var range = new ByteRange(block * BlockManifest.BlockSize, Math.Min(BlockManifest.BlockSize, _length - (block * BlockManifest.BlockSize)));
        var content = new byte[range.Length];
        foreach (var mapped in _mapping.Select(mapped => mapped.Within(range)).Where(mapped => mapped.Length > 0))
        {
            foreach (var part in RangeSet.Subtract(new ByteRange(mapped.TargetOffset, mapped.Length), _freed))
            {
                _source.Read(new GuestOffset(mapped.SourceOffset + (part.Offset - mapped.TargetOffset)), content.AsSpan((int)(part.Offset - range.Offset), (int)part.Length));
            }
        }

        return SHA256.HashData(content);
    }

    /// <summary>The root.</summary>
    /// <param name="target">The target's hashes, which stand for all other blocks.</param>
    /// <param name="others">Blocks that differ from the target's although they should not, in order.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public byte[] Root(BlockHashes target, IEnumerable<long> others, CancellationToken cancellationToken)
    {
        var tree = new MerkleTree();
        var position = 0L;
        foreach (var block in AlteredBlocks().Concat(others).Distinct().Order())
        {
            cancellationToken.ThrowIfCancellationRequested();
            AddTarget(tree, target, position, block);
            tree.Add(HashOf(block));
            position = block + 1;
        }

        AddTarget(tree, target, position, target.Count);
        return tree.Root();
    }

    private static void AddTarget(MerkleTree tree, BlockHashes target, long from, long to)
    {
        foreach (var run in target.Runs)
        {
            var (start, end) = (Math.Max(from, run.First), Math.Min(to, run.First + run.Count));
            if (start >= end)
            {
                continue;
            }

            if (run.IsZero)
            {
                tree.AddRun(BlockManifest.ZeroHash, end - start);
                continue;
            }

            for (var block = start; block < end; block++)
            {
                tree.Add(target.Stored(run.FirstStored + (block - run.First)));
            }
        }
    }
}
