using Rehost.Model;

namespace Rehost.FileSystems.Fat;

/// <summary>Findings in FAT file systems.</summary>
public static class FatDiagnostics
{
    private const string RunFsck = "Run fsck.fat -n on a copy of the volume to see the damage; mend it in the guest (chkdsk /f, fsck.fat -a) and export it again.";

    /// <summary>The boot sector makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadBootSector = new("FAT001", Severity.Error, FaultKind.Source,
        "The boot sector of a FAT volume is damaged", RunFsck);

    /// <summary>The device is shorter than the file system.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("FAT002", Severity.Error, FaultKind.Source,
        "The device is shorter than the FAT volume on it", "Check that the image was copied completely, and export it again.");

    /// <summary>A chain of clusters is damaged.</summary>
    public static readonly DiagnosticDescriptor BadChain = new("FAT003", Severity.Error, FaultKind.Source,
        "A chain of clusters is damaged", RunFsck);

    /// <summary>A directory is damaged.</summary>
    public static readonly DiagnosticDescriptor BadDirectory = new("FAT004", Severity.Error, FaultKind.Source,
        "A directory of a FAT volume is damaged", RunFsck);

    /// <summary>No room for another entry.</summary>
    public static readonly DiagnosticDescriptor DirectoryFull = new("FAT005", Severity.Error, FaultKind.Guest,
        "A directory of a FAT volume cannot grow further", "Remove entries from the directory in the guest, or put the file into another directory.");

    /// <summary>A file would become larger than 4 GiB.</summary>
    public static readonly DiagnosticDescriptor FileTooLarge = new("FAT006", Severity.Error, FaultKind.Guest,
        "A file would become larger than a FAT volume can hold", "A file on FAT has less than 4 GiB: put it on another file system of the guest.");

    /// <summary>The copies of the table differ.</summary>
    public static readonly DiagnosticDescriptor CopiesDiffer = new("FAT007", Severity.Warning, FaultKind.Source,
        "The copies of the file allocation table differ", RunFsck);

    /// <summary>The count of free clusters is wrong.</summary>
    public static readonly DiagnosticDescriptor WrongCount = new("FAT008", Severity.Information, FaultKind.Source,
        "The count of free clusters in the FSInfo sector is wrong", "Nothing needs to be done: the count is a hint, and Rehost corrects it when it writes to the volume.");

    /// <summary>Not unmounted.</summary>
    public static readonly DiagnosticDescriptor Dirty = new("FAT009", Severity.Warning, FaultKind.Guest,
        "The FAT volume was not unmounted cleanly", "Shut the guest down cleanly before exporting it; the guest checks the volume at its next start.");

    /// <summary>A new file system that cannot be made.</summary>
    public static readonly DiagnosticDescriptor CannotFormat = new("FAT010", Severity.Error, FaultKind.Target,
        "A FAT32 file system cannot be made there", "This is a fault of Rehost when a conversion asked for it: please report it with the plan.");
}
