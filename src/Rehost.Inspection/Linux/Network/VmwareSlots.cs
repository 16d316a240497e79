using System.Globalization;

namespace Rehost.Inspection.Linux.Network;

/// <summary>
/// Names that systemd makes of VMware's PCI slots: ens192 is slot 192; the fifth adapter lies behind another function of the bridge, which adds 1024 to VMware's number (1184) and
/// shows as ens161. So the order of adapters is ens160, 192, 224, 256, 161, 193 …
/// </summary>
internal static class VmwareSlots
{
    private const int First = 160;
    private const int Step = 32;

    /// <summary>VMware's pciSlotNumber of a name; null for one that comes from elsewhere.</summary>
    public static int? SlotOf(string name)
        => name.StartsWith("ens", StringComparison.Ordinal) && int.TryParse(name.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number < First ? number : ((number - First) % Step * 1024) + number - ((number - First) % Step)
            : null;

    /// <summary>Place among the names of adapters behind VMware's bridges; null for others.</summary>
    public static int? OrderOf(string name) => SlotOf(name) is { } slot && slot >= First ? slot : null;
}
