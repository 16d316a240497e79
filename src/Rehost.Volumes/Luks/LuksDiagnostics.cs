using Rehost.Model;

namespace Rehost.Volumes.Luks;

/// <summary>Findings about encrypted volumes.</summary>
public static class LuksDiagnostics
{
    /// <summary>No key was given.</summary>
    public static readonly DiagnosticDescriptor Locked = new("LUK001", Severity.Warning, FaultKind.Guest,
        "A volume is encrypted and no key was given", "Give its passphrase or key file with --key file:PATH or --key prompt. Without it the volume is copied as it is.");

    /// <summary>No key fits.</summary>
    public static readonly DiagnosticDescriptor WrongKey = new("LUK002", Severity.Error, FaultKind.Usage,
        "No key opens an encrypted volume", "Check the passphrase or key file given with --key (cryptsetup open --test-passphrase tells in the guest); a key may be meant for another volume.");
}
