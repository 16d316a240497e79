using System.Security.Cryptography;

namespace Rehost.Transfer;

/// <summary>The hashes of consecutive blocks: 32 bytes for a stored one, nothing for runs of zeros.</summary>
internal sealed class BlockHashes
{
    private const int PageHashes = 4096;
    private readonly List<Run> _runs = [];
    private readonly List<byte[]> _pages = [];
    private long _stored;

    /// <summary>Blocks so far.</summary>
    public long Count => _runs.Count == 0 ? 0 : _runs[^1].First + _runs[^1].Count;

    /// <summary>The runs in order; neighbours differ in kind.</summary>
    public IReadOnlyList<Run> Runs => _runs;

    /// <summary>Blocks that have a hash.</summary>
    public long StoredCount => _stored;

    /// <summary>Adds the next block; zeros are recognised by their hash.</summary>
    public void Add(ReadOnlySpan<byte> hash)
    {
        if (hash.SequenceEqual(BlockManifest.ZeroHash))
        {
            AddZeros(1);
            return;
        }

        if (_stored % PageHashes == 0)
        {
            _pages.Add(new byte[PageHashes * BlockManifest.HashSize]);
        }

        hash.CopyTo(_pages[^1].AsSpan((int)(_stored % PageHashes) * BlockManifest.HashSize));
        Extend(isZero: false, 1, _stored);
        _stored++;
    }

    /// <summary>Adds the next piece, which was hashed or is zero.</summary>
    public void Add(Piece piece)
    {
        if (piece.IsZero)
        {
            AddZeros(piece.Range.Length / BlockManifest.BlockSize);
            if (piece.Range.Length % BlockManifest.BlockSize is var rest and not 0)
            {
                Add(SHA256.HashData(new byte[rest]));
            }

            return;
        }

        for (var at = 0; at < piece.Hashes.Length; at += BlockManifest.HashSize)
        {
            Add(piece.Hashes.AsSpan(at, BlockManifest.HashSize));
        }
    }

    /// <summary>Adds full blocks of zeros.</summary>
    public void AddZeros(long count)
    {
        if (count > 0)
        {
            Extend(isZero: true, count, -1);
        }
    }

    /// <summary>A stored hash, by its number among the stored ones.</summary>
    public ReadOnlySpan<byte> Stored(long number) => _pages[(int)(number / PageHashes)].AsSpan((int)(number % PageHashes) * BlockManifest.HashSize, BlockManifest.HashSize);

    /// <summary>The hash of a block.</summary>
    public ReadOnlySpan<byte> Find(long block)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(block, Count);
        var (low, high) = (0, _runs.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].First <= block ? (middle, high) : (low, middle - 1);
        }

        var run = _runs[low];
        return run.IsZero ? BlockManifest.ZeroHash : Stored(run.FirstStored + (block - run.First));
    }

    /// <summary>The root of the Merkle tree over all blocks.</summary>
    public byte[] ComputeRoot()
    {
        var tree = new MerkleTree();
        foreach (var run in _runs)
        {
            if (run.IsZero)
            {
                tree.AddRun(BlockManifest.ZeroHash, run.Count);
                continue;
            }

            for (var i = 0L; i < run.Count; i++)
            {
                tree.Add(Stored(run.FirstStored + i));
            }
        }

        return tree.Root();
    }

    private void Extend(bool isZero, long count, long firstStored)
    {
        if (_runs.Count > 0 && _runs[^1].IsZero == isZero)
        {
            _runs[^1] = _runs[^1] with { Count = _runs[^1].Count + count };
        }
        else
        {
            _runs.Add(new Run(Count, count, isZero, firstStored));
        }
    }

    /// <summary>Blocks of one kind, one after another.</summary>
    internal readonly record struct Run(long First, long Count, bool IsZero, long FirstStored);
}
