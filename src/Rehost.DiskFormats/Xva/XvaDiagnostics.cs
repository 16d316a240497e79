using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>Findings about XVA archives.</summary>
public static class XvaDiagnostics
{
    private const string ExportAgain = "The archive is damaged: copy it again and compare checksums, or export the machine again.";

    /// <summary>The whole archive is compressed by something that no host uses.</summary>
    public static readonly DiagnosticDescriptor Compressed = new("XVA001", Severity.Error, FaultKind.Source,
        "The XVA is compressed in an unusual way", "Somebody compressed the export afterwards: decompress it with the same program and convert the result.");

    /// <summary>There is no ova.xml: not an XVA.</summary>
    public static readonly DiagnosticDescriptor NoDescription = new("XVA002", Severity.Error, FaultKind.Source,
        "The archive has no ova.xml", "This is a tar archive but not an XVA: give the file that XenServer or XCP-ng exported.");

    /// <summary>ova.xml is larger than any real one.</summary>
    public static readonly DiagnosticDescriptor DescriptionTooLarge = new("XVA003", Severity.Error, FaultKind.Source,
        "ova.xml is too large", ExportAgain);

    /// <summary>A chunk is not what was exported.</summary>
    public static readonly DiagnosticDescriptor ChecksumMismatch = new("XVA004", Severity.Error, FaultKind.Source,
        "A chunk does not match its checksum", ExportAgain);

    /// <summary>A chunk has no checksum.</summary>
    public static readonly DiagnosticDescriptor ChecksumMissing = new("XVA005", Severity.Error, FaultKind.Source,
        "A chunk has no checksum", "Every export since XenServer 4.1 has one per chunk: the archive was repacked or damaged; export the machine again.");

    /// <summary>A checksum does not follow the chunk it belongs to.</summary>
    public static readonly DiagnosticDescriptor ChecksumWithoutChunk = new("XVA006", Severity.Error, FaultKind.Source,
        "A checksum has no chunk", ExportAgain);

    /// <summary>Chunk numbers do not rise.</summary>
    public static readonly DiagnosticDescriptor ChunkOrder = new("XVA007", Severity.Error, FaultKind.Source,
        "Chunks are out of order", "The archive was repacked, which moves data on the disk: use the file as exported.");

    /// <summary>The chunks do not reach the end of the disk.</summary>
    public static readonly DiagnosticDescriptor DiskTooShort = new("XVA008", Severity.Error, FaultKind.Source,
        "Chunks are missing at the end of a disk", ExportAgain);

    /// <summary>The chunks go beyond the end of the disk.</summary>
    public static readonly DiagnosticDescriptor DiskTooLong = new("XVA009", Severity.Error, FaultKind.Source,
        "Chunks go beyond the end of a disk", ExportAgain);

    /// <summary>The first chunk, which is always written, is not there.</summary>
    public static readonly DiagnosticDescriptor FirstChunkMissing = new("XVA010", Severity.Error, FaultKind.Source,
        "The first chunk of a disk is missing", ExportAgain);

    /// <summary>ova.xml names a disk that is not in the archive.</summary>
    public static readonly DiagnosticDescriptor NoSuchDisk = new("XVA011", Severity.Error, FaultKind.Source,
        "A disk is not in the archive", "Export the machine again together with all of its disks.");

    /// <summary>A checksum member is not a checksum.</summary>
    public static readonly DiagnosticDescriptor BadChecksum = new("XVA012", Severity.Error, FaultKind.Source,
        "A checksum cannot be read", ExportAgain);

    /// <summary>A chunk is larger than any hypervisor writes.</summary>
    public static readonly DiagnosticDescriptor ChunkTooLarge = new("XVA013", Severity.Error, FaultKind.Source,
        "A chunk is too large", ExportAgain);

    /// <summary>The layout of XenServer 3.</summary>
    public static readonly DiagnosticDescriptor OldFormat = new("XVA014", Severity.Error, FaultKind.Source,
        "An XVA of XenServer 3", "Unpack it, join the decompressed chunks of each disk in order, and convert the raw disks.");

    /// <summary>More chunks than are read.</summary>
    public static readonly DiagnosticDescriptor TooManyChunks = new("XVA015", Severity.Error, FaultKind.Source,
        "The archive has too many chunks", "Export the machine's disks one by one.");

    /// <summary>A compressed export takes scratch room while it is read.</summary>
    public static readonly DiagnosticDescriptor Decompressed = new("XVA016", Severity.Information, FaultKind.Environment,
        "A compressed export was decompressed", "Nothing to do. Another place for the scratch file can be given by the environment variable TMPDIR; an export without compression needs none.");

    /// <summary>A writer was used in a way that would not give an archive.</summary>
    public static readonly DiagnosticDescriptor CannotHold = new("XVA017", Severity.Error, FaultKind.Target,
        "An XVA cannot hold this", "Disks of an XVA have at most 95 TiB and go into it one after another: choose another format for a larger disk.");

    /// <summary>Hosts are stricter than we are.</summary>
    public static readonly DiagnosticDescriptor NotImportable = new("XVA018", Severity.Warning, FaultKind.Source,
        "XenServer does not import this archive", "Rehost reads it all the same. For a host, convert it with --to xenserver, which writes an archive by the importer's rules.");
}
