using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>Findings about GRUB's files and where its boot code goes.</summary>
public static class GrubDiagnostics
{
    /// <summary>No directory with GRUB's BIOS files.</summary>
    public static readonly DiagnosticDescriptor FilesNotFound = new("GRB001", Severity.Error, FaultKind.Environment,
        "GRUB's files for BIOS machines are missing", "Install grub-pc-bin (Debian, Ubuntu) or grub2-pc-modules (Fedora, RHEL), or pass --grub-dir with a directory that holds kernel.img and moddep.lst.");

    /// <summary>A file of the set is missing.</summary>
    public static readonly DiagnosticDescriptor FileMissing = new("GRB002", Severity.Error, FaultKind.Environment,
        "One of GRUB's files is missing", "The directory is incomplete: reinstall grub-pc-bin (Debian, Ubuntu) or grub2-pc-modules (Fedora, RHEL), or pass another --grub-dir.");

    /// <summary>A file of the set is not what it should be.</summary>
    public static readonly DiagnosticDescriptor FileMalformed = new("GRB003", Severity.Error, FaultKind.Environment,
        "One of GRUB's files is damaged or of an unknown kind", "Use the i386-pc files of GRUB 2.00 or later: pass another --grub-dir.");

    /// <summary>A module name is illegal or unknown.</summary>
    public static readonly DiagnosticDescriptor UnknownModule = new("GRB004", Severity.Error, FaultKind.Environment,
        "A GRUB module is unknown", "This set of GRUB files does not have it: pass another --grub-dir.");

    /// <summary>The core image does not fit below the memory that GRUB uses while it starts.</summary>
    public static readonly DiagnosticDescriptor CoreTooLarge = new("GRB005", Severity.Error, FaultKind.Environment,
        "GRUB's core image is too large", "Use fewer modules, or the modules of another GRUB version with --grub-dir.");

    /// <summary>The sectors between MBR and first partition do not hold the core image.</summary>
    public static readonly DiagnosticDescriptor GapTooSmall = new("GRB006", Severity.Error, FaultKind.Guest,
        "There is too little room before the first partition for GRUB", "Convert with the small core image (modules in the guest's file system), or move the first partition to sector 2048.");

    /// <summary>A disk without a partition table has no place for boot code.</summary>
    public static readonly DiagnosticDescriptor NoPartitionTable = new("GRB007", Severity.Error, FaultKind.Guest,
        "The disk has no partition table, so GRUB has no place of its own", "Wrap the file system into a partition first; convert plans this by itself.");

    /// <summary>A GPT without a BIOS boot partition.</summary>
    public static readonly DiagnosticDescriptor NoBiosBootPartition = new("GRB008", Severity.Error, FaultKind.Guest,
        "The GPT has no BIOS boot partition", "Add a partition of type 21686148-6449-6E6F-744E-656564454649 (1 MiB is enough), or use UEFI firmware.");

    /// <summary>A value cannot be written into GRUB's configuration.</summary>
    public static readonly DiagnosticDescriptor IllegalValue = new("GRB009", Severity.Error, FaultKind.Usage,
        "A value cannot stand in GRUB's configuration", "Paths for GRUB may hold letters, digits and . _ - + @ / only.");

    /// <summary>A core image handed in for writing is not one.</summary>
    public static readonly DiagnosticDescriptor NotACoreImage = new("GRB010", Severity.Error, FaultKind.Environment,
        "This is no core image for BIOS machines", "Build it with the i386-pc files of GRUB 2.00 or later.");

    /// <summary>A disk whose table counts in sectors of 4096 bytes.</summary>
    public static readonly DiagnosticDescriptor LargeSectors = new("GRB011", Severity.Error, FaultKind.Guest,
        "A BIOS does not boot from 4096-byte sectors", "Use UEFI firmware for this guest.");

    /// <summary>No directory with GRUB's files for UEFI.</summary>
    public static readonly DiagnosticDescriptor EfiFilesNotFound = new("GRB012", Severity.Error, FaultKind.Environment,
        "GRUB's files for UEFI machines are missing", "Install grub-efi-amd64-bin (Debian, Ubuntu) or grub2-efi-x64-modules (Fedora, RHEL), or pass --grub-dir with the directory x86_64-efi.");
}
