using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>A device that disposes something else with itself: the archive it lies in.</summary>
internal sealed class OwningDevice(IBlockDevice inner, IDisposable owned) : IBlockDevice
{
    public long Length => inner.Length;

    public bool CanWrite => inner.CanWrite;

    public void Read(GuestOffset offset, Span<byte> buffer) => inner.Read(offset, buffer);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => inner.Write(offset, data);

    public void WriteZeros(GuestOffset offset, long length) => inner.WriteZeros(offset, length);

    public void Flush() => inner.Flush();

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => inner.GetExtents(offset, length);

    public StoredRange? FindStored(GuestOffset offset, long length) => inner.FindStored(offset, length);

    public void Dispose()
    {
        inner.Dispose();
        owned.Dispose();
    }
}
