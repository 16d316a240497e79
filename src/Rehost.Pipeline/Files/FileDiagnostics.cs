using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>Findings of the verbs that look into a guest's files.</summary>
public static class FileDiagnostics
{
    /// <summary>Which file system is meant is not evident.</summary>
    public static readonly DiagnosticDescriptor NoSuchVolume = new("FLE001", Severity.Error, FaultKind.Usage,
        "No such volume, or none was chosen", "Choose one of the listed volumes with --volume; 'rehost inspect' shows what each holds.");

    /// <summary>A name that the host cannot take.</summary>
    public static readonly DiagnosticDescriptor NotCopied = new("FLE002", Severity.Error, FaultKind.Target,
        "A file of the guest cannot be written here", "Choose another, empty directory; a name that stands twice in one directory means that the guest's file system is damaged.");

    /// <summary>An edit without a place to put its result.</summary>
    public static readonly DiagnosticDescriptor NowhereToWrite = new("FLE003", Severity.Error, FaultKind.Usage,
        "Where the result goes was not said", "Give --output NEW-IMAGE (or a directory, when several disks are edited), which leaves the source as it is, or --in-place for a raw disk.");

    /// <summary>A file system that is only read.</summary>
    public static readonly DiagnosticDescriptor ReadOnly = new("FLE004", Severity.Error, FaultKind.Guest,
        "The file system is not written", "The message has the cause; nothing was changed.");

    /// <summary>A local file that cannot be taken.</summary>
    public static readonly DiagnosticDescriptor LocalFile = new("FLE005", Severity.Error, FaultKind.Usage,
        "A local file cannot be read", "Give files, directories and links only, and check that you may read them.");

    /// <summary>A directory that holds something.</summary>
    public static readonly DiagnosticDescriptor NotEmpty = new("FLE006", Severity.Error, FaultKind.Usage,
        "A directory is removed only when that is asked for", "Give --recursive to remove it with everything below it.");

    /// <summary>A tree too deep or too large to be a real one.</summary>
    public static readonly DiagnosticDescriptor Endless = new("FLE007", Severity.Error, FaultKind.Source,
        "The directory tree has no end", "The file system is damaged: check it with its own tools; a single file can still be read by its path.");
}
