using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Zeros that no file stores: ZERO extents, and those without access.</summary>
internal sealed class VmdkZeroExtent : VmdkExtent
{
    public override void Read(long offset, Span<byte> buffer, VmdkBelow below) => buffer.Clear();

    public override IEnumerable<Extent> GetExtents(long offset, long length, VmdkBelow below) => length == 0 ? [] : [new Extent(offset, length, ExtentKind.Zero)];

    public override void Dispose()
    {
    }
}
