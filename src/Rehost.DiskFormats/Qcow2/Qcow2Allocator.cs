using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Gives out the clusters of a growing image in order, and writes their reference counts on the way: the first cluster of each range of 32768 holds
/// the counts of that range (the second one of all, because the header is the first), so only one block of counts is ever in memory.
/// </summary>
internal sealed class Qcow2Allocator(IImageFile file)
{
    public const int ClusterBits = 16;
    public const int ClusterSize = 1 << ClusterBits;
    private const int CountsPerBlock = ClusterSize / 2;

    private readonly byte[] _block = new byte[ClusterSize];
    private readonly List<long> _blocks = [];

    /// <summary>The cluster that will be given out next, if it is not needed for counts.</summary>
    public long Next { get; private set; }

    /// <summary>Takes clusters that lie together.</summary>
    /// <param name="wanted">At most so many.</param>
    /// <returns>The first one and how many there are, at least one.</returns>
    public (long Cluster, int Count) Allocate(int wanted)
    {
        if (Next % CountsPerBlock == 0)
        {
            StartBlock();
        }

        var first = Next;
        var count = (int)Math.Min(wanted, CountsPerBlock - (Next % CountsPerBlock));
        for (var i = 0; i < count; i++)
        {
            SetCount(first + i, 1);
        }

        Next += count;
        return (first, count);
    }

    /// <summary>Whether the cluster after this one would be given out next: compressed data may run on into it.</summary>
    public bool CanExtend(long cluster) => Next == cluster + 1 && Next % CountsPerBlock != 0;

    /// <summary>Whether the count of a cluster can still be changed.</summary>
    public bool CanShare(long cluster) => cluster / CountsPerBlock == _blocks.Count - 1;

    /// <summary>Counts another user of a cluster.</summary>
    public void Share(long cluster)
    {
        var index = (int)(cluster % CountsPerBlock) * 2;
        SetCount(cluster, checked((ushort)(BinaryPrimitives.ReadUInt16BigEndian(_block.AsSpan(index)) + 1)));
    }

    /// <summary>Writes the table of the blocks of counts, after everything else was allocated.</summary>
    /// <returns>Where it is, in clusters.</returns>
    public (long Cluster, int Clusters) Complete()
    {
        // The table must lie together and count itself; at the border of a range it is pushed behind, into a range that starts with one block more.
        var tableClusters = 1;
        while (true)
        {
            var blocks = (Next + tableClusters + CountsPerBlock) / CountsPerBlock; // an upper limit
            if (tableClusters * (ClusterSize / 8L) >= blocks + 1)
            {
                break;
            }

            tableClusters++;
        }

        if ((Next % CountsPerBlock) + tableClusters > CountsPerBlock)
        {
            while (Next % CountsPerBlock != 0)
            {
                // Left free: their count stays 0.
                Next++;
            }
        }

        var (cluster, _) = Allocate(tableClusters);
        FlushBlock();
        var table = new byte[tableClusters * ClusterSize];
        for (var i = 0; i < _blocks.Count; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan(i * 8), _blocks[i] << ClusterBits);
        }

        file.Write(new FileOffset(cluster << ClusterBits), table);
        file.SetLength(Next << ClusterBits);
        return (cluster, tableClusters);
    }

    private void StartBlock()
    {
        FlushBlock();
        _block.AsSpan().Clear();
        if (Next == 0)
        {
            // The header must be the first cluster of all.
            SetCount(0, 1);
            Next = 1;
        }

        _blocks.Add(Next);
        SetCount(Next, 1);
        Next++;
    }

    private void FlushBlock()
    {
        if (_blocks.Count > 0)
        {
            file.Write(new FileOffset(_blocks[^1] << ClusterBits), _block);
        }
    }

    private void SetCount(long cluster, ushort count) => BinaryPrimitives.WriteUInt16BigEndian(_block.AsSpan((int)(cluster % CountsPerBlock) * 2), count);
}
