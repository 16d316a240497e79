using Rehost.Blocks;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>
/// Writes disks whose blocks get their place in the file when they first hold something: VHD, VHDX, VDI. Data goes straight to its place; what of a
/// block is zero stays a hole of the file, so even large blocks are neither collected nor filled up.
/// </summary>
internal abstract class SparseBlockWriter : IImageWriter
{
    private const int Unit = 64 << 10; // zeros are looked for in these
    private readonly int _blockSize;
    private readonly AppendBuffer _append;
    private long _block = -1;
    private long _blockOffset;
    private long _position;

    protected SparseBlockWriter(IImageFile file, long length, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Container = file;
        Length = length;
        _blockSize = blockSize;
        _append = new AppendBuffer(file);
    }

    public long Length { get; }

    protected IImageFile Container { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Advance(offset, data.Length);
        var position = offset.Value;
        while (!data.IsEmpty)
        {
            var first = UnitOf(position, data);
            var isZero = !first.ContainsAnyExcept((byte)0);
            var count = first.Length;
            while (count < data.Length && (position + count) % _blockSize != 0
                && UnitOf(position + count, data[count..]) is var unit && unit.ContainsAnyExcept((byte)0) != isZero)
            {
                count += unit.Length;
            }

            if (!isZero)
            {
                _append.Write(PlaceOf(position / _blockSize) + (position % _blockSize), data[..count]);
            }

            position += count;
            data = data[count..];
        }
    }

    public void WriteZeros(GuestOffset offset, long length) => Advance(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        _append.Flush();
        cancellationToken.ThrowIfCancellationRequested();
        Finish(cancellationToken);
        Container.Flush();
    }

    public void Dispose()
    {
    }

    /// <summary>Gives a block its place. Called in ascending order, once for each block that holds something.</summary>
    /// <returns>Where in the file its data starts.</returns>
    protected abstract long Allocate(long block);

    /// <summary>Writes tables and headers, and sets the length of the file.</summary>
    protected abstract void Finish(CancellationToken cancellationToken);

    /// <summary>Writes what belongs to the file's structure, in the order of the data.</summary>
    protected void Append(long offset, ReadOnlySpan<byte> bytes) => _append.Write(offset, bytes);

    private static ReadOnlySpan<byte> UnitOf(long position, ReadOnlySpan<byte> data) => data[..Math.Min(data.Length, Unit - (int)(position % Unit))];

    private long PlaceOf(long block)
    {
        if (block != _block)
        {
            _blockOffset = Allocate(block);
            _block = block;
        }

        return _blockOffset;
    }

    private void Advance(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Container.Name);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset.Value, _position, nameof(offset));
        _position = offset.Value + length;
    }
}
