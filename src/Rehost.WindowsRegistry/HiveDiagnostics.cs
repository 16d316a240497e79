using Rehost.Model;

namespace Rehost.WindowsRegistry;

/// <summary>Findings in registry hives, their logs, boot configuration stores and .reg files.</summary>
public static class HiveDiagnostics
{
    private const string StartGuest = "Start the guest, which repairs its registry, shut it down fully (shutdown /s /t 0) and export it again.";

    /// <summary>Not a hive.</summary>
    public static readonly DiagnosticDescriptor NotAHive = new("REG001", Severity.Error, FaultKind.Source,
        "The file is not a registry hive, or one of an unknown version", "Name a hive such as Windows/System32/config/SYSTEM; Rehost reads versions 1.3 to 1.6.");

    /// <summary>A hive that ends too early.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("REG002", Severity.Error, FaultKind.Source,
        "A registry hive ends too early", "Check that the file was copied completely; " + StartGuest);

    /// <summary>A bin or a cell that makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadBin = new("REG003", Severity.Error, FaultKind.Source,
        "A bin of a registry hive is damaged", StartGuest);

    /// <summary>A reference to what is no cell in use.</summary>
    public static readonly DiagnosticDescriptor BadCell = new("REG004", Severity.Error, FaultKind.Source,
        "A cell of a registry hive is damaged", StartGuest);

    /// <summary>Changes are pending that no log holds.</summary>
    public static readonly DiagnosticDescriptor PendingChanges = new("REG005", Severity.Error, FaultKind.Guest,
        "A registry hive was not written completely, and no log that completes it is there", "Give the hive's .LOG, .LOG1 and .LOG2 files with it. " + StartGuest);

    /// <summary>No such key or value.</summary>
    public static readonly DiagnosticDescriptor NotFound = new("REG006", Severity.Error, FaultKind.Guest,
        "There is no such key or value in the registry", "List the keys above it (rehost registry ls) and check the spelling; control sets are called ControlSet001 and so on in a hive.");

    /// <summary>A name, value or key that the registry cannot hold.</summary>
    public static readonly DiagnosticDescriptor Unsuitable = new("REG007", Severity.Error, FaultKind.Guest,
        "The registry cannot hold this", "The message says what limit is met: use another name, or a smaller value.");

    /// <summary>A value whose data does not fit its type.</summary>
    public static readonly DiagnosticDescriptor BadValue = new("REG008", Severity.Error, FaultKind.Guest,
        "A registry value does not hold what its type says", "Look at the value in the guest (regedit), and set it again if it is wrong.");

    /// <summary>The tree is not as Windows keeps it.</summary>
    public static readonly DiagnosticDescriptor Inconsistent = new("REG009", Severity.Warning, FaultKind.Source,
        "A registry hive is not as Windows keeps it", StartGuest);

    /// <summary>A .reg file that cannot be understood.</summary>
    public static readonly DiagnosticDescriptor BadRegFile = new("REG010", Severity.Error, FaultKind.Usage,
        "The .reg file cannot be understood", "Write it as regedit exports it: the line 'Windows Registry Editor Version 5.00', then [keys] and \"names\"=values.");

    /// <summary>A boot configuration store without its parts.</summary>
    public static readonly DiagnosticDescriptor BadBootStore = new("REG011", Severity.Error, FaultKind.Source,
        "A boot configuration store is damaged", "Look at it in the guest (bcdedit /enum all /v), repair it (bootrec /rebuildbcd) and export the guest again.");
}
