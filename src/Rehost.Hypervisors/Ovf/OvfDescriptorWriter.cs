using System.Globalization;
using System.Text;
using System.Xml;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// Writes an OVF 1.1 descriptor (DMTF DSP0243 1.1) as ESXi, vCenter, Workstation and VirtualBox import it. Elements of a device are in alphabetical
/// order, as the schema of CIM_ResourceAllocationSettingData has them.
/// </summary>
internal sealed class OvfDescriptorWriter
{
    /// <summary>A SCSI controller has sixteen addresses, one of which is its own; a machine has four controllers.</summary>
    public const int DiskLimit = DisksPerController * 4;

    private const int DisksPerController = 15;
    private const int OwnAddress = 7;
    private const string Ovf = "http://schemas.dmtf.org/ovf/envelope/1";
    private const string Rasd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
    private const string Vssd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";
    private const string Vmw = "http://www.vmware.com/schema/ovf";
    private const string Xsi = "http://www.w3.org/2001/XMLSchema-instance";

    private readonly XmlWriter _xml;
    private readonly VirtualMachine _machine;
    private readonly IReadOnlyList<OvfWrittenDisk> _disks;
    private readonly OvfWriterOptions _options;
    private int _instance;

    private OvfDescriptorWriter(XmlWriter xml, VirtualMachine machine, IReadOnlyList<OvfWrittenDisk> disks, OvfWriterOptions options)
    {
        _xml = xml;
        _machine = machine;
        _disks = disks;
        _options = options;
    }

    /// <summary>Describes a machine.</summary>
    public static byte[] Write(VirtualMachine machine, IReadOnlyList<OvfWrittenDisk> disks, OvfWriterOptions options)
    {
        using var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, new XmlWriterSettings { Encoding = new UTF8Encoding(false), Indent = true, NewLineChars = "\n" }))
        {
            new OvfDescriptorWriter(xml, machine, disks, options).WriteEnvelope();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>A name that any file system and URI takes.</summary>
    public static string FileStemOf(string name)
    {
        var stem = string.Concat(name.Take(60).Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '_')).TrimStart('.');
        return stem.Length == 0 ? "machine" : stem;
    }

    private void WriteEnvelope()
    {
        _xml.WriteStartDocument();
        _xml.WriteStartElement("", "Envelope", Ovf);
        foreach (var (prefix, name) in new[] { ("ovf", Ovf), ("rasd", Rasd), ("vmw", Vmw), ("vssd", Vssd), ("xsi", Xsi) })
        {
            _xml.WriteAttributeString("xmlns", prefix, null, name);
        }

        Attribute("version", "1.0"); // of the schema, which 1.1 did not change
        Element("References", () =>
        {
            for (var i = 0; i < _disks.Count; i++)
            {
                var (number, disk) = (i + 1, _disks[i]);
                Element("File", () =>
                {
                    Attribute("href", disk.FileName);
                    Attribute("id", $"file{number}");
                    Attribute("size", disk.FileLength);
                });
            }
        });
        Section("DiskSection", "Virtual disk information", () =>
        {
            for (var i = 0; i < _disks.Count; i++)
            {
                var (number, disk) = (i + 1, _disks[i]);
                Element("Disk", () =>
                {
                    Attribute("capacity", disk.Capacity);
                    Attribute("capacityAllocationUnits", "byte");
                    Attribute("diskId", $"vmdisk{number}");
                    Attribute("fileRef", $"file{number}");
                    Attribute("format", FormatUri());
                });
            }
        });
        var networks = _machine.NetworkAdapters.Select(NetworkOf).Distinct(StringComparer.Ordinal).ToArray();
        Section("NetworkSection", "The list of logical networks", () =>
        {
            foreach (var network in networks)
            {
                Element("Network", () =>
                {
                    Attribute("name", network);
                    Text("Description", $"The {network} network");
                });
            }
        });
        WriteSystem();
        _xml.WriteEndElement();
        _xml.WriteEndDocument();
    }

    private void WriteSystem() => Element("VirtualSystem", () =>
    {
        var id = FileStemOf(_machine.Name);
        Attribute("id", id);
        Text("Info", "A virtual machine");
        Text("Name", Clean(_machine.Name));
        Element("OperatingSystemSection", () =>
        {
            Attribute("id", 102); // CIM_OperatingSystem.OSType: other, 64 bits
            _xml.WriteAttributeString("osType", Vmw, _options.OperatingSystem ?? "otherGuest64");
            Text("Info", "The kind of installed guest operating system");
        });
        Section("VirtualHardwareSection", "Virtual hardware requirements", () =>
        {
            Element("System", () =>
            {
                _xml.WriteElementString("ElementName", Vssd, "Virtual Hardware Family");
                _xml.WriteElementString("InstanceID", Vssd, "0");
                _xml.WriteElementString("VirtualSystemIdentifier", Vssd, id);
                _xml.WriteElementString("VirtualSystemType", Vssd, string.Create(CultureInfo.InvariantCulture, $"vmx-{_options.HardwareVersion:D2}"));
            });
            WriteHardware();
            Setting("firmware", _machine.Firmware == Firmware.Uefi ? "efi" : "bios");
            if (_machine is { Firmware: Firmware.Uefi, HasSecureBoot: true })
            {
                Setting("bootOptions.efiSecureBootEnabled", "true");
            }
        });
        if (_machine.Description is { Length: > 0 } description)
        {
            Section("AnnotationSection", "A human-readable annotation", () => Text("Annotation", Clean(description)));
        }
    });

    private void Setting(string key, string value)
    {
        _xml.WriteStartElement("Config", Vmw);
        Attribute("required", "false");
        _xml.WriteAttributeString("key", Vmw, key);
        _xml.WriteAttributeString("value", Vmw, value);
        _xml.WriteEndElement();
    }

    private void WriteHardware()
    {
        Item(("AllocationUnits", "hertz * 10^6"), ("Description", "Number of Virtual CPUs"), ("ElementName", $"{_machine.VirtualCpus} virtual CPU(s)"), ("ResourceType", "3"),
            ("VirtualQuantity", Number(_machine.VirtualCpus)));
        var memory = Math.Max(1, (_machine.MemoryBytes + (1 << 20) - 1) >> 20);
        Item(("AllocationUnits", "byte * 2^20"), ("Description", "Memory Size"), ("ElementName", $"{memory}MB of memory"), ("ResourceType", "4"), ("VirtualQuantity", Number(memory)));
        var controllers = new List<int>();
        var isSata = _options.DiskController == "ahci";
        for (var i = 0; i < (_disks.Count + DisksPerController - 1) / DisksPerController; i++)
        {
            controllers.Add(isSata
                ? Item(("Address", Number(i)), ("Description", "SATA Controller"), ("ElementName", $"SATA Controller {i}"), ("ResourceSubType", "vmware.sata.ahci"), ("ResourceType", "20"))
                : Item(("Address", Number(i)), ("Description", "SCSI Controller"), ("ElementName", $"SCSI Controller {i}"), ("ResourceSubType", _options.DiskController), ("ResourceType", "6")));
        }

        for (var i = 0; i < _disks.Count; i++)
        {
            var unit = i % DisksPerController;
            Item(("AddressOnParent", Number(isSata || unit < OwnAddress ? unit : unit + 1)), ("ElementName", $"Hard Disk {i + 1}"), ("HostResource", $"ovf:/disk/vmdisk{i + 1}"),
                ("Parent", Number(controllers[i / DisksPerController])), ("ResourceType", "17"));
        }

        for (var i = 0; i < _machine.NetworkAdapters.Length; i++)
        {
            var adapter = _machine.NetworkAdapters[i];
            (string, string)[] address = adapter.MacAddress is { } mac ? [("Address", mac)] : [];
            Item([.. address, ("AddressOnParent", Number(OwnAddress + i)), ("AutomaticAllocation", "true"), ("Connection", NetworkOf(adapter)), ("Description", $"{ModelOf(adapter)} ethernet adapter"),
                ("ElementName", $"Ethernet {i + 1}"), ("ResourceSubType", ModelOf(adapter)), ("ResourceType", "10")]);
        }
    }

    /// <summary>A device; InstanceID is put in at its place.</summary>
    private int Item(params (string Name, string Value)[] fields)
    {
        var id = ++_instance;
        Element("Item", () =>
        {
            foreach (var (name, value) in fields.Append(("InstanceID", Number(id))).OrderBy(field => field.Item1, StringComparer.Ordinal))
            {
                _xml.WriteElementString(name, Rasd, value);
            }
        });
        return id;
    }

    private string ModelOf(NetworkAdapter adapter) => adapter.Model?.ToLowerInvariant() switch
    {
        "vmxnet3" => "VmxNet3",
        "e1000e" => "E1000e",
        "e1000" => "E1000",
        _ => _options.NetworkModel,
    };

    private static string NetworkOf(NetworkAdapter adapter) => adapter.Network is { Length: > 0 } network ? Clean(network) : "VM Network";

    private string FormatUri() => _options.DiskFormat switch
    {
        "vmdk" => "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized",
        "vhd" => "http://technet.microsoft.com/en-us/virtualserver/bb676673.aspx#vhd",
        "qcow2" => "http://www.gnome.org/~markmc/qcow-image-format.html",
        "raw" => "http://en.wikipedia.org/wiki/Byte",
        var other => throw OvfDiagnostics.CannotWrite.ToException($"disks of the format '{other}' have no name in OVF; vmdk, vhd, qcow2 and raw have"),
    };

    private void Section(string name, string info, Action content) => Element(name, () =>
    {
        Text("Info", info);
        content();
    });

    private void Element(string name, Action content)
    {
        _xml.WriteStartElement("", name, Ovf); // the prefix is for attributes: readers of little patience look for bare names
        content();
        _xml.WriteEndElement();
    }

    private void Text(string name, string value) => _xml.WriteElementString("", name, Ovf, value);

    private void Attribute(string name, string value) => _xml.WriteAttributeString("ovf", name, Ovf, value);

    private void Attribute(string name, long value) => Attribute(name, Number(value));

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>XML 1.0 has no way to say most control characters.</summary>
    private static string Clean(string text)
        => string.Concat(text.EnumerateRunes().Select(rune => rune.Value is 0x9 or 0xa or 0xd or (>= 0x20 and not (0xfffe or 0xffff)) ? rune.ToString() : "?"));
}
