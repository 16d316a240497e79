using System.Numerics;
using System.Security.Cryptography;

namespace Rehost.Transfer;

/// <summary>
/// The root over a sequence of block hashes, shaped as in RFC 6962: the left half is the largest power of two that leaves something on the right. Only
/// a path is kept; a run of equal leaves costs a few hashes whatever its length, because its subtrees are equal.
/// </summary>
internal sealed class MerkleTree
{
    private const byte NodePrefix = 1;
    private readonly Stack<(int Level, byte[] Hash)> _path = new();
    private long _count;

    /// <summary>Adds one leaf.</summary>
    public void Add(ReadOnlySpan<byte> leaf) => Push(0, leaf.ToArray());

    /// <summary>Adds equal leaves.</summary>
    public void AddRun(ReadOnlySpan<byte> leaf, long count)
    {
        var subtrees = new List<byte[]> { leaf.ToArray() };
        while (count > 0)
        {
            var level = BitOperations.Log2((ulong)count);
            if (_count != 0)
            {
                level = Math.Min(level, BitOperations.TrailingZeroCount(_count));
            }

            while (subtrees.Count <= level)
            {
                subtrees.Add(Combine(subtrees[^1], subtrees[^1]));
            }

            Push(level, subtrees[level]);
            count -= 1L << level;
        }
    }

    /// <summary>The root; of no leaves at all it is the hash of nothing.</summary>
    public byte[] Root()
    {
        byte[]? root = null;
        foreach (var (_, hash) in _path)
        {
            root = root is null ? hash : Combine(hash, root);
        }

        return root ?? SHA256.HashData([]);
    }

    private void Push(int level, byte[] hash)
    {
        _count += 1L << level;
        while (_path.TryPeek(out var left) && left.Level == level)
        {
            hash = Combine(_path.Pop().Hash, hash);
            level++;
        }

        _path.Push((level, hash));
    }

    private static byte[] Combine(byte[] left, byte[] right)
    {
        Span<byte> node = stackalloc byte[65];
        node[0] = NodePrefix;
        left.CopyTo(node[1..]);
        right.CopyTo(node[33..]);
        return SHA256.HashData(node);
    }
}
