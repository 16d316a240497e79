using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Moves a static address to the new adapter's interface where that interface can be known.</summary>
internal sealed class NetworkAddressesStep : WindowsStep
{
    private const string Interfaces = @"Services\Tcpip\Parameters\Interfaces";

    public override string Id => "windows-network-addresses";

    public override string Title => "Static addresses of the network adapter";

    public override string Description =>
        "Windows gives an adapter that it has not seen an interface with a new random id, so that its settings cannot be written before the first start; the task of the first start does that, by the MAC address. One that it has " +
        "seen it knows again: a guest that was on QEMU before has an interface for its adapter, which the machine gets at the same place of the bus, and the address is moved there offline.";

    public override ImmutableArray<string> Requirements => ["S3.15"];

    public override ImmutableArray<string> Reads =>
    [
        @"HKLM\SYSTEM\ControlSet*\Enum\PCI\*\*", @"HKLM\SYSTEM\ControlSet*\Control\Class\" + PredictedAdapter.NetClass + @"\*", @"HKLM\SYSTEM\ControlSet*\" + Interfaces + @"\*",
    ];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (windows.NetworkAdapters.Where(adapter => !adapter.UsesDhcp && !adapter.Addresses.IsEmpty).ToList() is not [var source])
        {
            context.Skip("there is no static address, or there are several adapters that have one");
            return;
        }

        if (PredictedAdapter.Find(context.Facts, windows, registry, context.Target, context.Options) is not { } predicted)
        {
            context.Skip("Windows will give the new adapter an interface with an id that it makes up; the first start moves the address");
            return;
        }

        var reason = $"The guest knows this adapter from an earlier time on QEMU, and has it again at slot {predicted.PciSlot}: its interface gets the address of {source.Name ?? source.InterfaceId}.";
        foreach (var set in windows.ControlSets.Where(set => registry.Exists($@"{set.Key}\{Interfaces}\{predicted.InterfaceId}")))
        {
            var (from, to) = ($@"{set.Key}\{Interfaces}\{source.InterfaceId}", $@"{set.Key}\{Interfaces}\{predicted.InterfaceId}");
            foreach (var name in (string[])["EnableDHCP", "IPAddress", "SubnetMask", "DefaultGateway", "DefaultGatewayMetric", "NameServer", "Domain"])
            {
                if (registry.Value(from, name) is { } data)
                {
                    registry.Set(to, name, data, reason);
                }
            }
        }

        context.Skip(string.Create(CultureInfo.InvariantCulture, $"the interface of the adapter at slot {predicted.PciSlot} has it already"));
    }
}
