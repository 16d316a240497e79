using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Findings about ext2, ext3 and ext4 file systems.</summary>
public static class ExtDiagnostics
{
    private const string RunFsck = "Run e2fsck -f on the guest's file system (in the guest, or on a copy of the disk) and export it again.";

    /// <summary>There is no ext file system here.</summary>
    public static readonly DiagnosticDescriptor NotExt = new("EXT001", Severity.Error, FaultKind.Source,
        "The device holds no ext file system", "Check which partition or disk was meant.");

    /// <summary>The superblock contradicts itself or the device.</summary>
    public static readonly DiagnosticDescriptor BadSuperblock = new("EXT002", Severity.Error, FaultKind.Source,
        "The superblock is damaged", RunFsck);

    /// <summary>A feature that must be understood to read the file system is not.</summary>
    public static readonly DiagnosticDescriptor UnknownFeature = new("EXT003", Severity.Error, FaultKind.Guest,
        "The file system uses a feature that Rehost does not know", "Turn the feature off in the guest (tune2fs -O ^feature), or copy the files to a file system without it.");

    /// <summary>A metadata checksum does not match.</summary>
    public static readonly DiagnosticDescriptor Checksum = new("EXT004", Severity.Error, FaultKind.Source,
        "A metadata checksum does not match", RunFsck);

    /// <summary>A block group descriptor is damaged.</summary>
    public static readonly DiagnosticDescriptor BadGroup = new("EXT005", Severity.Error, FaultKind.Source,
        "A block group descriptor is damaged", RunFsck);

    /// <summary>An inode is damaged or not in use.</summary>
    public static readonly DiagnosticDescriptor BadInode = new("EXT006", Severity.Error, FaultKind.Source,
        "An inode is damaged", RunFsck);

    /// <summary>An extent tree is damaged.</summary>
    public static readonly DiagnosticDescriptor BadExtents = new("EXT007", Severity.Error, FaultKind.Source,
        "An extent tree is damaged", RunFsck);

    /// <summary>A block map points outside the file system.</summary>
    public static readonly DiagnosticDescriptor BadBlockMap = new("EXT008", Severity.Error, FaultKind.Source,
        "A file's block map is damaged", RunFsck);

    /// <summary>A directory is damaged.</summary>
    public static readonly DiagnosticDescriptor BadDirectory = new("EXT009", Severity.Error, FaultKind.Source,
        "A directory is damaged", RunFsck);

    /// <summary>Extended attributes are damaged.</summary>
    public static readonly DiagnosticDescriptor BadXattr = new("EXT010", Severity.Error, FaultKind.Source,
        "Extended attributes are damaged", RunFsck);

    /// <summary>Data stored in an inode is damaged.</summary>
    public static readonly DiagnosticDescriptor BadInlineData = new("EXT011", Severity.Error, FaultKind.Source,
        "Data stored inside an inode is damaged", RunFsck);

    /// <summary>An encrypted file or directory.</summary>
    public static readonly DiagnosticDescriptor Encrypted = new("EXT012", Severity.Error, FaultKind.Guest,
        "A file or directory is encrypted", "Rehost has no keys of the guest: decrypt it in the guest (fscrypt) if the conversion needs it.");

    /// <summary>The journal holds changes, and the device cannot take them.</summary>
    public static readonly DiagnosticDescriptor DirtyJournal = new("EXT013", Severity.Error, FaultKind.Guest,
        "The journal holds changes that are not in the file system yet", "Open the image on an overlay, so that the journal can be replayed without touching the source; or shut the guest down cleanly and export it again.");

    /// <summary>The device is shorter than the file system.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("EXT014", Severity.Error, FaultKind.Source,
        "The device is shorter than the file system on it", "Check that the image was copied completely, and export it again.");

    /// <summary>A block or inode bitmap is damaged.</summary>
    public static readonly DiagnosticDescriptor BadBitmap = new("EXT015", Severity.Error, FaultKind.Source,
        "A bitmap of blocks or inodes is damaged", RunFsck);

    /// <summary>The list of orphaned inodes is damaged.</summary>
    public static readonly DiagnosticDescriptor BadOrphan = new("EXT016", Severity.Error, FaultKind.Source,
        "The list of orphaned inodes is damaged", RunFsck);

    /// <summary>A directory index has no room for another entry.</summary>
    public static readonly DiagnosticDescriptor DirectoryFull = new("EXT017", Severity.Error, FaultKind.Guest,
        "A directory cannot grow further", "Remove entries from the directory in the guest, or turn on the feature large_dir.");

    /// <summary>A directory has as many subdirectories as its link count can hold.</summary>
    public static readonly DiagnosticDescriptor TooManyLinks = new("EXT018", Severity.Error, FaultKind.Guest,
        "A directory has too many subdirectories", "Remove some in the guest, or turn on the feature dir_nlink.");

    /// <summary>A file would become larger than the file system allows.</summary>
    public static readonly DiagnosticDescriptor FileTooLarge = new("EXT019", Severity.Error, FaultKind.Guest,
        "A file would become too large", "The file system's block size and the way the file's blocks are recorded set the limit.");

    /// <summary>Counts and bitmaps disagree.</summary>
    public static readonly DiagnosticDescriptor WrongCount = new("EXT020", Severity.Warning, FaultKind.Source,
        "A count of free blocks or inodes is wrong", RunFsck);

    /// <summary>A write would hit the file system's own structures.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("EXT021", Severity.Error, FaultKind.Source,
        "A file claims blocks that hold the file system's own structures", RunFsck);

    /// <summary>The journal cannot be replayed.</summary>
    public static readonly DiagnosticDescriptor JournalUnusable = new("EXT022", Severity.Error, FaultKind.Guest,
        "The journal cannot be replayed", "Mount the file system once in the guest and shut it down cleanly, or run e2fsck on a copy; then export it again.");

    /// <summary>A node that must not be changed this way.</summary>
    public static readonly DiagnosticDescriptor Unchangeable = new("EXT023", Severity.Error, FaultKind.Guest,
        "A file or directory cannot be changed", "The message names the inode's attribute that stands in the way; remove it in the guest.");
}
