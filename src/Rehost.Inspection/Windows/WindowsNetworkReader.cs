using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Inspection.Windows;

/// <summary>Reads network adapters and their addresses from the current control set.</summary>
internal sealed class WindowsNetworkReader(WindowsHives hives, string controlSet)
{
    private const string NetClass = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

    /// <summary>Adapters that something is configured for.</summary>
    public ImmutableArray<WindowsNetworkAdapter> Read()
    {
        var interfaces = hives.Find($@"{controlSet}\Services\Tcpip\Parameters\Interfaces");
        var drivers = (hives.Find($@"{controlSet}\Control\Class\{NetClass}")?.Subkeys ?? []).Where(key => key.FindValue("NetCfgInstanceId") is not null)
            .GroupBy(key => Text(key, "NetCfgInstanceId") ?? "", StringComparer.OrdinalIgnoreCase).ToDictionary(group => group.Key, group => group.First(), StringComparer.OrdinalIgnoreCase);
        var adapters = ImmutableArray.CreateBuilder<WindowsNetworkAdapter>();
        foreach (var key in interfaces?.Subkeys ?? [])
        {
            var connection = hives.Find($@"{controlSet}\Control\Network\{NetClass}\{key.Name}\Connection");
            var driver = drivers.GetValueOrDefault(key.Name);
            if (connection is null && driver is null && WindowsHives.TextsOf(key.FindValue("IPAddress")).IsEmpty)
            {
                continue;
            }

            adapters.Add(new WindowsNetworkAdapter
            {
                InterfaceId = key.Name,
                Name = connection is null ? null : Text(connection, "Name"),
                Description = driver is null ? null : Text(driver, "DriverDesc"),
                DeviceInstance = connection is null ? null : Text(connection, "PnpInstanceID"),
                UsesDhcp = key.FindValue("EnableDHCP") is not { Kind: RegistryValueKind.Number, Data.Length: 4 } dhcp || dhcp.AsNumber() != 0,
                Addresses = Addresses(key),
                Gateways = [.. WindowsHives.TextsOf(key.FindValue("DefaultGateway")).Where(IsAddress)],
                NameServers = [.. (Text(key, "NameServer") ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Where(IsAddress)],
            });
        }

        return adapters.ToImmutable();
    }

    private static ImmutableArray<string> Addresses(RegistryKey key)
    {
        var masks = WindowsHives.TextsOf(key.FindValue("SubnetMask"));
        return [.. WindowsHives.TextsOf(key.FindValue("IPAddress")).Select((address, index) => (address, Mask: index < masks.Length ? masks[index] : "255.255.255.0"))
            .Where(pair => IsAddress(pair.address) && pair.address != "0.0.0.0").Select(pair => $"{pair.address}/{PrefixLength(pair.Mask)}")];
    }

    private static int PrefixLength(string mask)
        => IPAddress.TryParse(mask, out var parsed) && parsed.AddressFamily == AddressFamily.InterNetwork ? parsed.GetAddressBytes().Sum(one => BitOperations.PopCount(one)) : 24;

    private static bool IsAddress(string text) => IPAddress.TryParse(text, out _);

    private static string? Text(RegistryKey key, string name) => key.FindValue(name) is { Kind: RegistryValueKind.Text or RegistryValueKind.ExpandableText } value ? value.AsText() : null;
}
