using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats;

/// <summary>A disk that knows what it is stored in. Every format but raw answers one from <see cref="IDiskFormat.Open"/>.</summary>
public interface IDiskImage : IBlockDevice
{
    /// <summary>What the container says of itself.</summary>
    DiskImageInfo Info { get; }

    /// <summary>The image that this one stands on; null for none. Owned by this one.</summary>
    IBlockDevice? Parent { get; }
}

/// <summary>What a container says of itself.</summary>
/// <param name="Format">Name of the format: vmdk.</param>
public sealed record DiskImageInfo(string Format)
{
    /// <summary>Kind within the format, in its own words: streamOptimized, dynamic, differencing; null where there is only one.</summary>
    public string? SubFormat { get; init; }

    /// <summary>Name of the file.</summary>
    public string FileName { get; init; } = "";

    /// <summary>Bytes of the unit of allocation (cluster, grain, block); null for none.</summary>
    public long? UnitBytes { get; init; }

    /// <summary>The parent as the image names it; null for none.</summary>
    public string? ParentReference { get; init; }

    /// <summary>Other files that hold content of this image: extents, a data file.</summary>
    public ImmutableArray<string> Files { get; init; } = [];

    /// <summary>Internal snapshots.</summary>
    public ImmutableArray<ImageSnapshot> Snapshots { get; init; } = [];

    /// <summary>What else is worth showing, in order: version, compression, identifiers, creator, adapter type. Names in lower case with spaces.</summary>
    public ImmutableArray<ImageProperty> Properties { get; init; } = [];
}

/// <summary>One line about an image.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value, as text for people and programs alike.</param>
public sealed record ImageProperty(string Name, string Value);

/// <summary>An internal snapshot.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made, where the image says.</param>
/// <param name="LengthBytes">Size of the disk in it.</param>
/// <param name="StateBytes">Bytes of saved memory; 0 for a snapshot of the disk alone.</param>
public sealed record ImageSnapshot(string Id, string Name, DateTimeOffset? Created, long LengthBytes, long StateBytes);
