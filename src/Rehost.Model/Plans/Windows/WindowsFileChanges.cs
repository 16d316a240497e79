namespace Rehost.Model;

/// <summary>Puts a file that the operator supplied into the guest: a driver, an installer. The plan holds its hash, not its bytes.</summary>
public sealed record PlaceFile : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Where it comes from, in the operator's package: viostor/w10/amd64/viostor.sys.</summary>
    public required string From { get; init; }

    /// <summary>SHA-256 of its content.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>SHA-256 of the file that it replaces; null when there is none.</summary>
    public string? BeforeSha256 { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Removes a directory that is empty by then.</summary>
public sealed record DeleteDirectory : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}

/// <summary>Sets heads, sectors and hidden sectors in an NTFS boot sector and its copy.</summary>
public sealed record SetNtfsGeometry : Change
{
    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>First byte of the volume on the disk.</summary>
    public required long VolumeOffset { get; init; }

    /// <summary>Bytes of the volume: its last sector holds a copy.</summary>
    public required long VolumeLength { get; init; }

    /// <summary>What was seen.</summary>
    public required NtfsGeometry Before { get; init; }

    /// <summary>What is needed.</summary>
    public required NtfsGeometry After { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}
