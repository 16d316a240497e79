using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>What shows through where an extent stores nothing: the parent, or zeros.</summary>
/// <param name="Parent">The parent; null for none.</param>
/// <param name="Start">Where the extent starts on the disk.</param>
internal readonly record struct VmdkBelow(IBlockDevice? Parent, long Start)
{
    /// <summary>Reads; a parent that is shorter than its child ends in zeros.</summary>
    public void Read(long offset, Span<byte> buffer)
    {
        var present = Present(offset, buffer.Length);
        if (present > 0)
        {
            Parent?.Read(new GuestOffset(Start + offset), buffer[..(int)present]);
        }

        buffer[(int)present..].Clear();
    }

    public IEnumerable<Extent> GetExtents(long offset, long length)
    {
        var present = Present(offset, length);
        var start = Start;
        var extents = present > 0 && Parent is not null ? Parent.GetExtents(new GuestOffset(Start + offset), present).Select(extent => extent with { Offset = extent.Offset - start }) : [];
        return present < length ? extents.Append(new Extent(offset + present, length - present, ExtentKind.Hole)) : extents;
    }

    public StoredRange? FindStored(long offset, long length)
        => Present(offset, length) is > 0 and var present ? Parent?.FindStored(new GuestOffset(Start + offset), present) : null;

    private long Present(long offset, long length) => Parent is null ? 0 : Math.Clamp(Parent.Length - Start - offset, 0, length);
}
