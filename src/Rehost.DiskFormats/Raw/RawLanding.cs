using Rehost.Blocks;
using Rehost.DiskFormats.Landing;
using Rehost.Model;

namespace Rehost.DiskFormats.Raw;

/// <summary>A raw disk that lands: every byte has its place. Content moves by whole blocks of the file system, where that can (FALLOC_FL_INSERT_RANGE).</summary>
internal sealed class RawLanding : ILandingImage
{
    private const int HoleUnit = 4096;
    private readonly ILandingFile _file;
    private long _distance; // of the content in the file from where it arrived
    private long _targetLength;

    public RawLanding(ILandingFile file, long length)
    {
        _file = file;
        Length = _targetLength = length;
        file.SetLength(length);
    }

    public long Length { get; }

    public bool CanWrite => false;

    public void Land(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, _file.Name);
        Put(offset.Value, data);
    }

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _file.Name);

        // What was cut off at the start has no place any more, and nobody asks for it.
        var lost = (int)Math.Clamp(-(offset.Value + _distance), 0, buffer.Length);
        buffer[..lost].Clear();
        _file.Read(new FileOffset(offset.Value + _distance + lost), buffer[lost..]);
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        return _distance != 0 ? [new Extent(offset.Value, length, ExtentKind.Data)] : _file.GetExtents(new FileOffset(offset.Value), length);
    }

    public bool TryMove(long distance, long targetLength)
    {
        if (!_file.TryShift(distance))
        {
            return false;
        }

        (_distance, _targetLength) = (distance, targetLength);
        _file.SetLength(targetLength);
        return true;
    }

    public void Edit(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, _targetLength, _file.Name);
        _file.Write(new FileOffset(offset.Value), data);
    }

    public void Clear(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, _targetLength, _file.Name);
        _file.Clear(new FileOffset(offset.Value), length);
    }

    public void Complete(CancellationToken cancellationToken) => _file.Flush();

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("it is a disk as it arrived", _file.Name);

    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("it is a disk as it arrived", _file.Name);

    public void Flush()
    {
    }

    public void Dispose()
    {
    }

    private void Put(long position, ReadOnlySpan<byte> data)
    {
        var start = 0;
        for (var at = 0; at < data.Length;)
        {
            var unit = Math.Min(data.Length - at, HoleUnit - (int)((position + at) % HoleUnit));
            if (!data.Slice(at, unit).ContainsAnyExcept((byte)0))
            {
                Store(position + start, data[start..at]);
                start = at + unit;
            }

            at += unit;
        }

        Store(position + start, data[start..]);
    }

    private void Store(long position, ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            _file.Write(new FileOffset(position), data);
        }
    }
}
