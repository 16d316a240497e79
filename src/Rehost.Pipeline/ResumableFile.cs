using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>
/// A file that a large copy goes into, with its journal. The journal is kept from the first run on, so that a run which nobody expected to be stopped can be gone on with; only its records are
/// further apart then, because each waits for the disk.
/// </summary>
internal sealed class ResumableFile : IDisposable
{
    private const long RelaxedInterval = 256 << 20;

    private ResumableFile(CommittedFile file, CopyJournal journal, Diagnostic? finding)
    {
        File = file;
        Journal = journal;
        Finding = finding;
    }

    /// <summary>The file.</summary>
    public CommittedFile File { get; }

    /// <summary>Its journal; the image is written through <see cref="CopyJournal.File"/>.</summary>
    public CopyJournal Journal { get; }

    /// <summary>What the operator should know.</summary>
    public Diagnostic? Finding { get; }

    /// <summary>Starts the file, or goes on with it.</summary>
    /// <param name="path">The name it will have.</param>
    /// <param name="identity">All that decides what is written.</param>
    /// <param name="isReplayed">Whether its writer keeps state.</param>
    /// <param name="resumption">Whether to go on with what an earlier run left.</param>
    /// <param name="options">How the file is kept.</param>
    /// <exception cref="DiagnosticException">It exists or cannot be written (BLK004), or another run writes it (BLK012).</exception>
    public static ResumableFile Open(string path, string identity, bool isReplayed, Resumption resumption, CommittedFileOptions options)
    {
        var canContinue = resumption.Resumes && CopyJournal.CanContinue(path, identity);
        var finding = canContinue || !resumption.Resumes || !CopyJournal.Exists(path) ? null
            : PipelineDiagnostics.BeganAgain.Create("what an earlier run left is of other sources or options, or it had hardly begun", path);
        var file = CommittedFile.Create(path, options with { KeepsPartial = resumption.Resumes, ContinuesPartial = canContinue, Witness = resumption.Witness });
        try
        {
            return new ResumableFile(file, CopyJournal.Open(file, identity, isReplayed, resumption.Interval ?? (resumption.Resumes ? null : RelaxedInterval)), finding);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether what stopped a run may be over when it is started again: the operator, a full or failing disk, a source that is away. Damage stays.</summary>
    public static bool MayPass(Exception e) => e is OperationCanceledException
        || (e is DiagnosticException { Diagnostic: var found } && (found.Id == BlockDiagnostics.WriteFailed.Id || found.Id == BlockDiagnostics.ReadFailed.Id || found.Id == BlockDiagnostics.NotFound.Id));

    /// <summary>Keeps what is durable, after a run was stopped.</summary>
    /// <returns>Bytes of the disks that a later run need not write.</returns>
    public long KeepWhatIsDone()
    {
        try
        {
            Journal.Checkpoint();
        }
        catch (DiagnosticException)
        {
            // A full disk takes no record either: the last one counts.
        }

        if (Journal.RecordedBytes > 0)
        {
            File.Keep();
        }

        return Journal.RecordedBytes;
    }

    /// <summary>The same fault, with a word on how to go on.</summary>
    /// <param name="e">What stopped the run.</param>
    /// <param name="bytes">Bytes that are kept.</param>
    /// <param name="where">The file or directory that they are in.</param>
    public static Exception Explain(Exception e, long bytes, string where)
    {
        if (bytes <= 0)
        {
            return e;
        }

        var hint = string.Create(CultureInfo.InvariantCulture,
            $"{(bytes >> 20 > 0 ? $"{bytes >> 20} MiB" : $"{bytes} bytes")} are done and kept in {where}: the same command with --resume goes on behind them; remove the files that end in {CommittedFile.PartialSuffix} and {CommittedFile.JournalSuffix} otherwise.");
        return e is DiagnosticException { Diagnostic: var found } ? new DiagnosticException(found with { NextStep = $"{found.NextStep} {hint}" }, e) : new StoppedException(hint, e);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Journal.Dispose();
        File.Dispose();
    }
}
