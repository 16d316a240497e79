using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>What rehost image info says.</summary>
public sealed record ImageReport
{
    /// <summary>The file that was asked about.</summary>
    public required string File { get; init; }

    /// <summary>Its format.</summary>
    public required string Format { get; init; }

    /// <summary>Whether the format was guessed from content alone: then nothing that the image refers to is followed.</summary>
    public bool IsFormatGuessed { get; init; }

    /// <summary>Length of the file.</summary>
    public long FileBytes { get; init; }

    /// <summary>What it takes on the host.</summary>
    public long StoredBytes { get; init; }

    /// <summary>Size of the disk; null for a container of several disks.</summary>
    public long? VirtualBytes { get; init; }

    /// <summary>The image and what it stands on, top first. Empty for a container of which no disk was chosen.</summary>
    public ImmutableArray<ImageLayer> Layers { get; init; } = [];

    /// <summary>Disks of a container.</summary>
    public ImmutableArray<ContainedDisk> Disks { get; init; } = [];

    /// <summary>What is odd about it.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];
}

/// <summary>One image of a chain.</summary>
public sealed record ImageLayer
{
    /// <summary>Its file.</summary>
    public required string File { get; init; }

    /// <summary>Its format.</summary>
    public required string Format { get; init; }

    /// <summary>Kind within the format.</summary>
    public string? SubFormat { get; init; }

    /// <summary>Size of the disk in this image.</summary>
    public long VirtualBytes { get; init; }

    /// <summary>Unit of allocation.</summary>
    public long? UnitBytes { get; init; }

    /// <summary>The parent as the image names it.</summary>
    public string? ParentReference { get; init; }

    /// <summary>Other files with content of this image.</summary>
    public ImmutableArray<string> Files { get; init; } = [];

    /// <summary>Internal snapshots.</summary>
    public ImmutableArray<SnapshotReport> Snapshots { get; init; } = [];

    /// <summary>What else the format says.</summary>
    public ImmutableArray<PropertyReport> Properties { get; init; } = [];
}

/// <summary>An internal snapshot.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made, where the image says.</param>
/// <param name="VirtualBytes">Size of the disk in it.</param>
/// <param name="StateBytes">Bytes of saved memory; 0 for a snapshot of the disk alone.</param>
public sealed record SnapshotReport(string Id, string Name, DateTimeOffset? Created, long VirtualBytes, long StateBytes);

/// <summary>One line about an image.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value.</param>
public sealed record PropertyReport(string Name, string Value);

/// <summary>What rehost image check says.</summary>
/// <param name="File">The image.</param>
/// <param name="Format">Its format.</param>
/// <param name="IsSound">Whether nothing is wrong; leaked space does not count.</param>
/// <param name="ErrorCount">All errors.</param>
/// <param name="LeakedBytes">Space of the file that nothing uses: harmless.</param>
/// <param name="StoredBytes">Bytes of guest content that the file stores.</param>
/// <param name="Findings">Errors and warnings, the first thousand.</param>
public sealed record ImageCheckResult(string File, string Format, bool IsSound, long ErrorCount, long LeakedBytes, long StoredBytes, ImmutableArray<Diagnostic> Findings);
