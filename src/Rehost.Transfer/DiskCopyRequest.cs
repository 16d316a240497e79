using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>One disk to be written.</summary>
/// <param name="Content">What the target shall hold: the source below its edits.</param>
/// <param name="Target">Writes the image; at least as long as the content.</param>
public sealed record DiskCopyRequest(IBlockDevice Content, IImageWriter Target)
{
    /// <summary>Where the source is on the target, in order, for the manifest. Empty when nothing comes from one.</summary>
    public ImmutableArray<MappedRange> Mapping { get; init; } = [];

    /// <summary>What was changed, in bytes of the target, for the manifest. Outside of these and inside the mapping, content and source must be equal.</summary>
    public IReadOnlyList<ByteRange> ChangedRanges { get; init; } = [];

    /// <summary>
    /// What the content has as zeros because nothing uses it, in bytes of the target, for the manifest: there the source may hold anything (see <see cref="HollowDevice"/>).
    /// </summary>
    public IReadOnlyList<ByteRange> FreedRanges { get; init; } = [];

    /// <summary>Threads that read, decode and hash.</summary>
    public int Workers { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Told how far the copy is, so that it can be continued; null for one that begins again when it is stopped.</summary>
    public ICopyJournal? Journal { get; init; }

    /// <summary>Whether the target is written in ascending order although it would take any: a replay needs the same writes in the same order.</summary>
    public bool KeepsOrder { get; init; }
}
