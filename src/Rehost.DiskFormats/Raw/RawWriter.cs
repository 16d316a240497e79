using Rehost.Blocks;

namespace Rehost.DiskFormats.Raw;

/// <summary>Writes a sparse raw image: 4 KiB blocks of zeros become holes.</summary>
internal sealed class RawWriter : IImageWriter
{
    private const int HoleUnit = 4096;
    private readonly IImageFile _file;

    public RawWriter(IImageFile file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _file = file;
        Length = length;
        file.SetLength(length);
    }

    public long Length { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, _file.Name);
        var position = offset.Value;
        while (!data.IsEmpty)
        {
            var isZero = !Unit(position, data).ContainsAnyExcept((byte)0);
            var count = 0;
            while (count < data.Length && Unit(position + count, data[count..]) is var unit && unit.ContainsAnyExcept((byte)0) != isZero)
            {
                count += unit.Length;
            }

            if (!isZero)
            {
                _file.Write(new FileOffset(position), data[..count]);
            }

            position += count;
            data = data[count..];
        }
    }

    public void WriteZeros(GuestOffset offset, long length) => BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);

    public bool TryShare(FileDevice source, FileOffset sourceOffset, GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        return _file.TryShare(source, sourceOffset, new FileOffset(offset.Value), length);
    }

    public void Complete(CancellationToken cancellationToken) => _file.Flush();

    public void Dispose()
    {
    }

    /// <summary>The data up to the next 4 KiB border of the disk.</summary>
    private static ReadOnlySpan<byte> Unit(long position, ReadOnlySpan<byte> data)
        => data[..Math.Min(data.Length, HoleUnit - (int)(position % HoleUnit))];
}
