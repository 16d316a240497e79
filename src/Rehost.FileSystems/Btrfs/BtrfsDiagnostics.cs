using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Findings about Btrfs file systems.</summary>
public static class BtrfsDiagnostics
{
    /// <summary>No intact superblock.</summary>
    public static readonly DiagnosticDescriptor BadSuperblock = new("BTR001", Severity.Error, FaultKind.Guest,
        "The Btrfs superblock is damaged", "Restore it in the guest with 'btrfs rescue super-recover', or export the disk again.");

    /// <summary>A feature that this code does not read.</summary>
    public static readonly DiagnosticDescriptor UnknownFeature = new("BTR002", Severity.Error, FaultKind.Guest,
        "A Btrfs feature is not supported", "The message names the feature. A libguestfs on a host with a recent kernel may open it; or copy the files onto another file system.");

    /// <summary>A tree block that is not what it should be.</summary>
    public static readonly DiagnosticDescriptor BadTreeBlock = new("BTR003", Severity.Error, FaultKind.Guest,
        "A Btrfs tree block is damaged", "Run 'btrfs check --readonly' on the disk and 'btrfs scrub' in the guest; restore from a backup what they cannot mend.");

    /// <summary>An item that is not what it should be.</summary>
    public static readonly DiagnosticDescriptor BadItem = new("BTR004", Severity.Error, FaultKind.Guest,
        "A Btrfs item is damaged", "Run 'btrfs check --readonly' on the disk; restore from a backup what it cannot mend.");

    /// <summary>A logical address that no chunk maps, or a chunk that makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadChunk = new("BTR005", Severity.Error, FaultKind.Guest,
        "The Btrfs chunk map is damaged", "Run 'btrfs rescue chunk-recover' in the guest's rescue system, or restore from a backup.");

    /// <summary>A device of the file system is not there.</summary>
    public static readonly DiagnosticDescriptor MissingDevice = new("BTR006", Severity.Error, FaultKind.Source,
        "A device of a Btrfs file system is missing", "Give all disks of the machine (--disk adds further ones); the message has the number of the one that is missing.");

    /// <summary>Content that does not match its checksum in any copy.</summary>
    public static readonly DiagnosticDescriptor BadData = new("BTR007", Severity.Error, FaultKind.Guest,
        "A file's content does not match its checksum", "Run 'btrfs scrub' in the guest and restore the file from a backup.");

    /// <summary>A log tree that was not replayed.</summary>
    public static readonly DiagnosticDescriptor LogPending = new("BTR008", Severity.Error, FaultKind.Guest,
        "The Btrfs file system was not unmounted cleanly", "Start the guest once and shut it down, so that its log is replayed, and export it again; or mount a copy once with the kernel, or with a libguestfs on the host ('guestfish -a COPY -m DEVICE exit'). 'btrfs rescue zero-log' gives up what was synced since the last commit, up to 30 seconds.");

    /// <summary>Compressed content that cannot be decoded.</summary>
    public static readonly DiagnosticDescriptor BadCompression = new("BTR009", Severity.Error, FaultKind.Guest,
        "Compressed content is damaged", "Run 'btrfs scrub' in the guest and restore the file from a backup.");

    /// <summary>A subvolume that does not exist.</summary>
    public static readonly DiagnosticDescriptor NoSubvolume = new("BTR010", Severity.Error, FaultKind.Guest,
        "No such Btrfs subvolume", "Look at the subvolumes with 'rehost inspect'; the guest's fstab names one that is gone.");
}
