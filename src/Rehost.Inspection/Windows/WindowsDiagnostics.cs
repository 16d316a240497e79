using Rehost.Model;

namespace Rehost.Inspection.Windows;

/// <summary>Findings of looking into a Windows guest.</summary>
public static class WindowsDiagnostics
{
    /// <summary>BitLocker on the system volume or another.</summary>
    public static readonly DiagnosticDescriptor BitLocker = new("WIN001", Severity.Error, FaultKind.Guest,
        "A volume is encrypted by BitLocker", "Start the guest where it runs now, run `manage-bde -off C:` (and for each other volume), wait until `manage-bde -status` says Fully Decrypted, shut down fully (shutdown /s /t 0) and export it again. Suspending protection is not enough.");

    /// <summary>Hibernated, or shut down by fast startup.</summary>
    public static readonly DiagnosticDescriptor Hibernated = new("WIN002", Severity.Error, FaultKind.Guest,
        "Windows is hibernated or was shut down by fast startup", "Start the guest where it runs now, run `powercfg /h off` as administrator, shut it down fully (shutdown /s /t 0) and export it again.");

    /// <summary>A hive of logs not complete.</summary>
    public static readonly DiagnosticDescriptor HiveReplayed = new("WIN003", Severity.Information, FaultKind.Guest,
        "A registry hive was completed from its logs", "Nothing: Windows does the same at its next start. A full shutdown before the export leaves complete hives.");

    /// <summary>A hive that cannot be read.</summary>
    public static readonly DiagnosticDescriptor HiveUnreadable = new("WIN004", Severity.Error, FaultKind.Guest,
        "A registry hive that the conversion needs cannot be read", "Start the guest where it runs now and shut it down fully; if it does not start, restore the hive from \\Windows\\System32\\config\\RegBack or a backup.");

    /// <summary>Updates wait for a restart.</summary>
    public static readonly DiagnosticDescriptor PendingUpdates = new("WIN005", Severity.Warning, FaultKind.Guest,
        "An update or driver installation waits for a restart", "Restart the guest where it runs now until nothing is pending, then shut it down and export it again: an update that goes on at the first start on other hardware may roll back.");

    /// <summary>Fast startup is on though the guest was shut down fully.</summary>
    public static readonly DiagnosticDescriptor FastStartup = new("WIN006", Severity.Information, FaultKind.Guest,
        "Fast startup is switched on", "This export was shut down fully, so nothing is lost. Switch it off (powercfg /h off): the next export may not be as lucky.");

    /// <summary>A store that cannot be read.</summary>
    public static readonly DiagnosticDescriptor BootStoreUnreadable = new("WIN007", Severity.Warning, FaultKind.Guest,
        "A boot configuration store cannot be read", "Boot the guest's installation medium once on the target and run `bootrec /rebuildbcd` when it does not start; or repair the store where it runs now.");

    /// <summary>No boot store.</summary>
    public static readonly DiagnosticDescriptor NoBootStore = new("WIN008", Severity.Warning, FaultKind.Guest,
        "No boot configuration was found for Windows", "Check that all disks were given, the one that the machine starts from included (System Reserved or the EFI system partition may be on another).");

    /// <summary>The activation may be lost.</summary>
    public static readonly DiagnosticDescriptor Activation = new("WIN009", Severity.Information, FaultKind.Guest,
        "Windows may ask to be activated again on its new hardware", "Have the product key or the KMS server at hand; OEM licences are bound to the old hardware.");

    /// <summary>No version in the registry.</summary>
    public static readonly DiagnosticDescriptor NoVersion = new("WIN010", Severity.Error, FaultKind.Guest,
        "The registry does not say which version of Windows this is", "Check that the SOFTWARE hive is complete: start the guest where it runs now, shut it down fully and export it again.");
}
