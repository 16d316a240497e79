using System.Text;
using System.Text.RegularExpressions;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Hypervisors.Tests.XenServer;

/// <summary>What a host demands of an ova.xml: ours obeys for each release and form, and each rule bites when it is broken.</summary>
public sealed class ImportRulesTests
{
    private static readonly VirtualMachine s_machine = new()
    {
        Name = "web01",
        Hypervisor = Hypervisor.XenServer,
        Mode = VirtualizationMode.Paravirtual,
        MemoryBytes = 3L << 28,
        VirtualCpus = 4,
        ParavirtualBoot = new ParavirtualBoot("pygrub", null, null, "console=hvc0"),
        Disks = [new VirtualDisk { Id = "a", DeviceName = "xvda", LengthBytes = 1 << 20, IsBootable = true }],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:01:02:03", Network = "Network 0" }],
    };

    public static TheoryData<VirtualizationMode, Firmware, int> Forms => new()
    {
        { VirtualizationMode.Paravirtual, Firmware.None, 3 },
        { VirtualizationMode.Paravirtual, Firmware.None, 9 },
        { VirtualizationMode.Pvh, Firmware.None, 9 },
        { VirtualizationMode.Hardware, Firmware.Bios, 3 },
        { VirtualizationMode.Hardware, Firmware.Bios, 9 },
        { VirtualizationMode.Hardware, Firmware.Uefi, 9 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void What_we_write_obeys(VirtualizationMode mode, Firmware firmware, int minor)
    {
        var machine = s_machine with { Mode = mode, Firmware = firmware, ParavirtualBoot = mode == VirtualizationMode.Hardware ? null : s_machine.ParavirtualBoot };
        var xml = OvaXmlWriter.Describe(machine, new OvaXmlOptions { XapiMinor = minor, HasUpstreamDeviceModel = minor > 3, HasFirmwareChoice = minor > 3 }).Xml;
        Assert.Empty(ImportRules.Check(xml, "ova.xml"));
        var text = Encoding.UTF8.GetString(xml.Span);
        Assert.Equal(mode == VirtualizationMode.Hardware && minor > 3, text.Contains("qemu-upstream-", StringComparison.Ordinal));
        Assert.Equal(firmware == Firmware.Uefi, text.Contains("<name>firmware</name><value>uefi</value>", StringComparison.Ordinal));
        Assert.Contains("<name>mac_seed</name>", text, StringComparison.Ordinal);
        var read = OvaXml.Parse(xml, "ova.xml").Machine;
        Assert.Equal((mode, "00:16:3e:01:02:03", 3L << 28, 4), (read.Mode, read.NetworkAdapters[0].MacAddress, read.MemoryBytes, read.VirtualCpus));
    }

    [Fact]
    public void Every_field_that_hosts_demand_is_missed()
    {
        var text = Text();
        string[] fields =
        [
            "user_version", "resident_on", "affinity", "VCPUs_params", "actions_after_crash", "PV_bootloader", "PV_legacy_args", "HVM_boot_params", "platform", "domid", "domarch", "metrics", "recommendations", "parent",
            "userdevice", "bootable", "storage_lock", "empty", "virtual_size", "physical_utilisation", "sharable", "managed", "missing", "MAC", "MTU", "content_type", "shared",
        ];
        Assert.All(fields, field => Assert.Contains(Check(text.Replace($"<name>{field}</name>", $"<name>x_{field}</name>", StringComparison.Ordinal)), fault => fault.Message.Contains(field, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("<name>xapi_minor</name><value>9</value>", "<name>xapi_minor</name><value>21</value>", "newer than they are")]
    [InlineData("<name>xapi_major</name>", "<name>xapi</name>", "xapi_major")]
    [InlineData("<name>export_vsn</name><value>2</value>", "<name>export_vsn</name><value>3</value>", "export_vsn")]
    [InlineData("<name>VM</name><value>Ref:0</value>", "<name>VM</name><value>Ref:7</value>", "no VM of the export")]
    [InlineData("<name>SR</name><value>Ref:1</value>", "<name>SR</name><value>Ref:0</value>", "no SR of the export")]
    [InlineData("<name>VDI</name><value>Ref:1000</value>", "<name>VDI</name><value>Ref:1001</value>", "no VDI of the export")]
    [InlineData("<name>network</name><value>Ref:4000</value>", "<name>network</name><value>OpaqueRef:NULL</value>", "no network of the export")]
    [InlineData("<name>VCPUs_at_startup</name><value>4</value>", "<name>VCPUs_at_startup</name><value>5</value>", "VCPUs_at_startup")]
    [InlineData("<name>memory_static_min</name><value>8", "<name>memory_static_min</name><value>9", "memory limits")]
    [InlineData("<name>mode</name><value>RW</value>", "<name>mode</name><value>rw</value>", "the mode 'rw'")]
    [InlineData("<name>id</name><value>Ref:1</value>", "<name>id</name><value>Ref:0</value>", "two objects")]
    [InlineData("<value>VM</value>", "<value>VMM</value>", "no object is of the class VM")]
    [InlineData("<double>1</double>", "<double>0.5</double>", "HVM_shadow_multiplier")]
    public void Every_other_rule_bites(string good, string bad, string told)
    {
        var text = Text();
        Assert.Contains(good, text, StringComparison.Ordinal);
        Assert.Contains(Check(text.Replace(good, bad, StringComparison.Ordinal)), fault => fault.Id == "XSO010" && fault.Message.Contains(told, StringComparison.Ordinal));
    }

    [Fact]
    public void Random_damage_is_told_or_passed_over()
    {
        var random = new Random(7);
        var text = Text();
        for (var round = 0; round < 200; round++)
        {
            var damaged = Regex.Replace(text, "<value>[^<]*</value>", match => random.Next(20) == 0 ? $"<value>{random.Next()}</value>" : match.Value);
            Assert.True(Check(damaged).Count <= 50);
        }
    }

    private static string Text() => Encoding.UTF8.GetString(OvaXmlWriter.Describe(s_machine).Xml.Span);

    private static System.Collections.Generic.IReadOnlyList<Diagnostic> Check(string text) => ImportRules.Check(Encoding.UTF8.GetBytes(text), "ova.xml");
}
