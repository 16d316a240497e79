using System.Text;

namespace Rehost.Hypervisors.Tests.XenServer;

/// <summary>Writes ova.xml texts from the documented rules of xapi's export, so that the reader is not tested against its own writer.</summary>
internal sealed class OvaXmlBuilder
{
    private readonly StringBuilder _objects = new();

    public string Brand { get; init; } = "XCP-ng";

    public string Version { get; init; } = "8.2.1";

    public static string Flag(bool value) => $"<boolean>{(value ? 1 : 0)}</boolean>";

    public OvaXmlBuilder Add(string type, string id, params (string Name, string Value)[] fields)
    {
        _objects.Append("<value><struct>");
        Member("class", type);
        Member("id", id);
        _objects.Append("<member><name>snapshot</name><value><struct>");
        foreach (var (name, value) in fields)
        {
            _objects.Append("<member><name>").Append(name).Append("</name><value>").Append(value).Append("</value></member>\n");
        }

        _objects.Append("</struct></value></member></struct></value>");
        return this;
    }

    public OvaXmlBuilder Disk(string number, string vm, string userDevice, string size, params (string Name, string Value)[] extra) =>
        Add("VBD", "Ref:9" + number, [("uuid", "b" + number), ("VM", vm), ("VDI", "Ref:" + number), ("userdevice", userDevice), ("mode", "RW"), ("type", "Disk"), ("bootable", Flag(userDevice == "0")), ("empty", Flag(false)), ("device", ""), .. extra])
        .Add("VDI", "Ref:" + number, ("uuid", "d" + number), ("SR", "Ref:2"), ("virtual_size", size), ("type", "user"));

    public OvaXmlBuilder Machine(string id, string name, params (string Name, string Value)[] extra)
    {
        (string Name, string Value)[] usual =
        [
            ("uuid", "0f3b4f9c-8f0b-4c7c-9b61-1f6a3a5c9d01"), ("name_label", name), ("name_description", ""), ("power_state", "Halted"),
            ("is_a_template", Flag(false)), ("is_control_domain", Flag(false)), ("is_a_snapshot", Flag(false)),
            ("memory_static_max", "1073741824"), ("VCPUs_max", "4"), ("VCPUs_at_startup", "2"), ("suspend_VDI", "OpaqueRef:NULL"),
            ("PV_bootloader", "pygrub"), ("PV_kernel", ""), ("PV_ramdisk", ""), ("PV_args", "console=hvc0"), ("HVM_boot_policy", ""), ("HVM_boot_params", "<struct></struct>"),
            ("platform", "<struct><member><name>nx</name><value>true</value></member></struct>"),
            ("VBDs", "<array><data><value>Ref:94</value></data></array>"), ("HVM_shadow_multiplier", "<double>1</double>"),
        ];
        return Add("VM", id, [.. usual.Where(field => extra.All(other => other.Name != field.Name)), .. extra]);
    }

    public string Build()
    {
        var version = string.Concat(new[] { ("hostname", "h"), ("product_version", Version), ("product_brand", Brand), ("xapi_major", "1"), ("xapi_minor", "20"), ("export_vsn", "2") }
            .Select(field => $"<member><name>{field.Item1}</name><value>{field.Item2}</value></member>"));
        return $"<?xml version=\"1.0\"?>\n<value><struct><member><name>version</name><value><struct>{version}</struct></value></member>"
            + $"<member><name>objects</name><value><array><data>{_objects}</data></array></value></member></struct></value>";
    }

    private void Member(string name, string value) => _objects.Append($"<member><name>{name}</name><value>{value}</value></member>");
}
