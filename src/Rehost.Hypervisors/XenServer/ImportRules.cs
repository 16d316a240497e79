using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>
/// What a host demands of an ova.xml before it imports it (xen-api: import.ml, importexport.ml and the fields of datamodel*.ml that have no default). Our reader
/// demands much less; this is for what shall go back to a host.
/// </summary>
public static class ImportRules
{
    private const int NewestMinor = 20;

    private static readonly ImmutableSortedDictionary<string, ImmutableArray<string>> Mandatory = ImmutableSortedDictionary.CreateRange(StringComparer.OrdinalIgnoreCase,
    [
        KeyValuePair.Create<string, ImmutableArray<string>>("VM",
        [
            "uuid", "user_version", "is_a_template", "resident_on", "affinity", "memory_static_max", "memory_dynamic_max", "memory_dynamic_min", "memory_static_min", "VCPUs_params",
            "VCPUs_max", "VCPUs_at_startup", "actions_after_shutdown", "actions_after_reboot", "actions_after_crash", "PV_bootloader", "PV_kernel", "PV_ramdisk", "PV_args", "PV_bootloader_args",
            "PV_legacy_args", "HVM_boot_policy", "HVM_boot_params", "platform", "PCI_bus", "other_config", "domid", "domarch", "is_control_domain", "metrics", "guest_metrics", "recommendations",
        ]),
        KeyValuePair.Create<string, ImmutableArray<string>>("VBD", ["uuid", "VM", "VDI", "userdevice", "bootable", "mode", "type", "storage_lock", "empty", "other_config"]),
        KeyValuePair.Create<string, ImmutableArray<string>>("VDI", ["uuid", "SR", "virtual_size", "physical_utilisation", "type", "sharable", "read_only", "other_config", "storage_lock", "managed", "missing"]),
        KeyValuePair.Create<string, ImmutableArray<string>>("VIF", ["uuid", "device", "network", "VM", "MAC", "MTU", "other_config"]),
        KeyValuePair.Create<string, ImmutableArray<string>>("network", ["uuid", "other_config"]),
        KeyValuePair.Create<string, ImmutableArray<string>>("SR", ["uuid", "virtual_allocation", "physical_utilisation", "physical_size", "type", "content_type", "shared", "other_config"]),
    ]);

    private static readonly (string Class, string Field, string Target)[] References = [("VBD", "VM", "VM"), ("VDI", "SR", "SR"), ("VIF", "VM", "VM"), ("VIF", "network", "network")];

    private static readonly string[] MemoryLimits = ["memory_static_min", "memory_dynamic_min", "memory_dynamic_max", "memory_static_max"];

    /// <summary>The rules that a description breaks; none for one that a host imports.</summary>
    /// <param name="xml">The ova.xml.</param>
    /// <param name="where">Its name, for messages.</param>
    /// <exception cref="DiagnosticException">It cannot be read at all (XSO001 to XSO003).</exception>
    public static ImmutableArray<Diagnostic> Check(ReadOnlyMemory<byte> xml, string where)
    {
        var root = XmlRpcReader.Read(xml, where);
        var broken = new List<string>();
        CheckVersion(root["version"], broken);
        var objects = new Dictionary<string, (string Class, XmlRpcValue Fields)>(StringComparer.Ordinal);
        foreach (var item in root.Items("objects"))
        {
            if (item["snapshot"] is not XmlRpcStruct fields || item.Text("id").Length == 0)
            {
                broken.Add("an object has no id or no snapshot");
            }
            else if (!objects.TryAdd(item.Text("id"), (item.Text("class"), fields)))
            {
                broken.Add($"two objects have the id {item.Text("id")}");
            }
        }

        foreach (var (id, (kind, fields)) in objects)
        {
            CheckObject(id, kind, fields, objects, broken);
        }

        if (!objects.Values.Any(item => item.Class.Equals("VM", StringComparison.OrdinalIgnoreCase)))
        {
            broken.Add("no object is of the class VM");
        }

        return [.. broken.Take(50).Select(fault => XenServerDiagnostics.NotImportable.Create(fault, where))];
    }

    private static void CheckVersion(XmlRpcValue? version, List<string> broken)
    {
        var major = Number(version?.Text("xapi_major"));
        var minor = Number(version?.Text("xapi_minor"));
        if (version is null || major is null || minor is null || version.Text("product_version").Length == 0)
        {
            broken.Add("version does not say xapi_major, xapi_minor and product_version");
        }
        else if (major == 1 && minor > NewestMinor)
        {
            broken.Add(string.Create(CultureInfo.InvariantCulture, $"xapi {major}.{minor} never was: hosts refuse what is newer than they are"));
        }

        if (Number(version?.Text("export_vsn")) is null or < 0 or > 2)
        {
            broken.Add("export_vsn is not 0, 1 or 2");
        }
    }

    private static void CheckObject(string id, string kind, XmlRpcValue fields, Dictionary<string, (string Class, XmlRpcValue Fields)> objects, List<string> broken)
    {
        if (!Mandatory.TryGetValue(kind, out var mandatory))
        {
            return; // Hosts pass over classes that they do not import: VM_guest_metrics, GPU_group, …
        }

        broken.AddRange(mandatory.Where(field => fields[field] is null).Select(field => $"{id} ({kind}) has no {field}"));
        foreach (var (_, field, target) in References.Where(reference => reference.Class.Equals(kind, StringComparison.OrdinalIgnoreCase)))
        {
            var reference = fields.Text(field);
            if (fields[field] is not null && (!objects.TryGetValue(reference, out var found) || !found.Class.Equals(target, StringComparison.OrdinalIgnoreCase)))
            {
                broken.Add($"{id}.{field} is {reference}, which is no {target} of the export");
            }
        }

        switch (kind.ToUpperInvariant())
        {
            case "VM" when !fields.Flag("is_control_domain"):
                CheckMachine(id, fields, broken);
                break;
            case "VBD" when fields.Text("type") != "CD" && !fields.Flag("empty") && !(objects.TryGetValue(fields.Text("VDI"), out var disk) && disk.Class.Equals("VDI", StringComparison.OrdinalIgnoreCase)):
                broken.Add($"{id}.VDI is {fields.Text("VDI")}, which is no VDI of the export");
                break;
            case "VBD" when fields.Text("mode") is not ("RW" or "RO") || fields.Text("type") is not ("Disk" or "CD" or "Floppy"):
                broken.Add($"{id} has the mode '{fields.Text("mode")}' and the type '{fields.Text("type")}'");
                break;
            case "VDI" when Number(fields.Text("virtual_size")) is null or < 0:
                broken.Add($"{id}.virtual_size is '{fields.Text("virtual_size")}'");
                break;
        }
    }

    private static void CheckMachine(string id, XmlRpcValue fields, List<string> broken)
    {
        var limits = MemoryLimits.Select(field => Number(fields.Text(field))).ToList();
        if (limits.Contains(null) || limits.Zip(limits.Skip(1)).Any(pair => pair.First > pair.Second))
        {
            broken.Add($"{id}: memory limits are not static_min <= dynamic_min <= dynamic_max <= static_max");
        }

        if (Number(fields.Text("VCPUs_at_startup")) is not { } cpus || Number(fields.Text("VCPUs_max")) is not { } most || cpus < 1 || cpus > most)
        {
            broken.Add($"{id}: VCPUs_at_startup is not from 1 to VCPUs_max");
        }

        if (fields["HVM_shadow_multiplier"] is not null && !(double.TryParse(fields.Text("HVM_shadow_multiplier"), NumberStyles.Float, CultureInfo.InvariantCulture, out var multiplier) && multiplier >= 1))
        {
            broken.Add($"{id}: HVM_shadow_multiplier is below 1");
        }

        if (fields["parent"] is null)
        {
            broken.Add($"{id} has no parent: hosts then reset the memory limits");
        }
    }

    private static long? Number(string? text) => long.TryParse(text?.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
