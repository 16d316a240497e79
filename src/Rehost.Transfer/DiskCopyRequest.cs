using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>One disk to be written.</summary>
/// <param name="Content">What the target shall hold: the source below its edits.</param>
/// <param name="Target">Writes the image; as long as the content.</param>
public sealed record DiskCopyRequest(IBlockDevice Content, IImageWriter Target)
{
    /// <summary>The source as it is; null when nothing comes from one. A <see cref="FileDevice"/> lets the target share its blocks.</summary>
    public IBlockDevice? Source { get; init; }

    /// <summary>Where the source is on the target, in order. Empty when nothing comes from one.</summary>
    public ImmutableArray<MappedRange> Mapping { get; init; } = [];

    /// <summary>What was changed, in bytes of the target. Outside of these and inside the mapping, content and source must be equal.</summary>
    public IReadOnlyList<ByteRange> ChangedRanges { get; init; } = [];
}
