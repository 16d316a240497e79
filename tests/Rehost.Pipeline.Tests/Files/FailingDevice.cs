using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Tests.Files;

/// <summary>A device that takes a number of writes and then no more, as an overlay does on a full disk of the host.</summary>
internal sealed class FailingDevice(IBlockDevice below, int writes) : IBlockDevice
{
    private static readonly DiagnosticDescriptor Full = new("BLK099", Severity.Error, FaultKind.Target, "The test's device takes no more", "This is a test: nothing is to be done.");
    private int _left = writes;

    public long Length => below.Length;

    public bool CanWrite => true;

    public void Read(GuestOffset offset, Span<byte> buffer) => below.Read(offset, buffer);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Count();
        below.Write(offset, data);
    }

    public void WriteZeros(GuestOffset offset, long length)
    {
        Count();
        below.WriteZeros(offset, length);
    }

    public void Flush() => below.Flush();

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => below.GetExtents(offset, length);

    public void Dispose()
    {
        // The overlay below is the test's.
    }

    private void Count()
    {
        if (_left-- <= 0)
        {
            throw Full.ToException("the host's disk is full");
        }
    }
}
