using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The device as it is with what the cache has not written yet: what the reader reads from.</summary>
internal sealed class CacheDevice(PageCache cache) : IBlockDevice
{
    public long Length => cache.Length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer) => cache.ReadContent(offset.Value, buffer);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("the reader's view of a file system");

    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("the reader's view of a file system");

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

    public void Dispose()
    {
    }
}
