using System.Buffers.Binary;
using System.Collections;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>The tables of an image whose clusters already lie in the file: behind them come the L2 tables, the L1 table, the blocks of counts and their table; the header last.</summary>
internal static class Qcow2LandingTables
{
    private const int ClusterBits = 16;
    private const int ClusterSize = 1 << ClusterBits;
    private const int EntriesPerTable = ClusterSize / 8;
    private const int CountsPerBlock = ClusterSize / 2;
    private const int HeaderArea = 512;

    public static void DemandSize(long length, string name)
    {
        if (TablesOf(length) > Qcow2Header.L1EntriesMax)
        {
            throw Qcow2Diagnostics.TooLarge.ToException($"{length} bytes in clusters of {ClusterSize}; at most {(long)Qcow2Header.L1EntriesMax * EntriesPerTable * ClusterSize} can be held", name);
        }
    }

    /// <summary>Writes them.</summary>
    /// <param name="file">The file.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="next">The first cluster of the file behind all content.</param>
    /// <param name="freed">Clusters of content that nothing refers to.</param>
    /// <param name="placeOf">The cluster of the file that holds a cluster of the disk; 0 for none.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static void Write(ILandingFile file, long length, long next, BitArray freed, Func<long, long> placeOf, CancellationToken cancellationToken)
    {
        var clusters = (length / ClusterSize) + (length % ClusterSize == 0 ? 0 : 1);
        var l1 = new byte[Math.Max(1, TablesOf(length)) * 8];
        var l2 = new byte[ClusterSize];
        for (var table = 0; table * (long)EntriesPerTable < clusters; table++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var first = (long)table * EntriesPerTable;
            var isUsed = false;
            for (var entry = 0; entry < EntriesPerTable; entry++)
            {
                var host = first + entry < clusters ? placeOf(first + entry) : 0;
                isUsed |= host != 0;
                BinaryPrimitives.WriteUInt64BigEndian(l2.AsSpan(entry * 8), host == 0 ? 0 : ((ulong)host << ClusterBits) | Qcow2ClusterMap.CopiedFlag);
            }

            if (isUsed)
            {
                file.Write(new FileOffset(next << ClusterBits), l2);
                BinaryPrimitives.WriteUInt64BigEndian(l1.AsSpan(table * 8), ((ulong)next << ClusterBits) | Qcow2ClusterMap.CopiedFlag);
                next++;
            }
        }

        var l1Cluster = next;
        file.Write(new FileOffset(l1Cluster << ClusterBits), l1);
        next += ClustersOf(l1.Length);
        var (tableCluster, tableClusters, end) = WriteCounts(file, next, freed);
        var header = new Qcow2Header
        {
            Version = 3,
            ClusterBits = ClusterBits,
            DiskLength = length,
            L1Entries = l1.Length / 8,
            L1Table = new FileOffset(l1Cluster << ClusterBits),
            RefcountTable = new FileOffset(tableCluster << ClusterBits),
            RefcountTableClusters = (uint)tableClusters,
        };
        var area = new byte[HeaderArea];
        header.ToBytes().CopyTo(area, 0);
        file.Write(FileOffset.Zero, area);
        file.SetLength(end << ClusterBits);
        file.Flush();
    }

    private static (long Table, long TableClusters, long End) WriteCounts(ILandingFile file, long start, BitArray freed)
    {
        // Blocks and table count themselves.
        var (blocks, tableClusters) = (1L, 1L);
        while (blocks * CountsPerBlock < start + blocks + tableClusters || tableClusters * EntriesPerTable < blocks)
        {
            (blocks, tableClusters) = tableClusters * EntriesPerTable < blocks ? (blocks, tableClusters + 1) : (blocks + 1, tableClusters);
        }

        var end = start + blocks + tableClusters;
        var table = new byte[tableClusters * ClusterSize];
        var block = new byte[ClusterSize];
        for (var number = 0L; number < blocks; number++)
        {
            for (var i = 0; i < CountsPerBlock; i++)
            {
                var cluster = (number * CountsPerBlock) + i;
                BinaryPrimitives.WriteUInt16BigEndian(block.AsSpan(i * 2), cluster < end && !(cluster < freed.Length && freed[(int)cluster]) ? (ushort)1 : (ushort)0);
            }

            file.Write(new FileOffset((start + number) << ClusterBits), block);
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan((int)number * 8), (start + number) << ClusterBits);
        }

        file.Write(new FileOffset((start + blocks) << ClusterBits), table);
        return (start + blocks, tableClusters, end);
    }

    private static long TablesOf(long length) => (length / ((long)ClusterSize * EntriesPerTable)) + (length % ((long)ClusterSize * EntriesPerTable) == 0 ? 0 : 1);

    private static long ClustersOf(long bytes) => (bytes + ClusterSize - 1) / ClusterSize;
}
