using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Findings about archives, compressed streams, kernel modules and kernel images. All of them are guest data, hence hostile.</summary>
public static class ArchiveDiagnostics
{
    private const string Damaged = "The file in the guest is damaged: check it there (or boot the guest once and rebuild it: update-initramfs -u -k all, dracut -f), then export the guest again.";

    /// <summary>A stream that does not start as its kind must.</summary>
    public static readonly DiagnosticDescriptor NotThisFormat = new("ARC001", Severity.Error, FaultKind.Guest,
        "Compressed data of an unknown kind", "Look at the file with file(1); Rehost reads gzip, bzip2, xz, lzma, lzop, lz4 and zstd.");

    /// <summary>A stream that ends too early.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("ARC002", Severity.Error, FaultKind.Guest,
        "Compressed data or an archive ends too early", Damaged);

    /// <summary>A stream that breaks the rules of its format.</summary>
    public static readonly DiagnosticDescriptor Corrupt = new("ARC003", Severity.Error, FaultKind.Guest,
        "Compressed data is damaged", Damaged);

    /// <summary>Content whose checksum differs.</summary>
    public static readonly DiagnosticDescriptor ChecksumMismatch = new("ARC004", Severity.Error, FaultKind.Guest,
        "A checksum does not fit the content", Damaged);

    /// <summary>A feature of a format that this code does not read.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("ARC005", Severity.Error, FaultKind.Guest,
        "Compressed data uses a feature that is not supported", "Recompress the file in the guest with the compressor's default options.");

    /// <summary>More output than the caller allows.</summary>
    public static readonly DiagnosticDescriptor OutputLimit = new("ARC006", Severity.Error, FaultKind.Guest,
        "Compressed data expands beyond all reason", "This looks like a decompression bomb: look at the file before going on.");

    /// <summary>A dictionary larger than is reasonable.</summary>
    public static readonly DiagnosticDescriptor WindowTooLarge = new("ARC007", Severity.Error, FaultKind.Guest,
        "Compressed data needs too large a dictionary", "Recompress the file in the guest with a dictionary of at most 128 MiB (the kernel's own limit for an initramfs).");

    /// <summary>A cpio archive that breaks its format.</summary>
    public static readonly DiagnosticDescriptor BadCpio = new("ARC010", Severity.Error, FaultKind.Guest,
        "A cpio archive is damaged", Damaged);

    /// <summary>A cpio archive with more or longer entries than is reasonable.</summary>
    public static readonly DiagnosticDescriptor CpioLimit = new("ARC011", Severity.Error, FaultKind.Guest,
        "A cpio archive is beyond all reason", "Look at the archive in the guest with cpio -it before going on.");

    /// <summary>An entry that cannot be written to a cpio archive.</summary>
    public static readonly DiagnosticDescriptor CpioEntry = new("ARC012", Severity.Error, FaultKind.Guest,
        "A file does not fit into a cpio archive", "Names are relative, without \"..\", of at most 4095 bytes; a file has less than 4 GiB.");

    /// <summary>Bytes in an initramfs that are neither padding nor an archive.</summary>
    public static readonly DiagnosticDescriptor BadInitramfs = new("ARC013", Severity.Warning, FaultKind.Guest,
        "An initramfs holds something unknown", "The kernel will stop there too (\"Initramfs unpacking failed\"): check that the guest boots with it, rebuild it in the guest if not.");
}
