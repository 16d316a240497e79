using System.Diagnostics.CodeAnalysis;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Tree blocks in memory, in two generations, so that memory is bounded.</summary>
internal sealed class BtrfsBlockCache
{
    private const int GenerationBlocks = 512; // 8 MiB of the usual 16 KiB
    private readonly Lock _gate = new();
    private Dictionary<ulong, BtrfsTreeBlock> _young = [];
    private Dictionary<ulong, BtrfsTreeBlock> _old = [];

    public bool TryGet(ulong logical, [NotNullWhen(true)] out BtrfsTreeBlock? block)
    {
        lock (_gate)
        {
            if (_young.TryGetValue(logical, out block))
            {
                return true;
            }

            if (_old.TryGetValue(logical, out block))
            {
                Keep(logical, block);
                return true;
            }

            return false;
        }
    }

    public void Add(ulong logical, BtrfsTreeBlock block)
    {
        lock (_gate)
        {
            Keep(logical, block);
        }
    }

    private void Keep(ulong logical, BtrfsTreeBlock block)
    {
        if (_young.Count >= GenerationBlocks)
        {
            (_old, _young) = (_young, []);
        }

        _young[logical] = block;
    }
}
