using Rehost.Model;

namespace Rehost.Volumes;

/// <summary>Findings about partition tables.</summary>
public static class PartitionDiagnostics
{
    /// <summary>A partition's end lies beyond the disk; Linux cuts it, and so does Rehost.</summary>
    public static readonly DiagnosticDescriptor EndsBeyondDisk = new("PAR001", Severity.Warning, FaultKind.Source,
        "A partition ends beyond the disk", "The image is probably truncated: compare its size with the original disk and copy it again if it is shorter.");

    /// <summary>A partition begins beyond the disk and cannot be used.</summary>
    public static readonly DiagnosticDescriptor StartsBeyondDisk = new("PAR002", Severity.Warning, FaultKind.Source,
        "A partition begins beyond the disk and is left out", "The image is probably truncated: compare its size with the original disk and copy it again if it is shorter.");

    /// <summary>The chain of logical partitions comes back to where it was, or is too long.</summary>
    public static readonly DiagnosticDescriptor LogicalChainLoops = new("PAR003", Severity.Warning, FaultKind.Source,
        "The chain of logical partitions does not end", "The partitions read so far are used; check the disk with fdisk -l on the original machine.");

    /// <summary>The chain of logical partitions leads to a sector that is no extended boot record.</summary>
    public static readonly DiagnosticDescriptor LogicalChainBroken = new("PAR004", Severity.Warning, FaultKind.Source,
        "The chain of logical partitions is broken", "The partitions read so far are used; check the disk with fdisk -l on the original machine.");

    /// <summary>The primary GPT is damaged; the backup at the end of the disk is used.</summary>
    public static readonly DiagnosticDescriptor PrimaryGptDamaged = new("PAR005", Severity.Warning, FaultKind.Source,
        "The primary GPT is damaged, the backup is used", "The guest's own tools can repair it: sgdisk --load-backup or gdisk's recovery menu.");

    /// <summary>The backup GPT is missing or damaged; the primary is used.</summary>
    public static readonly DiagnosticDescriptor BackupGptDamaged = new("PAR006", Severity.Warning, FaultKind.Source,
        "The backup GPT is missing or damaged", "The primary is whole, so nothing is lost; if the disk should be larger, the image is truncated. Otherwise sgdisk -e repairs it.");

    /// <summary>A protective MBR announces a GPT, and neither copy is usable.</summary>
    public static readonly DiagnosticDescriptor GptUnusable = new("PAR007", Severity.Error, FaultKind.Source,
        "Both copies of the GPT are damaged", "Recover the table (gdisk, testdisk) on a copy of the disk, or copy the image again if it is incomplete.");

    /// <summary>Sector 0 has a boot signature but no partition: the disk is taken as one volume.</summary>
    public static readonly DiagnosticDescriptor EmptyTable = new("PAR008", Severity.Information, FaultKind.Source,
        "A boot sector without partitions", "Nothing to do when the disk is one file system; otherwise its partition table was lost.");

    /// <summary>A GPT header without the protective MBR that makes it valid; Linux ignores it.</summary>
    public static readonly DiagnosticDescriptor GptWithoutProtectiveMbr = new("PAR009", Severity.Warning, FaultKind.Source,
        "A GPT without a protective MBR is ignored, as Linux ignores it", "Usually a leftover of an earlier use of the disk. If the GPT is the real table, restore the protective MBR with sgdisk.");

    /// <summary>Two partitions share sectors.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("PAR010", Severity.Warning, FaultKind.Source,
        "Partitions overlap", "Check the disk with sfdisk --verify on the original machine before trusting either partition.");

    /// <summary>Sector 0 ends in 55 AA and the table's place holds something else (boot code, text).</summary>
    public static readonly DiagnosticDescriptor NotATable = new("PAR011", Severity.Information, FaultKind.Source,
        "A boot sector that is no partition table", "Nothing to do when the disk is one file system; otherwise its partition table was overwritten.");

    /// <summary>The MBR describes some partitions beside the GPT's protective entry; the GPT is used.</summary>
    public static readonly DiagnosticDescriptor HybridMbr = new("PAR012", Severity.Information, FaultKind.Source,
        "A hybrid MBR", "Nothing to do: the GPT is used, as Linux does.");

    /// <summary>A table to be written cannot be expressed.</summary>
    public static readonly DiagnosticDescriptor CannotExpress = new("PAR013", Severity.Error, FaultKind.Target,
        "The partition table cannot be written", "An MBR holds 4 partitions and 2 TiB; a larger disk needs a GPT.");
}
