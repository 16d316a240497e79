using System.Collections.Immutable;
using System.Text.Json;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline;

/// <summary>report.json: everything about one conversion, for people who ask later and for rehost verify.</summary>
public sealed record ConversionRecord
{
    /// <summary>Name of the record in the output directory.</summary>
    public const string FileName = "report.json";

    /// <summary>Name of the file with the seconds that each stage took: the only one of the output that differs from run to run.</summary>
    public const string TimesFileName = "times.json";

    /// <summary>Version of this document's form.</summary>
    public int FormatVersion { get; init; } = 1;

    /// <summary>What was asked for as the source.</summary>
    public required SourceRequest Source { get; init; }

    /// <summary>Kind of the source: xva, xen, disk.</summary>
    public required string SourceKind { get; init; }

    /// <summary>What was found.</summary>
    public required GuestFacts Facts { get; init; }

    /// <summary>What was changed and why.</summary>
    public required ConversionPlan Plan { get; init; }

    /// <summary>The plan document that the conversion was made by; null where the plan was made in the same run.</summary>
    public AppliedDocument? Document { get; init; }

    /// <summary>The disks that were written, in the machine's order.</summary>
    public required ImmutableArray<WrittenDisk> Disks { get; init; }

    /// <summary>Sectors of the source that could not be read and are zeros in the target, and the files that they belong to.</summary>
    public ImmutableArray<DamagedPlace> ReadErrors { get; init; } = [];

    /// <summary>Name of the target's configuration in the output directory.</summary>
    public required string ConfigurationFile { get; init; }

    /// <summary>Seconds that each stage took, in order. Not in report.json, which is the same from run to run, but in <see cref="TimesFileName"/> beside it.</summary>
    public ImmutableArray<StageTime> Stages { get; init; } = [];

    /// <summary>The configuration that a path means: the file itself, or the one that the record in a directory names.</summary>
    /// <exception cref="DiagnosticException">There is none (PIP008).</exception>
    public static string FindConfiguration(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Directory.Exists(path) ? Path.Combine(path, Read(path).ConfigurationFile) : path;
    }

    /// <summary>Reads the record of a conversion.</summary>
    /// <param name="path">The output directory, or a file in it.</param>
    /// <exception cref="DiagnosticException">It is missing or damaged (PIP008).</exception>
    public static ConversionRecord Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = Path.Combine(DirectoryOf(path), FileName);
        try
        {
            var record = ModelJson.Deserialize<ConversionRecord>(File.ReadAllText(file));
            return record.FormatVersion == 1 ? record : throw PipelineDiagnostics.NoRecord.ToException($"it has form {record.FormatVersion}, needed: 1", file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            throw PipelineDiagnostics.NoRecord.ToException(e.Message, file, e);
        }
    }

    /// <summary>The output directory that a path lies in or is.</summary>
    public static string DirectoryOf(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
}

/// <summary>A disk that was written.</summary>
public sealed record WrittenDisk
{
    /// <summary>The disk in the source, see <see cref="VirtualDisk.Id"/>.</summary>
    public required string DiskId { get; init; }

    /// <summary>Its name in the target guest: vda.</summary>
    public required string DeviceName { get; init; }

    /// <summary>Its file in the output directory.</summary>
    public required string File { get; init; }

    /// <summary>Its manifest in the output directory.</summary>
    public required string ManifestFile { get; init; }

    /// <summary>Bytes as the guest sees it.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Bytes of content in the file: its length, or for a raw one and in an archive the blocks of 64 KiB that are not zeros.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Bytes that differ from the source, at most.</summary>
    public required long ChangedBytes { get; init; }

    /// <summary>Bytes that did not travel, because nothing uses them: content of deleted files among them. Whether the source stores them all is its file system's business, and changes.</summary>
    public long FreedBytes { get; init; }

    /// <summary>Which volumes had free space that did not travel, and which travelled as a whole and why.</summary>
    public ImmutableArray<FreeSpaceShare> FreeSpace { get; init; } = [];

    /// <summary>Hash over the whole content, see the manifest.</summary>
    public required string ContentHash { get; init; }
}

/// <summary>What a stage took.</summary>
/// <param name="Title">The stage.</param>
/// <param name="Seconds">Seconds.</param>
public sealed record StageTime(string Title, double Seconds);
