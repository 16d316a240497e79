using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mapping;

/// <summary>A volume that may be read and must not be written: writing it would break something beside it.</summary>
internal sealed class ReadOnlyVolume(IBlockDevice below, Diagnostic reason) : IBlockDevice
{
    /// <summary>What would break.</summary>
    public Diagnostic Reason => reason;

    public long Length => below.Length;

    public bool CanWrite => false;

    public void Read(GuestOffset offset, Span<byte> buffer) => below.Read(offset, buffer);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new DiagnosticException(reason);

    public void WriteZeros(GuestOffset offset, long length) => throw new DiagnosticException(reason);

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => below.GetExtents(offset, length);

    public StoredRange? FindStored(GuestOffset offset, long length) => below.FindStored(offset, length);

    public void Dispose()
    {
    }
}
