using Rehost.Model;

namespace Rehost.Planning;

/// <summary>Which of the hypervisors' consoles exist on a target. Terminals of the screen (tty0, tty1 …) are everybody's.</summary>
internal static class Consoles
{
    /// <summary>Whether a terminal is another hypervisor's console, which the target does not have: hvc0 and xvc0 away from Xen, serial lines on Xen PV.</summary>
    public static bool IsStale(string terminal, TargetCapabilities target)
        => terminal != target.SerialConsole && (target.IsXenNative
            ? terminal.StartsWith("ttyS", StringComparison.Ordinal) || IsXen(terminal)
            : IsXen(terminal));

    private static bool IsXen(string terminal) => terminal is "hvc0" or "xvc0";
}
