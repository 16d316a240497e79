using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Tests;

/// <summary>Bytes in memory that tell of chosen holes; counts what is read.</summary>
internal sealed class SparseDevice(byte[] content, params ByteRange[] holes) : IBlockDevice
{
    private long _read;

    public long BytesRead => _read;

    public long Length => content.Length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        Interlocked.Add(ref _read, buffer.Length);
        content.AsSpan((int)offset.Value, buffer.Length).CopyTo(buffer);
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException();

    public void WriteZeros(GuestOffset offset, long length) => throw new InvalidOperationException();

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        var position = offset.Value;
        foreach (var hole in holes.Where(hole => hole.End > offset.Value && hole.Offset < offset.Value + length))
        {
            if (hole.Offset > position)
            {
                yield return new Extent(position, hole.Offset - position, ExtentKind.Data);
            }

            position = Math.Max(position, hole.Offset);
            var end = Math.Min(hole.End, offset.Value + length);
            yield return new Extent(position, end - position, ExtentKind.Hole);
            position = end;
        }

        if (position < offset.Value + length)
        {
            yield return new Extent(position, offset.Value + length - position, ExtentKind.Data);
        }
    }

    public void Dispose()
    {
    }
}
