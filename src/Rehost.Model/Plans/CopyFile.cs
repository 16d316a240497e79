namespace Rehost.Model;

/// <summary>Copies a file of the guest to a path where there is none.</summary>
public sealed record CopyFile : Change
{
    /// <summary>Guest path of the copy.</summary>
    public required string Path { get; init; }

    /// <summary>Guest path of the file.</summary>
    public required string From { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}
