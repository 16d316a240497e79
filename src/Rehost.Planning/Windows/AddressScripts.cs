using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>Scripts that give static addresses to the adapter with a MAC address, by WMI: from Windows 2000 to today it has the same classes. They wait for the adapter, at most five minutes.</summary>
internal static class AddressScripts
{
    private const int Attempts = 60;

    /// <summary>For Windows 7 and later.</summary>
    public static string PowerShell(IEnumerable<(string Mac, WindowsNetworkAdapter Adapter)> pairs)
    {
        var text = new StringBuilder();
        foreach (var (mac, adapter) in pairs)
        {
            Line(text, $"$adapter = $null; for ($i = 0; $i -lt {Attempts} -and -not $adapter; $i++) {{ if ($i) {{ Start-Sleep 5 }}; $adapter = Get-WmiObject Win32_NetworkAdapterConfiguration -Filter \"MACAddress = '{mac.ToUpperInvariant()}' AND IPEnabled = TRUE\" | Select-Object -First 1 }}");
            Line(text, "if ($adapter) {");
            Line(text, $"  ($adapter.EnableStatic(@({Quoted(Addresses(adapter), '\'')}), @({Quoted(Masks(adapter), '\'')}))).ReturnValue");
            if (!adapter.Gateways.IsEmpty)
            {
                Line(text, $"  ($adapter.SetGateways(@({Quoted(adapter.Gateways, '\'')}))).ReturnValue");
            }

            if (!adapter.NameServers.IsEmpty)
            {
                Line(text, $"  ($adapter.SetDNSServerSearchOrder(@({Quoted(adapter.NameServers, '\'')}))).ReturnValue");
            }

            Line(text, $"}} else {{ \"no adapter {mac} after {Attempts * 5} seconds\" }}");
        }

        return text.ToString();
    }

    /// <summary>For Windows 2000 to 2008, which have no PowerShell by themselves.</summary>
    public static string VisualBasic(IEnumerable<(string Mac, WindowsNetworkAdapter Adapter)> pairs)
    {
        var text = new StringBuilder();
        Line(text, "Set wmi = GetObject(\"winmgmts:\\\\.\\root\\cimv2\")");
        foreach (var (mac, adapter) in pairs)
        {
            Line(text, "found = False");
            Line(text, $"For i = 1 To {Attempts}");
            Line(text, $"  For Each adapter In wmi.ExecQuery(\"SELECT * FROM Win32_NetworkAdapterConfiguration WHERE MACAddress = '{mac.ToUpperInvariant()}' AND IPEnabled = TRUE\")");
            Line(text, $"    WScript.Echo adapter.EnableStatic(Array({Quoted(Addresses(adapter), '"')}), Array({Quoted(Masks(adapter), '"')}))");
            if (!adapter.Gateways.IsEmpty)
            {
                Line(text, $"    WScript.Echo adapter.SetGateways(Array({Quoted(adapter.Gateways, '"')}))");
            }

            if (!adapter.NameServers.IsEmpty)
            {
                Line(text, $"    WScript.Echo adapter.SetDNSServerSearchOrder(Array({Quoted(adapter.NameServers, '"')}))");
            }

            Line(text, "    found = True");
            Line(text, "  Next");
            Line(text, "  If found Then Exit For");
            Line(text, "  WScript.Sleep 5000");
            Line(text, "Next");
        }

        return text.ToString();
    }

    private static IEnumerable<string> Addresses(WindowsNetworkAdapter adapter) => adapter.Addresses.Select(address => address.Split('/')[0]);

    private static IEnumerable<string> Masks(WindowsNetworkAdapter adapter) => adapter.Addresses.Select(address => Mask(int.Parse(address.Split('/')[1], CultureInfo.InvariantCulture)));

    private static string Mask(int length)
    {
        var bits = length == 0 ? 0u : uint.MaxValue << (32 - length);
        return string.Create(CultureInfo.InvariantCulture, $"{bits >> 24}.{(bits >> 16) & 255}.{(bits >> 8) & 255}.{bits & 255}");
    }

    private static string Quoted(IEnumerable<string> texts, char quote) => string.Join(", ", texts.Select(text => $"{quote}{text}{quote}"));

    private static void Line(StringBuilder text, string line) => text.Append(line).Append("\r\n");
}
