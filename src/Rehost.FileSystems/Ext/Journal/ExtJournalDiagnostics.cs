using Rehost.Model;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>Findings of journal recovery.</summary>
public static class ExtJournalDiagnostics
{
    private const string CleanShutdown = "Start the guest where it ran before, shut it down cleanly, and export it again; or run e2fsck on a copy of the disk.";

    /// <summary>The log cannot be replayed as it is.</summary>
    public static readonly DiagnosticDescriptor Damaged = new("JNL001", Severity.Error, FaultKind.Source,
        "The journal of the guest's file system is damaged", CleanShutdown);

    /// <summary>The log is on a device of its own.</summary>
    public static readonly DiagnosticDescriptor External = new("JNL002", Severity.Error, FaultKind.Guest,
        "The guest's file system was not unmounted cleanly and its journal is on another device", CleanShutdown);

    /// <summary>The log uses a feature unknown to this code.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("JNL003", Severity.Error, FaultKind.Guest,
        "The journal of the guest's file system has features that Rehost does not know", CleanShutdown);

    /// <summary>There are fast commits to replay.</summary>
    public static readonly DiagnosticDescriptor FastCommits = new("JNL004", Severity.Error, FaultKind.Guest,
        "The journal of the guest's file system holds fast commits, which Rehost does not replay", CleanShutdown);
}
