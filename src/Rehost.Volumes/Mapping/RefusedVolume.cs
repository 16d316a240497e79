using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mapping;

/// <summary>A volume that is known by name and size and whose content cannot be read: every access says why.</summary>
internal sealed class RefusedVolume(long length, Diagnostic reason) : IBlockDevice
{
    public long Length => length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer) => throw new DiagnosticException(reason);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new DiagnosticException(reason);

    public void WriteZeros(GuestOffset offset, long length) => throw new DiagnosticException(reason);

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => throw new DiagnosticException(reason);

    public void Dispose()
    {
    }
}
