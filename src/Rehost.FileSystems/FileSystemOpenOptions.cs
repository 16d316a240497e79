namespace Rehost.FileSystems;

/// <summary>How a file system is to be opened.</summary>
public sealed record FileSystemOpenOptions
{
    /// <summary>The time to record in what is changed. Null: the time of the last write that the file system itself records; never the clock, so that output is the same every time.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>
    /// Whether new names that are not of 8.3 characters get an alias that is, on NTFS. Null: as the volume itself does it, which its root directory shows. The registry of a Windows
    /// may say otherwise (NtfsDisable8dot3NameCreation).
    /// </summary>
    public bool? ShortNames { get; init; }

    /// <summary>Other volumes of the machine, for a file system that lies on several. Not owned.</summary>
    public IReadOnlyList<Blocks.IBlockDevice> Companions { get; init; } = [];
}
