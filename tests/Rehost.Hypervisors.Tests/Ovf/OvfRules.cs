using System.Xml.Linq;

namespace Rehost.Hypervisors.Tests.Ovf;

/// <summary>DSP0243's rules for a descriptor, as far as importers insist on them. Answers what is broken.</summary>
internal static class OvfRules
{
    private static readonly XNamespace Ovf = "http://schemas.dmtf.org/ovf/envelope/1";
    private static readonly XNamespace Rasd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
    private static readonly XNamespace Vssd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";

    public static IEnumerable<string> Broken(XDocument document)
    {
        var envelope = document.Root!;
        if (envelope.Name != Ovf + "Envelope")
        {
            yield return "the root is no Envelope";
        }

        // 7: References first, then sections, then the one content.
        var order = envelope.Elements().Select(element => element.Name.LocalName).ToArray();
        if (!order.SequenceEqual(["References", "DiskSection", "NetworkSection", "VirtualSystem"]))
        {
            yield return $"order: {string.Join(", ", order)}";
        }

        foreach (var section in document.Descendants().Where(element => element.Name.Namespace == Ovf && (element.Name.LocalName.EndsWith("Section", StringComparison.Ordinal) || element.Name.LocalName == "VirtualSystem")))
        {
            if (section.Elements().First().Name != Ovf + "Info")
            {
                yield return $"{section.Name.LocalName} does not start with Info";
            }
        }

        var files = document.Descendants(Ovf + "File").Select(file => (string)file.Attribute(Ovf + "id")!).ToArray();
        var disks = document.Descendants(Ovf + "Disk").ToArray();
        foreach (var disk in disks.Where(disk => !files.Contains((string)disk.Attribute(Ovf + "fileRef")!)))
        {
            yield return $"{disk} has no file";
        }

        var networks = document.Descendants(Ovf + "Network").Select(network => (string)network.Attribute(Ovf + "name")!).ToArray();
        var items = document.Descendants(Ovf + "Item").ToArray();
        var ids = items.Select(item => (string)item.Element(Rasd + "InstanceID")!).ToArray();
        if (ids.Distinct().Count() != ids.Length)
        {
            yield return "InstanceID twice";
        }

        var places = new HashSet<(string?, string?)>();
        foreach (var item in items)
        {
            var names = item.Elements().Select(field => field.Name.LocalName).ToArray();
            if (!names.SequenceEqual(names.Order(StringComparer.Ordinal)) || item.Elements().Any(field => field.Name.Namespace != Rasd))
            {
                yield return $"fields out of order: {string.Join(", ", names)}";
            }

            if (new[] { "ElementName", "InstanceID", "ResourceType" }.FirstOrDefault(field => !names.Contains(field)) is { } missing)
            {
                yield return $"an Item has no {missing}";
            }

            if ((string?)item.Element(Rasd + "Parent") is { } parent && !ids.Contains(parent))
            {
                yield return $"no parent {parent}";
            }

            if ((string?)item.Element(Rasd + "ResourceType") == "17")
            {
                var resource = (string?)item.Element(Rasd + "HostResource");
                if (!disks.Any(disk => resource == "ovf:/disk/" + (string?)disk.Attribute(Ovf + "diskId")))
                {
                    yield return $"no disk {resource}";
                }

                if (!places.Add(((string?)item.Element(Rasd + "Parent"), (string?)item.Element(Rasd + "AddressOnParent"))))
                {
                    yield return "two disks at one address";
                }

                if ((string?)item.Element(Rasd + "AddressOnParent") == "7")
                {
                    yield return "a disk at the controller's own address";
                }
            }

            if ((string?)item.Element(Rasd + "ResourceType") == "10" && !networks.Contains((string?)item.Element(Rasd + "Connection")))
            {
                yield return "an adapter on a network that is not declared";
            }
        }

        if (document.Descendants(Vssd + "VirtualSystemType").Count() != 1)
        {
            yield return "no VirtualSystemType";
        }
    }
}
