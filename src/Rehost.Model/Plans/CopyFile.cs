namespace Rehost.Model;

/// <summary>Copies a file of the guest to a path where there is none.</summary>
public sealed record CopyFile : Change
{
    /// <summary>Guest path of the copy.</summary>
    public required string Path { get; init; }

    /// <summary>Guest path of the file.</summary>
    public required string From { get; init; }

    /// <summary>SHA-256 of it, as it was seen; null where only that it is there was looked at.</summary>
    public string? Sha256 { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}
