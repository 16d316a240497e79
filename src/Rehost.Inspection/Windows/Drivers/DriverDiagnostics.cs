using Rehost.Model;

namespace Rehost.Inspection.Windows.Drivers;

/// <summary>Findings about driver packages.</summary>
public static class DriverDiagnostics
{
    /// <summary>An .inf that is none.</summary>
    public static readonly DiagnosticDescriptor BadInf = new("DRV001", Severity.Error, FaultKind.Environment,
        "A setup information file cannot be read", "Take the driver package from its maker again (virtio-win: the ISO or RPM of the Fedora project); a guest's own file does no harm.");

    /// <summary>Nothing supplied is a driver.</summary>
    public static readonly DiagnosticDescriptor NoDrivers = new("DRV002", Severity.Error, FaultKind.Environment,
        "What was given holds no drivers", "Give the virtio-win ISO, the directory that it was unpacked to, or the tree of its RPM (/usr/share/virtio-win); .inf files must be in it.");

    /// <summary>A driver source that is too large.</summary>
    public static readonly DiagnosticDescriptor TooMuch = new("DRV003", Severity.Error, FaultKind.Environment,
        "What was given as drivers is too much to be a driver collection", "Give the directory of the drivers itself, not one with other files in it.");
}
