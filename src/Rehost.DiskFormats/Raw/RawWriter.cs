using Rehost.Blocks;

namespace Rehost.DiskFormats.Raw;

/// <summary>
/// Writes a raw image: 4 KiB blocks of zeros become holes of a file, and are zeroed on a device that held something else before.
/// </summary>
internal sealed class RawWriter : IImageWriter
{
    private const int HoleUnit = 4096;
    private const int WorthZeroing = 64 * 1024; // on a device a shorter run of zeros is written with its neighbours: cheaper than a request of its own
    private readonly IImageFile _file;
    private readonly int _zeroRun;
    private readonly bool _storesZeros;

    public RawWriter(IImageFile file, long length, ImagePreallocation preallocation = ImagePreallocation.None)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _file = file;
        _zeroRun = file.IsFresh ? HoleUnit : WorthZeroing;
        _storesZeros = preallocation == ImagePreallocation.Full;
        Length = length;
        file.SetLength(length);
        if (_storesZeros)
        {
            file.Reserve(FileOffset.Zero, length);
        }
    }

    public long Length { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, _file.Name);
        var position = offset.Value;
        var start = 0; // of what must be written and was not yet
        var at = 0;
        while (at < data.Length)
        {
            var unit = Unit(position + at, data[at..]);
            if (unit.ContainsAnyExcept((byte)0))
            {
                at += unit.Length;
                continue;
            }

            var zeroEnd = at + unit.Length;
            while (zeroEnd < data.Length && Unit(position + zeroEnd, data[zeroEnd..]) is var next && !next.ContainsAnyExcept((byte)0))
            {
                zeroEnd += next.Length;
            }

            if (zeroEnd - at >= _zeroRun || (_file.IsFresh && at == start))
            {
                Put(position + start, data[start..at]);
                Zero(position + at, zeroEnd - at);
                start = zeroEnd;
            }

            at = zeroEnd;
        }

        Put(position + start, data[start..]);
    }

    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        Zero(offset.Value, length);
    }

    public bool TryShare(FileDevice source, FileOffset sourceOffset, GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        return !_storesZeros && _file.TryShare(source, sourceOffset, new FileOffset(offset.Value), length);
    }

    public void Complete(CancellationToken cancellationToken) => _file.Flush();

    public void Dispose()
    {
    }

    private void Put(long position, ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            _file.Write(new FileOffset(position), data);
        }
    }

    private void Zero(long position, long length)
    {
        if (!_file.IsFresh && length > 0)
        {
            _file.WriteZeros(new FileOffset(position), length);
        }
    }

    /// <summary>The data up to the next 4 KiB border of the disk.</summary>
    private static ReadOnlySpan<byte> Unit(long position, ReadOnlySpan<byte> data)
        => data[..Math.Min(data.Length, HoleUnit - (int)(position % HoleUnit))];
}
