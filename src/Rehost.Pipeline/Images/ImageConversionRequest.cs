namespace Rehost.Pipeline.Images;

/// <summary>What rehost image convert shall write.</summary>
/// <param name="Source">What is read.</param>
/// <param name="TargetPath">The new file, or a block device.</param>
public sealed record ImageConversionRequest(ImageRequest Source, string TargetPath)
{
    /// <summary>Format; null to take it from the extension.</summary>
    public string? Format { get; init; }

    /// <summary>Kind within the format; null for the format's own choice.</summary>
    public string? SubFormat { get; init; }

    /// <summary>none, zlib or zstd.</summary>
    public string Compression { get; init; } = "none";

    /// <summary>Unit of allocation; null for the format's own choice.</summary>
    public int? UnitBytes { get; init; }

    /// <summary>none, metadata or full.</summary>
    public string Preallocation { get; init; } = "none";

    /// <summary>Whether a block device may be overwritten.</summary>
    public bool OverwritesDevice { get; init; }

    /// <summary>Whether to keep a journal, and to go on where an earlier run with the same options was stopped.</summary>
    public bool Resumes { get; init; }

    /// <summary>Bytes of the disk between two records of the journal; null for the usual.</summary>
    public long? JournalInterval { get; init; }

    /// <summary>Told of every write, for tests of faults.</summary>
    internal Rehost.Blocks.IWriteWitness? Witness { get; init; }

    /// <summary>Whether to hash what is copied, read the finished image again, and compare.</summary>
    public bool Verifies { get; init; }

    /// <summary>Whether to wait until the disk has everything before the image gets its name.</summary>
    public bool IsDurable { get; init; } = true;

    /// <summary>Threads; null for one for each processor.</summary>
    public int? Workers { get; init; }
}

/// <summary>What was converted.</summary>
public sealed record ImageConversionReport
{
    /// <summary>The source.</summary>
    public required string Source { get; init; }

    /// <summary>Its format.</summary>
    public required string SourceFormat { get; init; }

    /// <summary>The image.</summary>
    public required string Target { get; init; }

    /// <summary>Its format.</summary>
    public required string TargetFormat { get; init; }

    /// <summary>Size of the disk.</summary>
    public long VirtualBytes { get; init; }

    /// <summary>Length of the image's file.</summary>
    public long FileBytes { get; init; }

    /// <summary>What it takes on the host.</summary>
    public long StoredBytes { get; init; }

    /// <summary>Whether the image was read again and compared.</summary>
    public bool IsVerified { get; init; }

    /// <summary>One hash of the disk's content, where it was verified (docs/cli.md).</summary>
    public string? ContentHash { get; init; }

    /// <summary>What an earlier run had done already, where this one went on.</summary>
    public long ResumedBytes { get; init; }

    /// <summary>Time.</summary>
    public double Seconds { get; init; }

    /// <summary>Sectors of the source that could not be read and are zeros in the image, and the files that they belong to.</summary>
    public IReadOnlyList<DamagedPlace> ReadErrors { get; init; } = [];

    /// <summary>What is odd about the source.</summary>
    public IReadOnlyList<Model.Diagnostic> Findings { get; init; } = [];
}
