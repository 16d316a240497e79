using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>An image that a verb reads.</summary>
/// <param name="Path">The file or block device.</param>
public sealed record ImageRequest(string Path)
{
    /// <summary>Its format, when the operator says it; null to look. What an image of guessed format refers to is not followed.</summary>
    public string? Format { get; init; }

    /// <summary>Which disk of a container that holds several: its number from 1, its id, or its device name. Null for the only one.</summary>
    public string? Disk { get; init; }

    /// <summary>Internal snapshot; null for the present state.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Directories or files outside of the image's own directory that it may refer to.</summary>
    public ImmutableArray<string> AllowedPaths { get; init; } = [];

    /// <summary>What to do where it cannot be read.</summary>
    public ReadErrorPolicy OnReadError { get; init; }

    /// <summary>Puts something between the disk and its readers, for tests of faults.</summary>
    internal Func<IBlockDevice, IBlockDevice> Wrap { get; init; } = disk => disk;
}
