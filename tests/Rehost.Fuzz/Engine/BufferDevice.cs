using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Fuzz.Engine;

/// <summary>An input as a disk. Notes what is written, so that it can be put back, and on the first execution of a sample what is read, so that mutations go there.</summary>
internal sealed class BufferDevice(ImageBuffer buffer, HotPlaces? trace, Action? onRead, int start = 0, int? length = null) : IBlockDevice
{
    private readonly int _length = length ?? buffer.Length - start;

    public long Length => _length;

    public bool CanWrite => true;

    public void Read(GuestOffset offset, Span<byte> target)
    {
        BlockDiagnostics.CheckRange(offset, target.Length, Length, "input");
        var at = start + (int)offset.Value;
        buffer.Bytes.AsSpan(at, target.Length).CopyTo(target);
        trace?.Note(at, target.Length);
        onRead?.Invoke();
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, "input");
        data.CopyTo(buffer.Change(start + (int)offset.Value, data.Length));
    }

    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, "input");
        buffer.Change(start + (int)offset.Value, (int)length).Clear();
    }

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, "input");
        return length == 0 ? [] : [new Extent(offset.Value, length, ExtentKind.Data)];
    }

    public void Dispose()
    {
    }
}
