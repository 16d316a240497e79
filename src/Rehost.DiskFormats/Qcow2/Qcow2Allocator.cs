using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Gives out the clusters of a growing image in order, and writes their reference counts (16 bits wide) on the way: the first cluster of each range that
/// one block of counts describes holds that block (the second one of all, because the header is the first), so only one block is ever in memory.
/// </summary>
internal sealed class Qcow2Allocator
{
    private const int TableMax = 8 << 20; // as QEMU
    private readonly IImageFile _file;
    private readonly int _clusterBits;
    private readonly int _countsPerBlock;
    private readonly byte[] _block;
    private readonly List<long> _blocks = [];

    public Qcow2Allocator(IImageFile file, int clusterBits)
    {
        _file = file;
        _clusterBits = clusterBits;
        _countsPerBlock = 1 << (clusterBits - 1);
        _block = new byte[1 << clusterBits];
    }

    /// <summary>The cluster that will be given out next, if it is not needed for counts.</summary>
    public long Next { get; private set; }

    /// <summary>Takes clusters that lie together.</summary>
    /// <param name="wanted">At most so many.</param>
    /// <returns>The first one and how many there are, at least one.</returns>
    public (long Cluster, int Count) Allocate(long wanted)
    {
        if (Next % _countsPerBlock == 0)
        {
            StartBlock();
        }

        var first = Next;
        var count = (int)Math.Min(wanted, _countsPerBlock - (Next % _countsPerBlock));
        for (var i = 0; i < count; i++)
        {
            SetCount(first + i, 1);
        }

        Next += count;
        return (first, count);
    }

    /// <summary>Whether the cluster after this one would be given out next: compressed data may run on into it.</summary>
    public bool CanExtend(long cluster) => Next == cluster + 1 && Next % _countsPerBlock != 0;

    /// <summary>Whether a cluster can be counted once more.</summary>
    public bool CanShare(long cluster) => cluster / _countsPerBlock == _blocks.Count - 1 && GetCount(cluster) < ushort.MaxValue;

    /// <summary>Counts another user of a cluster.</summary>
    public void Share(long cluster) => SetCount(cluster, (ushort)(GetCount(cluster) + 1));

    /// <summary>
    /// Takes the clusters of the L1 table and of the refcount table, which must each lie together however many ranges they cross; the blocks of counts
    /// for ranges that begin in them lie behind. Writes all counts and the refcount table.
    /// </summary>
    /// <returns>Where the two tables are, and the clusters of the refcount table.</returns>
    public (long L1Cluster, long TableCluster, int TableClusters) Complete(long l1Clusters)
    {
        if (Next == 0)
        {
            StartBlock();
        }

        var entriesPerCluster = _block.Length / 8;
        var (start, tableClusters, end) = (Next, 1L, 0L);
        while (true)
        {
            // Blocks behind the tables count themselves and may make one more necessary.
            end = start + l1Clusters + tableClusters;
            var blocks = (long)_blocks.Count;
            while (blocks * _countsPerBlock < end)
            {
                blocks++;
                end++;
            }

            if (tableClusters * entriesPerCluster >= blocks)
            {
                break;
            }

            tableClusters++;
        }

        if (tableClusters > Math.Max(1, TableMax >> _clusterBits))
        {
            throw Qcow2Diagnostics.TooLarge.ToException($"the image has {end} clusters of {_block.Length} bytes, more than its reference counts can describe", _file.Name);
        }

        var tableCluster = start + l1Clusters;
        CountTail(start, end, tableCluster + tableClusters);
        var table = new byte[tableClusters * _block.Length];
        for (var i = 0; i < _blocks.Count; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan(i * 8), _blocks[i] << _clusterBits);
        }

        _file.Write(new FileOffset(tableCluster << _clusterBits), table);
        _file.SetLength(Next << _clusterBits);
        return (start, tableCluster, (int)tableClusters);
    }

    /// <summary>Counts everything from a cluster to the end once, range by range.</summary>
    private void CountTail(long start, long end, long nextBlock)
    {
        for (Next = start; Next < end;)
        {
            if (Next / _countsPerBlock == _blocks.Count)
            {
                FlushBlock();
                _block.AsSpan().Clear();
                _blocks.Add(nextBlock++);
            }

            var rangeEnd = Math.Min(end, (long)_blocks.Count * _countsPerBlock);
            for (; Next < rangeEnd; Next++)
            {
                SetCount(Next, 1);
            }
        }

        FlushBlock();
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
            _file.Write(new FileOffset(_blocks[^1] << _clusterBits), _block);
        }
    }

    private ushort GetCount(long cluster) => BinaryPrimitives.ReadUInt16BigEndian(_block.AsSpan((int)(cluster % _countsPerBlock) * 2));

    private void SetCount(long cluster, ushort count) => BinaryPrimitives.WriteUInt16BigEndian(_block.AsSpan((int)(cluster % _countsPerBlock) * 2), count);
}
