using System.Collections.Immutable;
using System.Globalization;

namespace Rehost.Hypervisors.Ovf;

/// <summary>One device of a VirtualHardwareSection (CIM_ResourceAllocationSettingData).</summary>
internal sealed class OvfItem(OvfElement element, int index)
{
    // CIM_ResourceAllocationSettingData.ResourceType.
    public const int Cpu = 3;
    public const int Memory = 4;
    public const int IdeController = 5;
    public const int ScsiController = 6;
    public const int Ethernet = 10;
    public const int Floppy = 14;
    public const int Cd = 15;
    public const int Dvd = 16;
    public const int Disk = 17;
    public const int StorageExtent = 19;
    public const int StorageController = 20;

    /// <summary>Place in the document.</summary>
    public int Index => index;

    /// <summary>Its id, by which children name it; OVF 0.9 and oVirt spell it with a small d.</summary>
    public string? InstanceId => element.TextOf("InstanceID") ?? element.TextOf("InstanceId");

    /// <summary>What it is; -1 when that is not said. OVF 2 tells disks and adapters by the element's name as well.</summary>
    public int ResourceType => int.TryParse(element.TextOf("ResourceType"), NumberStyles.None, CultureInfo.InvariantCulture, out var type) ? type
        : element.Name switch { "StorageItem" => Disk, "EthernetPortItem" => Ethernet, _ => -1 };

    /// <summary>Which configuration of several it belongs to; null for all.</summary>
    public string? Configuration => element["configuration"];

    /// <summary>Whether it says a limit (min, max) instead of a device.</summary>
    public bool IsBound => element["bound"] is not (null or "normal");

    /// <summary>What kind of the type: lsilogic, VmxNet3, AHCI.</summary>
    public string? SubType => element.TextOf("ResourceSubType");

    /// <summary>The controller it hangs on.</summary>
    public string? Parent => element.TextOf("Parent");

    /// <summary>What backs it; empty for nothing.</summary>
    public ImmutableArray<string> HostResources => [.. element.All("HostResource").Select(resource => resource.Text.Trim()).Where(text => text.Length > 0)];

    /// <summary>What the user sees.</summary>
    public string Label => element.TextOf("ElementName") ?? element.TextOf("Caption") ?? InstanceId ?? $"item {index}";

    /// <summary>The text of any other element.</summary>
    public string? Text(string name) => element.TextOf(name);

    /// <summary>A number; null when it is missing or none.</summary>
    public long? Number(string name) => long.TryParse(element.TextOf(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
