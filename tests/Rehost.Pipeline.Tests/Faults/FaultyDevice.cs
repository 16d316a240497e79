using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Tests.Faults;

/// <summary>A disk of which some sectors cannot be read, as a dying one answers: the whole request fails. Something else may happen at a read.</summary>
internal sealed class FaultyDevice(IBlockDevice inner, IReadOnlyList<ByteRange> bad, Action<long>? onRead = null) : IBlockDevice
{
    private int _failures;

    public int Failures => _failures;

    public long Length => inner.Length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        onRead?.Invoke(offset.Value);
        var end = offset.Value + buffer.Length;
        if (bad.Any(range => range.Offset < end && offset.Value < range.End))
        {
            Interlocked.Increment(ref _failures);
            throw BlockDiagnostics.ReadFailed.ToException($"reading {buffer.Length} bytes at {offset.Value}: Input/output error", "faulty");
        }

        inner.Read(offset, buffer);
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    public void WriteZeros(GuestOffset offset, long length) => throw new NotSupportedException();

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => inner.GetExtents(offset, length);

    public void Dispose() => inner.Dispose();
}
