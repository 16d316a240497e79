using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>Findings about OVF packages, in a folder or an OVA.</summary>
public static class OvfDiagnostics
{
    private const string ExportAgain = "Export the machine again, or mend the descriptor with an editor (and delete the .mf, whose checksum of it is wrong then).";

    /// <summary>Not well-formed, with a DTD, or no Envelope.</summary>
    public static readonly DiagnosticDescriptor BadXml = new("OVF001", Severity.Error, FaultKind.Source,
        "An OVF descriptor is damaged", ExportAgain);

    /// <summary>A limit that keeps hostile input harmless was passed.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("OVF002", Severity.Error, FaultKind.Source,
        "An OVF package passes a limit", "No exporter writes such a package: look at it before trusting it; report it if it is sound.");

    /// <summary>An archive without a descriptor.</summary>
    public static readonly DiagnosticDescriptor NoDescriptor = new("OVF003", Severity.Error, FaultKind.Source,
        "The archive has no OVF descriptor", "An OVA is a tar archive with one .ovf in it: check that this is the file that was exported.");

    /// <summary>No machine in it.</summary>
    public static readonly DiagnosticDescriptor NoMachine = new("OVF004", Severity.Error, FaultKind.Source,
        "An OVF package holds no machine", ExportAgain);

    /// <summary>Several machines.</summary>
    public static readonly DiagnosticDescriptor SeveralMachines = new("OVF005", Severity.Error, FaultKind.Source,
        "An OVF package holds several machines", "Export the machines of the vApp one by one.");

    /// <summary>A reference that leads out of the package.</summary>
    public static readonly DiagnosticDescriptor UnsafeReference = new("OVF006", Severity.Error, FaultKind.Source,
        "A file of the package lies elsewhere", "Get the complete package: the files lie beside the descriptor. Nothing is loaded from the network or from other directories.");

    /// <summary>Something the descriptor refers to is not in it.</summary>
    public static readonly DiagnosticDescriptor BadReference = new("OVF007", Severity.Error, FaultKind.Source,
        "An OVF descriptor contradicts itself", ExportAgain);

    /// <summary>A field has an impossible value.</summary>
    public static readonly DiagnosticDescriptor BadField = new("OVF008", Severity.Error, FaultKind.Source,
        "A field of an OVF descriptor has an unusable value", ExportAgain);

    /// <summary>A digest differs.</summary>
    public static readonly DiagnosticDescriptor ManifestMismatch = new("OVF009", Severity.Error, FaultKind.Source,
        "A file does not match the manifest", "The file was damaged or changed after the export: copy the package again. If the change was meant, delete the .mf file.");

    /// <summary>The manifest cannot be read, or names a file that is missing.</summary>
    public static readonly DiagnosticDescriptor BadManifest = new("OVF010", Severity.Error, FaultKind.Source,
        "A manifest cannot be used", "Copy the package again completely; delete the .mf file to go on without it.");

    /// <summary>No manifest, or it leaves files out.</summary>
    public static readonly DiagnosticDescriptor NotInManifest = new("OVF011", Severity.Information, FaultKind.Source,
        "Files without checksums", "Nothing to do: nothing tells whether these files are as they were exported, so compare them with the original when in doubt.");

    /// <summary>A signature that nobody looked at.</summary>
    public static readonly DiagnosticDescriptor SignatureNotVerified = new("OVF012", Severity.Information, FaultKind.Source,
        "A signature was not verified", "Verify it with 'openssl' or 'ovftool --verifyOnly' if you rely on who made the package; Rehost verifies checksums only.");

    /// <summary>A feature that is not supported.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("OVF013", Severity.Error, FaultKind.Source,
        "An OVF package uses something that is not supported", "Export the machine again without it (ovftool or the hypervisor's own export, one full disk per file).");

    /// <summary>Sizes that do not agree.</summary>
    public static readonly DiagnosticDescriptor SizeDiffers = new("OVF014", Severity.Warning, FaultKind.Source,
        "A size differs from what the descriptor says", "The file itself is believed. Check that the package was copied completely if there is no manifest.");

    /// <summary>A disk that no drive uses, or a drive without a disk.</summary>
    public static readonly DiagnosticDescriptor Unattached = new("OVF015", Severity.Warning, FaultKind.Source,
        "A disk or drive was left out", "Look at the hardware of the machine as it was; convert the disk on its own if it is needed.");

    /// <summary>No disk at all.</summary>
    public static readonly DiagnosticDescriptor NoDisk = new("OVF016", Severity.Error, FaultKind.Source,
        "An OVF package has no disk", "Export the machine with its disks; without them there is nothing to convert.");

    /// <summary>Something else than expected was understood in the best way.</summary>
    public static readonly DiagnosticDescriptor Understood = new("OVF017", Severity.Information, FaultKind.Source,
        "A part of the descriptor was interpreted", "Compare the machine that comes out with the original.");

    /// <summary>A package that cannot be written like this.</summary>
    public static readonly DiagnosticDescriptor CannotWrite = new("OVF018", Severity.Error, FaultKind.Target,
        "An OVF package cannot be written", "Choose another name or another target; the message says what stands in the way.");

    /// <summary>Large files are compared with the manifest while they are converted.</summary>
    public static readonly DiagnosticDescriptor ManifestLater = new("OVF019", Severity.Information, FaultKind.Source,
        "The manifest is verified during a conversion", "Nothing to do: a conversion compares every file with its checksum and keeps nothing if one differs; inspecting does not wait for it.");
}
