using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>Cells of the table of interfaces, the same on the terminal and in the report.</summary>
public static class InterfaceText
{
    /// <summary>What the configuration gives an interface: "static 192.0.2.7/24", "dhcp".</summary>
    public static string Addresses(InterfacePlan row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return $"{row.Method} {string.Join(", ", row.Addresses)}".Trim();
    }
}
