using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>Findings about XFS file systems.</summary>
public static class XfsDiagnostics
{
    /// <summary>No usable superblock.</summary>
    public static readonly DiagnosticDescriptor BadSuperblock = new("XFS001", Severity.Error, FaultKind.Guest,
        "The XFS superblock is damaged", "Run 'xfs_repair -n' on the disk; 'xfs_repair' restores the superblock from its copies in the other allocation groups.");

    /// <summary>A feature that this code does not read.</summary>
    public static readonly DiagnosticDescriptor UnknownFeature = new("XFS002", Severity.Error, FaultKind.Guest,
        "An XFS feature is not supported", "The message names the feature. Copy the files onto a file system without it, or convert with a tool that mounts the disk.");

    /// <summary>A metadata block that is not what it should be.</summary>
    public static readonly DiagnosticDescriptor BadBlock = new("XFS003", Severity.Error, FaultKind.Guest,
        "An XFS metadata block is damaged", "Run 'xfs_repair -n' on the disk and mend it there, or restore from a backup.");

    /// <summary>An inode that is not what it should be.</summary>
    public static readonly DiagnosticDescriptor BadInode = new("XFS004", Severity.Error, FaultKind.Guest,
        "An XFS inode is damaged", "Run 'xfs_repair -n' on the disk and mend it there, or restore from a backup.");

    /// <summary>A map of extents that makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadExtent = new("XFS005", Severity.Error, FaultKind.Guest,
        "An XFS extent map is damaged", "Run 'xfs_repair -n' on the disk and mend it there, or restore from a backup.");

    /// <summary>A directory that makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadDirectory = new("XFS006", Severity.Error, FaultKind.Guest,
        "An XFS directory is damaged", "Run 'xfs_repair -n' on the disk and mend it there, or restore from a backup.");

    /// <summary>Extended attributes that make no sense.</summary>
    public static readonly DiagnosticDescriptor BadAttribute = new("XFS007", Severity.Error, FaultKind.Guest,
        "Extended attributes of an XFS file are damaged", "Run 'xfs_repair -n' on the disk and mend it there, or restore from a backup.");

    /// <summary>A log that was not replayed.</summary>
    public static readonly DiagnosticDescriptor LogPending = new("XFS008", Severity.Error, FaultKind.Guest,
        "The XFS file system was not unmounted cleanly", "Start the guest once and shut it down, or mount the disk once on a Linux host, so that its log is replayed; then export it again.");

    /// <summary>A file of the realtime device.</summary>
    public static readonly DiagnosticDescriptor RealtimeFile = new("XFS009", Severity.Error, FaultKind.Guest,
        "A file lies on the realtime device", "Copy the file onto the data device in the guest (xfs_io -c 'chattr -r' on a new file) and export it again.");

    /// <summary>A log that this code cannot replay.</summary>
    public static readonly DiagnosticDescriptor LogUnusable = new("XFS010", Severity.Error, FaultKind.Guest,
        "The XFS log cannot be replayed here", "Start the guest once and shut it down, or mount the disk once on a Linux host; if that fails too, run 'xfs_repair' there. Then export it again.");
}
