using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// The interface that Windows will give the machine's adapter, where that can be known before it starts. Windows makes up a new interface id for an adapter that it has not seen; but one that it has
/// seen it knows again by its device instance: device, parent and place on the bus. So it can be known where the guest has been on QEMU before, with such an adapter on the root bus, which the
/// machine can have at the same place. Nowhere else.
/// </summary>
/// <param name="InterfaceId">Its id, with braces.</param>
/// <param name="PciSlot">Place on the root bus that makes it the same instance.</param>
internal sealed partial record PredictedAdapter(string InterfaceId, int PciSlot)
{
    /// <summary>Class of network adapters.</summary>
    public const string NetClass = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

    // Slots 0 to 2 are the host bridge's, the south bridge's and the screen's.
    private const int FirstSlot = 3;
    private const int LastSlot = 31;

    /// <summary>The interface; null when it cannot be known, or there are several.</summary>
    public static PredictedAdapter? Find(GuestFacts facts, WindowsFacts windows, RegistryView registry, TargetCapabilities target, ConversionOptions options)
    {
        if (target.Hypervisor != Hypervisor.Kvm || facts.Machine.NetworkAdapters.Length != 1 || WindowsMachine.Chipset(facts, windows, target, options) != "pc"
            || windows.ControlSets.FirstOrDefault(set => set.Roles.Contains("current")) is not { } current)
        {
            return null;
        }

        var ids = WindowsAdapter.Choose(windows, target.Hypervisor, options).HardwareIds;
        var found = registry.Subkeys($@"{current.Key}\Enum\PCI").Where(device => device.Contains("1AF4", StringComparison.OrdinalIgnoreCase) && DriverChoice.IsFor($@"PCI\{device}", ids))
            .SelectMany(device => registry.Subkeys($@"{current.Key}\Enum\PCI\{device}").Select(instance => Of(registry, current.Key, device, instance))).OfType<PredictedAdapter>().Take(2).ToList();
        return found is [var only] ? only : null;
    }

    private static PredictedAdapter? Of(RegistryView registry, string set, string device, string instance)
    {
        var place = OnRootBus().Match(instance);
        return place.Success && int.Parse(place.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var address && address % 8 == 0 && address / 8 is >= FirstSlot and <= LastSlot
            && registry.Text($@"{set}\Enum\PCI\{device}\{instance}", "Driver") is { } driver && driver.StartsWith(NetClass + '\\', StringComparison.OrdinalIgnoreCase)
            && registry.Text($@"{set}\Control\Class\{driver}", "NetCfgInstanceId") is { } id && registry.Exists($@"{set}\Services\Tcpip\Parameters\Interfaces\{id}")
            ? new PredictedAdapter(id, address / 8) : null;
    }

    // Level 3 is what hangs on the root bus itself; the last two digits are slot and function.
    [GeneratedRegex("^3&[0-9a-f]{1,8}&[0-9a-f]&([0-9a-f]{2})$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex OnRootBus();
}
