using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline.InPlace;

/// <summary>A plan that is to be written into the guest's own disks.</summary>
/// <param name="Disks">Raw files or block devices, in the machine's order.</param>
public sealed record InPlaceRequest(ImmutableArray<string> Disks)
{
    /// <summary>What undo journals end in.</summary>
    public const string JournalSuffix = ".rehost-undo";

    /// <summary>The undo journal; null for one beside the first disk.</summary>
    public string? JournalPath { get; init; }

    /// <summary>Whether to go on with what an earlier run began.</summary>
    public bool Resumes { get; init; }

    /// <summary>Directory for the target's configuration; null for none.</summary>
    public string? OutputDirectory { get; init; }

    /// <summary>Keys of encrypted volumes.</summary>
    public ImmutableArray<KeySource> Keys { get; init; } = [];

    /// <summary>Where the journal is.</summary>
    public string Journal => Path.GetFullPath(JournalPath ?? Disks[0] + JournalSuffix);

    /// <summary>The journal that a person means: itself, the one in a directory, or the one beside a disk.</summary>
    /// <exception cref="DiagnosticException">There is none, or several (UND002).</exception>
    public static string FindJournal(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            return Directory.GetFiles(path, "*" + JournalSuffix) is [var only] ? only
                : throw Transfer.Undo.UndoDiagnostics.NoJournal.ToException($"the directory holds {Directory.GetFiles(path, "*" + JournalSuffix).Length} journals, needed: one", path);
        }

        return path.EndsWith(JournalSuffix, StringComparison.Ordinal) ? path
            : File.Exists(path + JournalSuffix) ? path + JournalSuffix
            : Transfer.Undo.UndoJournalFile.LooksLikeOne(path) ? path
            : File.Exists(path + JournalSuffix + Blocks.CommittedFile.PartialSuffix) ? throw Transfer.Undo.UndoDiagnostics.NoJournal.ToException("beside it lies the beginning of one, from a run that was stopped before it changed a byte of the disk: there is nothing to undo", path)
            : throw Transfer.Undo.UndoDiagnostics.NoJournal.ToException($"neither is this a journal nor is there {Path.GetFileName(path)}{JournalSuffix} beside it", path);
    }
}

/// <summary>A plan that was written into the guest's own disks.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Journal">The undo journal.</param>
/// <param name="Disks">The disks.</param>
/// <param name="WasResumed">Whether an earlier run had begun.</param>
/// <param name="Files">Files of the target's configuration that were written.</param>
public sealed record InPlaceRecord(string Machine, ConversionPlan? Plan, string Journal, ImmutableArray<InPlaceDisk> Disks, bool WasResumed, ImmutableArray<string> Files);

/// <summary>A disk that was written in place.</summary>
/// <param name="Path">The disk.</param>
/// <param name="DeviceName">Its name in the source guest.</param>
/// <param name="Sha256Before">SHA-256 of it before.</param>
/// <param name="WrittenBytes">Bytes that the plan changes.</param>
/// <param name="MovedBytes">Bytes that moved up to make room.</param>
public sealed record InPlaceDisk(string Path, string DeviceName, string Sha256Before, long WrittenBytes, long MovedBytes);

/// <summary>What an undo did.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Journal">The journal.</param>
/// <param name="Disks">The disks.</param>
/// <param name="WasUndoneBefore">Whether there was nothing left to do.</param>
public sealed record UndoReport(string Machine, string Journal, ImmutableArray<UndoneDisk> Disks, bool WasUndoneBefore)
{
    /// <summary>Whether every disk is byte for byte what it was before the plan was applied.</summary>
    public bool IsRestored => Disks.All(disk => disk.Sha256After == disk.Sha256Original);
}

/// <summary>A disk that was undone.</summary>
/// <param name="Path">The disk.</param>
/// <param name="DeviceName">Its name in the source guest.</param>
/// <param name="Sha256Original">SHA-256 of it before the plan was applied.</param>
/// <param name="Sha256Before">SHA-256 of it before the undo.</param>
/// <param name="Sha256After">SHA-256 of it now.</param>
public sealed record UndoneDisk(string Path, string DeviceName, string Sha256Original, string Sha256Before, string Sha256After);
