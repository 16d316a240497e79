namespace Rehost.DiskFormats.Qcow2;

/// <summary>The cluster of the file that holds a cluster of the disk; 0 for none. Clusters in front of the disk have negative numbers. Memory is taken for what is stored.</summary>
internal sealed class Qcow2LandingMap
{
    private const int PageBits = 13;
    private readonly Dictionary<long, long[]> _pages = [];

    public long this[long cluster]
    {
        get => _pages.TryGetValue(cluster >> PageBits, out var page) ? page[cluster & ((1 << PageBits) - 1)] : 0;
        set
        {
            if (!_pages.TryGetValue(cluster >> PageBits, out var page))
            {
                if (value == 0)
                {
                    return;
                }

                _pages.Add(cluster >> PageBits, page = new long[1 << PageBits]);
            }

            page[cluster & ((1 << PageBits) - 1)] = value;
        }
    }
}
