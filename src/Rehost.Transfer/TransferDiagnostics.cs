using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Findings of copying and of proving what was copied.</summary>
public static class TransferDiagnostics
{
    /// <summary>A manifest is damaged.</summary>
    public static readonly DiagnosticDescriptor BadManifest = new("TRF001", Severity.Error, FaultKind.Proof,
        "The manifest of block hashes is damaged", "Convert the machine again: without its manifest a target cannot be proved.");

    /// <summary>A manifest of another version.</summary>
    public static readonly DiagnosticDescriptor ManifestVersion = new("TRF002", Severity.Error, FaultKind.Proof,
        "The manifest has another version", "Verify with the version of Rehost that converted the machine.");

    /// <summary>The manifest belongs to other disks.</summary>
    public static readonly DiagnosticDescriptor OtherDisk = new("TRF003", Severity.Error, FaultKind.Proof,
        "The manifest belongs to another disk", "Give the source and the target that the manifest was written with.");

    /// <summary>A replay that does not make what an earlier run made.</summary>
    public static readonly DiagnosticDescriptor OtherRun = new("TRF005", Severity.Error, FaultKind.Target,
        "The conversion cannot be continued", "Remove the file that ends in .partial and its journal, and convert again from the start.");

    /// <summary>A disk that forgot what it said it had written.</summary>
    public static readonly DiagnosticDescriptor Lost = new("TRF006", Severity.Error, FaultKind.Target,
        "The unfinished file is not what was written into it", "Remove the file that ends in .partial and its journal, convert again from the start, and do not trust the disk below: it says that data is durable before it is.");
}
