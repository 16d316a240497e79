using System.Collections.Immutable;

namespace Rehost.Transfer.Undo;

/// <summary>What an undo journal is about: the plan, and the disks as they were.</summary>
public sealed record UndoDescription
{
    /// <summary>Digest of the plan document that is applied.</summary>
    public required string PlanDigest { get; init; }

    /// <summary>The machine's name, for people.</summary>
    public required string Machine { get; init; }

    /// <summary>The disks, in the machine's order.</summary>
    public required ImmutableArray<UndoDisk> Disks { get; init; }
}

/// <summary>One disk of a journal.</summary>
public sealed record UndoDisk
{
    /// <summary>Full path when the plan was applied.</summary>
    public required string Path { get; init; }

    /// <summary>Name in the guest.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes before.</summary>
    public required long LengthBefore { get; init; }

    /// <summary>Bytes after.</summary>
    public required long LengthAfter { get; init; }

    /// <summary>SHA-256 of the whole disk before.</summary>
    public required string Sha256Before { get; init; }

    /// <summary>First byte of what moves up.</summary>
    public long MoveFrom { get; init; }

    /// <summary>By how much everything from there on moves up; 0 for nothing.</summary>
    public long MoveBy { get; init; }

    /// <summary>XXH64 of each <see cref="UndoSegments.Size"/> bytes of the disk before, little-endian, one after another, as base64: they tell where a difference is.</summary>
    public required string Segments { get; init; }

    /// <summary>Volumes whose file systems note that they were used.</summary>
    public ImmutableArray<UndoVolume> Volumes { get; init; } = [];
}

/// <summary>A volume and what its file system said of its use when the plan had been applied.</summary>
public sealed record UndoVolume
{
    /// <summary>Its name in the guest.</summary>
    public required string Name { get; init; }

    /// <summary>Its file system.</summary>
    public required string Type { get; init; }

    /// <summary>First byte, plan applied.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Mount counts, times, generations, places of journals: whatever changes when the file system is mounted.</summary>
    public ImmutableSortedDictionary<string, string> Marks { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
