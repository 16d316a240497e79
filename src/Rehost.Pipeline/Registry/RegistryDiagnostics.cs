using Rehost.Model;

namespace Rehost.Pipeline.Registry;

/// <summary>Findings of the verbs that look into registries.</summary>
public static class RegistryDiagnostics
{
    /// <summary>A hive that cannot be found.</summary>
    public static readonly DiagnosticDescriptor NoSuchHive = new("RGF001", Severity.Error, FaultKind.Usage,
        "The hive cannot be found", "Give a hive file, or IMAGE:HIVE, where HIVE is SYSTEM, SOFTWARE, SAM, SECURITY, DEFAULT, BCD or a path in the guest; --volume chooses the guest's volume.");

    /// <summary>A value given in words that its type does not allow.</summary>
    public static readonly DiagnosticDescriptor BadInput = new("RGF002", Severity.Error, FaultKind.Usage,
        "The value is not of the type that was given", "Give text as it is, numbers in decimal or with 0x, bytes as hexadecimal digits, several texts one after the other.");
}
