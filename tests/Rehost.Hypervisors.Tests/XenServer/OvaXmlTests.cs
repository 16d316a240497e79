using System.Text;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Hypervisors.Tests.XenServer;

public sealed class OvaXmlTests
{
    private static XenServerExport Parse(string xml) => OvaXml.Parse(Encoding.UTF8.GetBytes(xml), "guest.xva/ova.xml");

    private static OvaXmlBuilder Ordinary() => new OvaXmlBuilder()
        .Machine("Ref:0", "web &amp; mail")
        .Disk("10", "Ref:0", "1", "2147483648")
        .Disk("4", "Ref:0", "0", "8589934592")
        .Add("VBD", "Ref:95", ("uuid", "c"), ("VM", "Ref:0"), ("VDI", "Ref:7"), ("userdevice", "3"), ("type", "CD"), ("empty", OvaXmlBuilder.Flag(false)))
        .Add("VDI", "Ref:7", ("SR", "Ref:3"), ("virtual_size", "5"))
        .Add("SR", "Ref:2", ("content_type", "user"))
        .Add("SR", "Ref:3", ("content_type", "iso"))
        .Add("VIF", "Ref:21", ("uuid", "v1"), ("device", "1"), ("VM", "Ref:0"), ("MAC", "AA:BB:CC:00:00:02"), ("network", "OpaqueRef:NULL"))
        .Add("VIF", "Ref:20", ("uuid", "v0"), ("device", "0"), ("VM", "Ref:0"), ("MAC", "aa:bb:cc:00:00:01"), ("network", "Ref:30"))
        .Add("network", "Ref:30", ("name_label", "Pool-wide network associated with eth0"), ("bridge", "xenbr0"));

    [Fact]
    public void Reads_a_paravirtual_guest()
    {
        var export = Parse(Ordinary().Build());
        var machine = export.Machine;
        Assert.Equal("web & mail", machine.Name);
        Assert.Equal(VirtualizationMode.Paravirtual, machine.Mode);
        Assert.Equal(Firmware.None, machine.Firmware);
        Assert.Equal(1L << 30, machine.MemoryBytes);
        Assert.Equal(2, machine.VirtualCpus);
        Assert.Equal(new ParavirtualBoot("pygrub", null, null, "console=hvc0"), machine.ParavirtualBoot);
        Assert.Equal([("Ref:4", "xvda", 8589934592L, true), ("Ref:10", "xvdb", 2147483648L, false)],
            machine.Disks.Select(disk => (disk.Id, disk.DeviceName, disk.LengthBytes, disk.IsBootable)));
        Assert.Equal([("aa:bb:cc:00:00:01", "xenbr0"), ("aa:bb:cc:00:00:02", null)], machine.NetworkAdapters.Select(adapter => (adapter.MacAddress!, adapter.Network)));
        Assert.Equal(["Ref:10", "Ref:4"], export.StreamedDisks.Keys);
        Assert.Equal(("XCP-ng 8.2.1", 2), (export.Product, export.ExportVersion));
        Assert.Empty(export.Findings);
    }

    // XenServer 5.x had no domain_type; Citrix Hypervisor 8 has; a BIOS order means HVM.
    [Theory]
    [InlineData("", "", VirtualizationMode.Paravirtual)]
    [InlineData("", "BIOS order", VirtualizationMode.Hardware)]
    [InlineData("unspecified", "BIOS order", VirtualizationMode.Hardware)]
    [InlineData("pv", "BIOS order", VirtualizationMode.Paravirtual)]
    [InlineData("pv_in_pvh", "", VirtualizationMode.Pvh)]
    [InlineData("hvm", "", VirtualizationMode.Hardware)]
    public void Modes_of_every_generation(string domainType, string policy, VirtualizationMode mode)
    {
        var xml = new OvaXmlBuilder { Brand = "XenServer", Version = "5.5.0" }
            .Machine("Ref:0", "a", ("domain_type", domainType), ("HVM_boot_policy", policy))
            .Disk("4", "Ref:0", "0", "1048576");
        Assert.Equal(mode, Parse(xml.Build()).Machine.Mode);
    }

    [Fact]
    public void Uefi_guests_are_known()
    {
        var parameters = "<struct><member><name>order</name><value>cdn</value></member><member><name>firmware</name><value>uefi</value></member></struct>";
        var xml = new OvaXmlBuilder().Machine("Ref:0", "a", ("domain_type", "hvm"), ("HVM_boot_params", parameters)).Disk("4", "Ref:0", "0", "1048576", ("device", "hda"));
        var machine = Parse(xml.Build()).Machine;
        Assert.Equal(Firmware.Uefi, machine.Firmware);
        Assert.Null(machine.ParavirtualBoot);
    }

    [Theory]
    [InlineData("xvda1", "sda1", "sda1")]
    [InlineData("0", "xvda1", "xvda1")]
    [InlineData("2", "", "xvdc")]
    [InlineData("xvdc", "", "xvdc")]
    public void Device_names(string userDevice, string device, string expected)
    {
        var xml = new OvaXmlBuilder().Machine("Ref:0", "a").Disk("4", "Ref:0", userDevice, "1048576", ("device", device));
        Assert.Equal(expected, Parse(xml.Build().Replace("<member><name>device</name><value></value></member>\n", "", StringComparison.Ordinal)).Machine.Disks[0].DeviceName);
    }

    [Fact]
    public void Disks_that_look_like_partitions_keep_their_order()
    {
        var machine = Parse(new OvaXmlBuilder().Machine("Ref:0", "a").Disk("3", "Ref:0", "xvda10", "1").Disk("4", "Ref:0", "xvda2", "1").Disk("5", "Ref:0", "xvda1", "1").Build()).Machine;
        Assert.Equal(["xvda1", "xvda2", "xvda10"], machine.Disks.Select(disk => disk.DeviceName));
    }

    [Fact]
    public void The_machine_is_chosen_before_its_snapshot_and_dom0()
    {
        var xml = new OvaXmlBuilder()
            .Machine("Ref:1", "snapshot of a", ("is_a_snapshot", OvaXmlBuilder.Flag(true)), ("is_a_template", OvaXmlBuilder.Flag(true)))
            .Machine("Ref:2", "Control domain", ("is_control_domain", OvaXmlBuilder.Flag(true)))
            .Machine("Ref:0", "a")
            .Disk("5", "Ref:1", "0", "1048576").Disk("4", "Ref:0", "0", "1048576");
        var export = Parse(xml.Build());
        Assert.Equal("a", export.Machine.Name);
        Assert.Equal(["Ref:4", "Ref:5"], export.StreamedDisks.Keys);
        Assert.Equal("Ref:4", Assert.Single(export.Machine.Disks).Id);
    }

    [Fact]
    public void A_snapshot_or_template_alone_is_taken_and_told()
    {
        foreach (var field in new[] { "is_a_snapshot", "is_a_template" })
        {
            var export = Parse(new OvaXmlBuilder().Machine("Ref:0", "a", (field, OvaXmlBuilder.Flag(true))).Disk("4", "Ref:0", "0", "1048576").Build());
            Assert.Equal("XSO009", Assert.Single(export.Findings).Id);
        }
    }

    public static TheoryData<string, string> Refused() => new()
    {
        { "", "XSO001" },
        { "<value><struct>", "XSO001" },
        { "<!DOCTYPE v [<!ENTITY x \"y\">]><value>&x;</value>", "XSO001" },
        { "<appliance version=\"0.1\"/>", "XSO003" },
        { "<domain/>", "XSO001" },
        { "<value><struct></struct></value>", "XSO004" },
        { string.Concat(Enumerable.Repeat("<value><array><data>", 40)), "XSO002" },
        { Ordinary().Machine("Ref:70", "other").Build(), "XSO005" },
        { new OvaXmlBuilder().Machine("Ref:0", "a", ("power_state", "Suspended")).Disk("4", "Ref:0", "0", "1").Build(), "XSO006" },
        { new OvaXmlBuilder().Machine("Ref:0", "a", ("suspend_VDI", "Ref:77")).Disk("4", "Ref:0", "0", "1").Build(), "XSO006" },
        { new OvaXmlBuilder().Machine("Ref:0", "a").Disk("4", "Ref:0", "0", "much").Build(), "XSO007" },
        { new OvaXmlBuilder().Machine("Ref:0", "a", ("memory_static_max", "-1")).Disk("4", "Ref:0", "0", "1").Build(), "XSO007" },
        { new OvaXmlBuilder().Machine("Ref:0", "a").Disk("4", "Ref:0", "0", "1").Disk("5", "Ref:0", "0", "1").Build(), "XSO007" },
        { new OvaXmlBuilder().Machine("Ref:0", "a").Build(), "XSO008" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Refusals(string xml, string id) => Assert.Equal(id, Assert.Throws<DiagnosticException>(() => Parse(xml)).Diagnostic.Id);

    [Fact]
    public void Damaged_descriptions_end_in_a_diagnostic() =>
        Fuzz.Run(2500, [Ordinary().Build()], "<>/&\"0", text => Parse(text));
}
