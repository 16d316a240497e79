using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Findings in NTFS file systems.</summary>
public static class NtfsDiagnostics
{
    private const string RunChkdsk = "Run chkdsk /f in the guest and export it again; ntfsinfo and ntfsfix -n show the state of a copy.";

    /// <summary>The boot sector makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadBootSector = new("NTF001", Severity.Error, FaultKind.Source,
        "The boot sector of an NTFS volume is damaged", RunChkdsk);

    /// <summary>The device is shorter than the file system.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("NTF002", Severity.Error, FaultKind.Source,
        "The device is shorter than the NTFS volume on it", "Check that the image was copied completely, and export it again.");

    /// <summary>A record is damaged.</summary>
    public static readonly DiagnosticDescriptor BadRecord = new("NTF003", Severity.Error, FaultKind.Source,
        "A record of the master file table is damaged", RunChkdsk);

    /// <summary>An attribute is damaged.</summary>
    public static readonly DiagnosticDescriptor BadAttribute = new("NTF004", Severity.Error, FaultKind.Source,
        "An attribute of a file is damaged", RunChkdsk);

    /// <summary>A run list is damaged.</summary>
    public static readonly DiagnosticDescriptor BadRuns = new("NTF005", Severity.Error, FaultKind.Source,
        "The list of a file's clusters is damaged", RunChkdsk);

    /// <summary>A directory or another index is damaged.</summary>
    public static readonly DiagnosticDescriptor BadIndex = new("NTF006", Severity.Error, FaultKind.Source,
        "A directory or another index is damaged", RunChkdsk);

    /// <summary>Compressed data cannot be unpacked.</summary>
    public static readonly DiagnosticDescriptor BadCompression = new("NTF007", Severity.Error, FaultKind.Source,
        "Compressed data of a file is damaged", RunChkdsk);

    /// <summary>An encrypted file.</summary>
    public static readonly DiagnosticDescriptor Encrypted = new("NTF008", Severity.Error, FaultKind.Guest,
        "A file is encrypted", "Rehost has no keys of the guest: decrypt it in the guest (cipher /d) if the conversion needs it.");

    /// <summary>The content is kept elsewhere.</summary>
    public static readonly DiagnosticDescriptor UnknownReparse = new("NTF009", Severity.Error, FaultKind.Guest,
        "A file's content is kept by something that Rehost does not know", "The message names the reparse tag (deduplication, cloud storage …): bring the content back in the guest if the conversion needs it.");

    /// <summary>A reparse point makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadReparse = new("NTF010", Severity.Error, FaultKind.Source,
        "A reparse point is damaged", RunChkdsk);

    /// <summary>The bitmap of clusters or records is damaged.</summary>
    public static readonly DiagnosticDescriptor BadBitmap = new("NTF011", Severity.Error, FaultKind.Source,
        "A bitmap of clusters or records is damaged", RunChkdsk);

    /// <summary>A file that must not be changed.</summary>
    public static readonly DiagnosticDescriptor Unchangeable = new("NTF012", Severity.Error, FaultKind.Guest,
        "A file or directory cannot be changed", "The message says what stands in the way; remove it in the guest, or leave the file as it is.");

    /// <summary>The log holds changes.</summary>
    public static readonly DiagnosticDescriptor LogNotClean = new("NTF013", Severity.Warning, FaultKind.Guest,
        "The NTFS volume was not unmounted cleanly", "Shut the guest down fully (shutdown /s /t 0) and export it again.");

    /// <summary>Windows is hibernated.</summary>
    public static readonly DiagnosticDescriptor Hibernated = new("NTF014", Severity.Warning, FaultKind.Guest,
        "Windows is hibernated", "Start the guest, turn fast startup off (powercfg /h off), shut it down fully (shutdown /s /t 0) and export it again.");

    /// <summary>The volume is marked dirty.</summary>
    public static readonly DiagnosticDescriptor MarkedDirty = new("NTF015", Severity.Warning, FaultKind.Guest,
        "The NTFS volume is marked for a check", "Let Windows check it (chkdsk /f, or a start of the guest), shut it down fully and export it again.");

    /// <summary>The mirror of the first records differs.</summary>
    public static readonly DiagnosticDescriptor MirrorDiffers = new("NTF016", Severity.Warning, FaultKind.Source,
        "The mirror of the master file table differs from it", RunChkdsk);

    /// <summary>A file is in more pieces than can be recorded.</summary>
    public static readonly DiagnosticDescriptor TooFragmented = new("NTF017", Severity.Error, FaultKind.Guest,
        "A file or the master file table cannot be described in the records there are", "Free some space or defragment the volume in the guest, and export it again.");

    /// <summary>A file would become too large.</summary>
    public static readonly DiagnosticDescriptor FileTooLarge = new("NTF018", Severity.Error, FaultKind.Guest,
        "A file would become larger than its volume can describe", "Write less, or enlarge the volume in the guest.");
}
