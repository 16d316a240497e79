using Rehost.Blocks;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Lvm2.Snapshots;

/// <summary>A snapshot of the old kind: chunks of its store where it has them, else its origin's. A write takes the chunk into the store first and stays there.</summary>
internal sealed class SnapshotVolume(string name, IBlockDevice origin, ExceptionStore store, long length) : MappedVolume(name, length)
{
    public override bool CanWrite => store.CanWrite;

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Keep(offset, data.Length);
        base.Write(offset, data);
    }

    public override void WriteZeros(GuestOffset offset, long length)
    {
        Keep(offset, length);
        base.WriteZeros(offset, length);
    }

    public override void Flush() => store.Flush();

    /// <summary>Nothing: where it shows its origin, the origin needs the place; and the store has no way to give one back.</summary>
    public override IEnumerable<BackingRange> MapDown(GuestOffset offset, long length) => [];

    protected override Piece Locate(long offset, long length, int copy)
    {
        var (chunk, within) = Math.DivRem(offset, store.ChunkBytes);
        var count = Math.Min(length, store.ChunkBytes - within);
        return store.Find(chunk) is { } kept ? new Piece(kept.Device, kept.Offset + within, count) : new Piece(origin, offset, count);
    }

    private void Keep(GuestOffset offset, long length)
    {
        Demand(offset, length);
        store.DemandRoom(offset.Value, length);
        store.Preserve(origin, offset.Value, length);
    }
}
