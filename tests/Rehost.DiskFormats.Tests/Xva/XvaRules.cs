using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace Rehost.DiskFormats.Tests.Xva;

/// <summary>
/// The importer's rules (xen-api: import.ml, stream_vdi.ml, importexport.ml), written from them alone and as strict as they are. Answers the first rule
/// that is broken; null for an archive that a host would take.
/// </summary>
internal static class XvaRules
{
    // Fields that have no default in xapi's data model: an import without one fails.
    private static readonly Dictionary<string, string[]> Mandatory = new(StringComparer.Ordinal)
    {
        ["VM"] = ["uuid", "user_version", "is_a_template", "resident_on", "affinity", "memory_static_max", "memory_dynamic_max", "memory_dynamic_min", "memory_static_min",
            "VCPUs_params", "VCPUs_max", "VCPUs_at_startup", "actions_after_shutdown", "actions_after_reboot", "actions_after_crash", "PV_bootloader", "PV_kernel",
            "PV_ramdisk", "PV_args", "PV_bootloader_args", "PV_legacy_args", "HVM_boot_policy", "HVM_boot_params", "platform", "PCI_bus", "other_config", "domid", "domarch",
            "is_control_domain", "metrics", "guest_metrics", "recommendations", "power_state", "name_label", "parent"],
        ["VBD"] = ["uuid", "VM", "VDI", "userdevice", "bootable", "mode", "type", "storage_lock", "empty", "other_config"],
        ["VDI"] = ["uuid", "SR", "virtual_size", "physical_utilisation", "type", "sharable", "read_only", "other_config", "storage_lock", "managed", "missing"],
        ["VIF"] = ["uuid", "device", "network", "VM", "MAC", "MTU", "other_config"],
        ["network"] = ["uuid", "other_config"],
        ["SR"] = ["uuid", "virtual_allocation", "physical_utilisation", "physical_size", "type", "content_type", "shared", "other_config"],
    };

    public static string? FirstBroken(byte[] archive, out Dictionary<string, byte[]> disks)
    {
        disks = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        List<(string Name, byte[] Data)> members;
        try
        {
            members = [.. Members(archive)];
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }

        if (members.Count == 0 || members[0].Name != "ova.xml")
        {
            return "the first member is not ova.xml";
        }

        Dictionary<string, (string Class, Dictionary<string, XElement> Fields)> objects;
        try
        {
            objects = Objects(XElement.Parse(Encoding.UTF8.GetString(members[0].Data)));
        }
        catch (Exception e) when (e is System.Xml.XmlException or InvalidDataException or NullReferenceException)
        {
            return $"ova.xml: {e.Message}";
        }

        if (BrokenObject(objects) is { } broken)
        {
            return broken;
        }

        var streamed = objects.Values.Where(item => item.Class == "VBD" && item.Fields["type"].Value != "CD").Select(item => item.Fields["VDI"].Value).Distinct()
            .Order(StringComparer.Ordinal).ToArray();
        var next = 1;
        var firstLength = -1;
        foreach (var id in streamed)
        {
            var size = long.Parse(objects[id].Fields["virtual_size"].Value, CultureInfo.InvariantCulture);
            var content = new byte[size];
            long position = 0;
            var last = -1;
            while (position < size)
            {
                if (next + 1 >= members.Count)
                {
                    return $"the archive ends before disk {id} does";
                }

                var (name, data) = members[next];
                var (checkName, check) = members[next + 1];
                next += 2;
                if (!name.StartsWith(id + "/", StringComparison.Ordinal))
                {
                    return $"expected a chunk of {id}, found {name}";
                }

                var digits = name[(id.Length + 1)..];
                if (digits.Length != 8 || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number <= last)
                {
                    return $"{name} has no number that follows {last}";
                }

                var needed = checkName == name + ".xxhash" ? XvaBuilder.Checksum(data, sha1: false) : checkName == name + ".checksum" ? XvaBuilder.Checksum(data, sha1: true) : null;
                if (needed is null || Encoding.ASCII.GetString(check) != needed)
                {
                    return $"{name} is followed by {checkName}, which is not its checksum";
                }

                if (firstLength < 0)
                {
                    firstLength = data.Length;
                }

                if (last < 0 && number != 0)
                {
                    return $"{id} does not start with chunk 0";
                }

                position += (long)(number - last - 1) * firstLength;
                last = number;
                if (position + data.Length > size)
                {
                    return $"{name} goes beyond the end of its disk";
                }

                data.CopyTo(content, position);
                position += data.Length;
            }

            disks[id] = content;
        }

        return next == members.Count ? null : $"nobody reads {members[next].Name}";
    }

    private static string? BrokenObject(Dictionary<string, (string Class, Dictionary<string, XElement> Fields)> objects)
    {
        foreach (var (id, (kind, fields)) in objects)
        {
            if (!Mandatory.TryGetValue(kind, out var mandatory))
            {
                return $"{id} is of the unknown class {kind}";
            }

            if (mandatory.FirstOrDefault(field => !fields.ContainsKey(field)) is { } missing)
            {
                return $"Field {missing} not present in rpc ({id})";
            }

            foreach (var (field, target) in new[] { ("VM", "VM"), ("VDI", "VDI"), ("SR", "SR"), ("network", "network") })
            {
                if (kind is "VBD" or "VDI" or "VIF" && fields.TryGetValue(field, out var reference) && (!objects.TryGetValue(reference.Value, out var found) || found.Class != target))
                {
                    return $"{id}.{field} refers to {reference.Value}";
                }
            }
        }

        foreach (var (_, (_, vm)) in objects.Where(item => item.Value.Class == "VM"))
        {
            long Number(string field) => long.Parse(vm[field].Value, CultureInfo.InvariantCulture);
            if (Number("VCPUs_at_startup") > Number("VCPUs_max") || Number("VCPUs_at_startup") < 1)
            {
                return "VCPUs_at_startup";
            }

            if (!(Number("memory_static_min") <= Number("memory_dynamic_min") && Number("memory_dynamic_min") <= Number("memory_dynamic_max") && Number("memory_dynamic_max") <= Number("memory_static_max")))
            {
                return "memory limits";
            }
        }

        return objects.Values.Count(item => item.Class == "VM") == 1 ? null : "there is not one VM";
    }

    private static Dictionary<string, (string, Dictionary<string, XElement>)> Objects(XElement root)
    {
        var top = Struct(root);
        var version = Struct(top["version"]);
        if (version["export_vsn"].Value != "2" || long.Parse(version["xapi_major"].Value, CultureInfo.InvariantCulture) != 1
            || long.Parse(version["xapi_minor"].Value, CultureInfo.InvariantCulture) > 20 || !version.ContainsKey("product_version"))
        {
            throw new InvalidDataException("IMPORT_INCOMPATIBLE_VERSION");
        }

        return top["objects"].Element("array")!.Element("data")!.Elements("value").Select(Struct)
            .ToDictionary(item => item["id"].Value, item => (item["class"].Value, Struct(item["snapshot"])), StringComparer.Ordinal);
    }

    private static Dictionary<string, XElement> Struct(XElement value)
        => value.Element("struct")!.Elements("member").ToDictionary(member => member.Element("name")!.Value, member => member.Element("value")!, StringComparer.Ordinal);

    private static IEnumerable<(string Name, byte[] Data)> Members(byte[] archive)
    {
        for (var at = 0; ;)
        {
            if (archive.Length - at < 1024)
            {
                throw new InvalidDataException("no two blocks of zeros at the end");
            }

            if (!archive.AsSpan(at, 512).ContainsAnyExcept((byte)0))
            {
                if (archive.AsSpan(at, 1024).ContainsAnyExcept((byte)0))
                {
                    throw new InvalidDataException("one block of zeros at the end");
                }

                yield break;
            }

            var header = archive[at..(at + 512)];
            if (header[156] != '0')
            {
                throw new InvalidDataException($"a member of type {(char)header[156]}");
            }

            if (Encoding.ASCII.GetString(header, 257, 6) != "ustar\0")
            {
                throw new InvalidDataException("no ustar header");
            }

            var sealedHeader = (byte[])header.Clone();
            XvaBuilder.Seal(sealedHeader);
            if (!sealedHeader.SequenceEqual(header))
            {
                throw new InvalidDataException("header checksum");
            }

            if (Encoding.ASCII.GetString(header, 108, 16) != "0000000\00000000\0" || Encoding.ASCII.GetString(header, 136, 12) != "00000000000\0")
            {
                throw new InvalidDataException("an owner or a time is recorded");
            }

            var size = Convert.ToInt32(Encoding.ASCII.GetString(header, 124, 11), 8);
            yield return (Encoding.ASCII.GetString(header, 0, 100).TrimEnd('\0'), archive[(at + 512)..(at + 512 + size)]);
            at += 512 + ((size + 511) / 512 * 512);
        }
    }
}
