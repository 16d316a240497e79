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

    /// <summary>The source below the edits, for its tree in the manifest; null for none.</summary>
    public IBlockDevice? Source { get; init; }

    /// <summary>Which change touched what, for the manifest.</summary>
    public ImmutableArray<TouchedRanges> Touched { get; init; } = [];

    /// <summary>What was changed, in bytes of the target, for the manifest. Outside of these and inside the mapping, content and source must be equal.</summary>
    public IReadOnlyList<ByteRange> ChangedRanges { get; init; } = [];

    /// <summary>
    /// What the content has as zeros because nothing uses it, in bytes of the target, for the manifest: there the source may hold anything (see <see cref="HollowDevice"/>).
    /// </summary>
    public IReadOnlyList<ByteRange> FreedRanges { get; init; } = [];

    /// <summary>Threads, unless told otherwise: one more than processors, because one of them waits for the disk most of the time.</summary>
    public static int DefaultWorkers => Environment.ProcessorCount + 1;

    /// <summary>Threads that read, decode and hash, and write in turn.</summary>
    public int Workers { get; init; } = DefaultWorkers;

    /// <summary>Told how far the copy is, so that it can be continued; null for one that begins again when it is stopped.</summary>
    public ICopyJournal? Journal { get; init; }
}
