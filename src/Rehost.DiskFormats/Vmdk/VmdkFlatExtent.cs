using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Content as it is, from some byte of a file on.</summary>
internal sealed class VmdkFlatExtent(IBlockDevice file, long start) : VmdkExtent
{
    public override void Read(long offset, Span<byte> buffer, VmdkBelow below) => file.Read(new GuestOffset(start + offset), buffer);

    public override IEnumerable<Extent> GetExtents(long offset, long length, VmdkBelow below)
        => file.GetExtents(new GuestOffset(start + offset), length).Select(extent => extent with { Offset = extent.Offset - start });

    public override StoredRange? FindStored(long offset, long length, VmdkBelow below) => file.FindStored(new GuestOffset(start + offset), length);

    public override void Dispose() => file.Dispose();
}
