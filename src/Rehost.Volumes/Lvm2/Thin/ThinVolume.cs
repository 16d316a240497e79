using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>A thin volume. What was never written reads as zeros; a write takes blocks from the pool as it needs them.</summary>
internal sealed class ThinVolume : MappedVolume
{
    private readonly ThinPool _pool;
    private readonly ulong _device;

    /// <summary>Opens a device of a pool.</summary>
    /// <exception cref="DiagnosticException">The pool has no such device (VOL005).</exception>
    public ThinVolume(string name, ThinPool pool, ulong device, long length)
        : base(name, length)
    {
        _pool = pool;
        _device = device;
        pool.Demand(device);
    }

    public override bool CanWrite => _pool.CanWrite;

    protected override ExtentKind MissingKind => ExtentKind.Hole;

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Demand(offset, data.Length);
        _pool.Write(_device, offset.Value, data);
    }

    public override void WriteZeros(GuestOffset offset, long length)
    {
        Demand(offset, length);
        _pool.WriteZeros(_device, offset.Value, length);
    }

    public override void Flush() => _pool.Flush();

    /// <summary>Nothing: a block may be a snapshot's too.</summary>
    public override IEnumerable<BackingRange> MapDown(GuestOffset offset, long length) => [];

    protected override Piece Locate(long offset, long length, int copy)
    {
        var (block, within) = Math.DivRem(offset, _pool.ChunkBytes);
        var count = Math.Min(length, _pool.ChunkBytes - within);
        return _pool.Find(_device, block) is { } kept ? new Piece(kept.Device, kept.Offset + within, count) : new Piece(null, 0, count);
    }

    protected override void ReadMissing(long offset, Span<byte> buffer) => buffer.Clear();
}
