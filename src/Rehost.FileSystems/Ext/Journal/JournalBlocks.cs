using Rehost.Blocks;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>The journal's blocks by their number in it, wherever the journal inode has them on the device.</summary>
internal sealed class JournalBlocks
{
    /// <summary>More pieces than even a badly fragmented journal has; bounds memory.</summary>
    private const int MaximumRuns = 1 << 20;

    private readonly IBlockDevice _device;
    private readonly long _fileSystemBlocks;
    private readonly List<Run> _runs = [];

    /// <summary>No blocks yet.</summary>
    public JournalBlocks(IBlockDevice device, int blockSize, long fileSystemBlocks)
    {
        _device = device;
        _fileSystemBlocks = fileSystemBlocks;
        BlockSize = blockSize;
    }

    /// <summary>Bytes in a block.</summary>
    public int BlockSize { get; }

    /// <summary>Blocks from the first on without a hole.</summary>
    public long Count { get; private set; }

    /// <summary>Adds the next blocks of the journal.</summary>
    public void Add(long logical, long physical, long count)
    {
        if (logical != Count || count <= 0 || physical <= 0 || physical > _fileSystemBlocks - count)
        {
            throw ExtJournalDiagnostics.Damaged.ToException(
                $"the journal's blocks {logical} to {logical + count - 1} are said to be at {physical} of {_fileSystemBlocks}; block {Count} was expected", "journal inode");
        }

        if (_runs.Count > 0 && _runs[^1] is var last && last.Physical + last.Count == physical)
        {
            _runs[^1] = last with { Count = last.Count + count };
        }
        else if (_runs.Count < MaximumRuns)
        {
            _runs.Add(new Run(logical, physical, count));
        }
        else
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"the journal is in more than {MaximumRuns} pieces", "journal inode");
        }

        Count += count;
    }

    /// <summary>Reads one block.</summary>
    public void Read(uint block, Span<byte> buffer) => _device.Read(ToOffset(block), buffer);

    /// <summary>Writes the start of one block.</summary>
    public void Write(uint block, ReadOnlySpan<byte> data) => _device.Write(ToOffset(block), data);

    private GuestOffset ToOffset(uint block)
    {
        if (block >= Count)
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"the log leads to block {block}, the journal inode has {Count}");
        }

        int low = 0, high = _runs.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].Logical <= block ? (middle, high) : (low, middle - 1);
        }

        var run = _runs[low];
        return new GuestOffset((run.Physical + (block - run.Logical)) * BlockSize);
    }

    private readonly record struct Run(long Logical, long Physical, long Count);
}
