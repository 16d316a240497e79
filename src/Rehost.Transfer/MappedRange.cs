using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>A stretch of the target that comes from the source.</summary>
/// <param name="TargetOffset">First byte on the target.</param>
/// <param name="SourceOffset">First byte on the source.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct MappedRange(long TargetOffset, long SourceOffset, long Length)
{
    /// <summary>The byte after the last one, on the target.</summary>
    public long TargetEnd => TargetOffset + Length;

    /// <summary>The whole source at one place of the target: shift 0 for a disk copied as it is, the start of the new partition for a file system that gets one.</summary>
    public static ImmutableArray<MappedRange> Whole(long sourceLength, long shift = 0) => sourceLength == 0 ? [] : [new MappedRange(shift, 0, sourceLength)];

    /// <summary>The part of this stretch inside a range of the target, or a stretch of length 0.</summary>
    internal MappedRange Within(ByteRange target)
    {
        var start = Math.Max(TargetOffset, target.Offset);
        var end = Math.Max(start, Math.Min(TargetEnd, target.End));
        return new MappedRange(start, SourceOffset + (start - TargetOffset), end - start);
    }
}
