using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>Findings common to all file systems and to the guest tree above them.</summary>
public static class FileSystemDiagnostics
{
    /// <summary>A path does not lead anywhere.</summary>
    public static readonly DiagnosticDescriptor NotFound = new("FIL001", Severity.Error, FaultKind.Guest,
        "A guest path does not exist", "Check the path; rehost inspect shows what is in the guest.");

    /// <summary>A node is of another kind than needed.</summary>
    public static readonly DiagnosticDescriptor WrongKind = new("FIL002", Severity.Error, FaultKind.Guest,
        "A guest path is of another kind than needed", "Look at the guest: something else stands where a file or directory was expected.");

    /// <summary>A name is taken.</summary>
    public static readonly DiagnosticDescriptor Exists = new("FIL003", Severity.Error, FaultKind.Guest,
        "A guest path exists already", "Remove or rename it in the guest.");

    /// <summary>No room.</summary>
    public static readonly DiagnosticDescriptor NoSpace = new("FIL004", Severity.Error, FaultKind.Guest,
        "The guest's file system has no room", "Free some space in the guest, or enlarge its file system, and export it again.");

    /// <summary>Too many symbolic links.</summary>
    public static readonly DiagnosticDescriptor LinkLoop = new("FIL005", Severity.Error, FaultKind.Guest,
        "Symbolic links of the guest lead in a circle", "Mend the link in the guest.");

    /// <summary>The file system cannot be written.</summary>
    public static readonly DiagnosticDescriptor NotWritable = new("FIL006", Severity.Error, FaultKind.Guest,
        "The guest's file system cannot be edited", "The message names the feature that stands in the way; turn it off in the guest (tune2fs -O ^feature) or convert another way.");

    /// <summary>A file is larger than what is reasonable to read whole.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("FIL007", Severity.Error, FaultKind.Guest,
        "A guest file is too large to be what its name says", "Look at the file in the guest.");

    /// <summary>A directory that should be empty is not.</summary>
    public static readonly DiagnosticDescriptor NotEmpty = new("FIL008", Severity.Error, FaultKind.Guest,
        "A guest directory is not empty", "Empty it in the guest first.");

    /// <summary>A name that the file system cannot hold.</summary>
    public static readonly DiagnosticDescriptor BadName = new("FIL009", Severity.Error, FaultKind.Guest,
        "A name cannot be stored", "Use a name of 1 to 255 bytes without a slash or NUL.");

    /// <summary>Something that the kind of file system has no place for.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("FIL010", Severity.Error, FaultKind.Guest,
        "The kind of file system has no place for what is to be stored", "Store it on another file system of the guest, or leave it out.");
}
