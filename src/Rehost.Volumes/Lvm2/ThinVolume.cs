using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Lvm2;

/// <summary>
/// A thin volume. What was never written reads as zeros. A write goes through to blocks that are the volume's own; one that would need a new block, or one that is
/// shared with a snapshot, is refused: the pool's maps of free space are left alone.
/// </summary>
internal sealed class ThinVolume : MappedVolume
{
    private readonly ThinMetadata _metadata;
    private readonly IBlockDevice _pool;
    private readonly long _tree;
    private readonly uint _snapshotTime;

    public ThinVolume(string name, ThinMetadata metadata, IBlockDevice pool, ulong device, long length)
        : base(name, length)
    {
        _metadata = metadata;
        _pool = pool;
        (_tree, _snapshotTime) = metadata.Open(device);
    }

    public override bool CanWrite => _pool.CanWrite;

    protected override ExtentKind MissingKind => ExtentKind.Hole;

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        DemandOwn(offset.Value, data.Length);
        base.Write(offset, data);
    }

    /// <summary>Writes zeros where there are blocks; elsewhere there are zeros.</summary>
    public override void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        for (var position = offset.Value; length > 0;)
        {
            var count = Math.Min(length, _metadata.ChunkBytes - (position % _metadata.ChunkBytes));
            if (Locate(position, count, 0).Device is not null)
            {
                DemandOwn(position, count);
                base.WriteZeros(new GuestOffset(position), count);
            }

            position += count;
            length -= count;
        }
    }

    public override void Flush() => _pool.Flush();

    /// <summary>Nothing: a block may be a snapshot's too.</summary>
    public override IEnumerable<BackingRange> MapDown(GuestOffset offset, long length) => [];

    protected override Piece Locate(long offset, long length, int copy)
    {
        var within = offset % _metadata.ChunkBytes;
        var count = Math.Min(length, _metadata.ChunkBytes - within);
        if (_metadata.Map(_tree, offset / _metadata.ChunkBytes) is not { } mapped)
        {
            return new Piece(null, 0, count);
        }

        return mapped.Block <= LinearVolume.MaximumLength / _metadata.ChunkBytes
            ? new Piece(_pool, (mapped.Block * _metadata.ChunkBytes) + within, count)
            : throw VolumeDiagnostics.Damaged.ToException($"its pool's metadata lead to block {mapped.Block}", Name);
    }

    protected override void ReadMissing(long offset, Span<byte> buffer) => buffer.Clear();

    private void DemandOwn(long offset, long length)
    {
        for (var block = offset / _metadata.ChunkBytes; block * _metadata.ChunkBytes < offset + length; block++)
        {
            if (_metadata.Map(_tree, block) is not { } mapped)
            {
                throw VolumeDiagnostics.NotAllocated.ToException($"a write at {block * _metadata.ChunkBytes} needs a new block of {_metadata.ChunkBytes} bytes", Name);
            }

            // The kernel's own rule: what was written before the last snapshot may be shared with it.
            if (_snapshotTime > mapped.Time)
            {
                throw VolumeDiagnostics.NotAllocated.ToException($"a write at {block * _metadata.ChunkBytes} would change a block that is shared with a snapshot", Name);
            }
        }
    }
}
