namespace Rehost.DiskFormats.Qcow2;

/// <summary>What is known of each cluster of one window of the file, in four bytes: how often it is used, and as what.</summary>
/// <param name="first">First cluster of the window.</param>
/// <param name="count">Clusters of the window.</param>
internal sealed class Qcow2ReferenceMap(long first, int count)
{
    /// <summary>Clusters of a window: 64 MiB of memory, a tebibyte of file in clusters of 64 KiB.</summary>
    public const int WindowClusters = 16 << 20;

    private const uint CountMask = 0x01ff_ffff;
    private readonly uint[] _words = new uint[count];

    /// <summary>How a cluster is used.</summary>
    [Flags]
    public enum Use : uint
    {
        /// <summary>Not at all.</summary>
        None = 0,

        /// <summary>By a structure that nothing else may share: header, L1, reference counts, snapshot table, bitmaps.</summary>
        Structure = 1u << 31,

        /// <summary>By an L2 table.</summary>
        Table = 1u << 30,

        /// <summary>By plain data.</summary>
        Data = 1u << 29,

        /// <summary>By compressed data.</summary>
        Compressed = 1u << 28,

        /// <summary>The active tables say that it is used once.</summary>
        Copied = 1u << 27,

        /// <summary>The active tables say that it is used more than once.</summary>
        Shared = 1u << 26,
    }

    /// <summary>The first cluster.</summary>
    public long First => first;

    /// <summary>The cluster after the last one.</summary>
    public long End => first + count;

    /// <summary>Notes a use of a range of clusters, as far as it is in the window.</summary>
    public void Add(long cluster, long clusters, Use use)
    {
        var end = Math.Min(cluster + clusters, End);
        for (var at = Math.Max(cluster, first); at < end; at++)
        {
            ref var word = ref _words[(int)(at - first)];
            word |= (uint)use;
            if ((word & CountMask) != CountMask)
            {
                word++;
            }
        }
    }

    /// <summary>How often a cluster is used.</summary>
    public uint CountOf(long cluster) => _words[(int)(cluster - first)] & CountMask;

    /// <summary>As what it is used.</summary>
    public Use UseOf(long cluster) => (Use)(_words[(int)(cluster - first)] & ~CountMask);
}
