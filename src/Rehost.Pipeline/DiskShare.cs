using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>What of a disk, edits made, goes into one disk of the target: all of it, or one partition.</summary>
/// <param name="Device">The content.</param>
/// <param name="Mapping">Where it lies on the source's disk.</param>
/// <param name="Changed">What the edits changed.</param>
/// <param name="Freed">What nothing uses.</param>
/// <param name="Shares">Why.</param>
internal sealed record DiskShare(IBlockDevice Device, MappedRange Mapping, ImmutableArray<ByteRange> Changed, ImmutableArray<ByteRange> Freed, ImmutableArray<FreeSpaceShare> Shares)
{
    /// <summary>Bytes.</summary>
    public long Length => Device.Length;

    /// <summary>The share of a target's disk.</summary>
    public static DiskShare Of(VirtualDisk disk, IBlockDevice source, TargetDisk target, AppliedDisk applied, DiskFreeSpace free)
    {
        if (disk.Part is not { } part)
        {
            var freed = free.Ranges.Where(range => range.Offset >= target.SourceStart).Select(range => range with { Offset = range.Offset - target.SourceStart + target.TargetStart });
            return new DiskShare(applied.Device, new MappedRange(target.TargetStart, target.SourceStart, source.Length - target.SourceStart), applied.ChangedRanges, [.. freed], free.Shares);
        }

        return new DiskShare(
            new SliceDevice(applied.Device, new GuestOffset(part.Offset), part.Length, disk.DeviceName),
            new MappedRange(0, part.Offset, part.Length), Within(applied.ChangedRanges, part), Within(free.Ranges, part), free.Shares);
    }

    private static ImmutableArray<ByteRange> Within(ImmutableArray<ByteRange> ranges, DiskPart part) =>
    [
        .. ranges.Select(range => (Start: Math.Max(range.Offset, part.Offset), End: Math.Min(range.Offset + range.Length, part.Offset + part.Length)))
            .Where(range => range.End > range.Start).Select(range => new ByteRange(range.Start - part.Offset, range.End - range.Start)),
    ];
}
