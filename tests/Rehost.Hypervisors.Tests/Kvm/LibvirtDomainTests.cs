using System.Text;
using System.Xml.Linq;
using Rehost.Hypervisors.Kvm;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Kvm;

public sealed class LibvirtDomainTests
{
    internal static readonly VirtualMachine Machine = new()
    {
        Name = "web01",
        Description = "Shop <& mail>\nsecond line",
        Hypervisor = Hypervisor.Kvm,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Bios,
        MemoryBytes = 768L << 20,
        VirtualCpus = 2,
        Disks =
        [
            new VirtualDisk { Id = "vda", DeviceName = "vda", Format = "qcow2", Path = "/srv/rehost/web01 'a' & b.qcow2", IsBootable = true },
            new VirtualDisk { Id = "vdb", DeviceName = "vdb", Format = "raw", Path = "/srv/rehost/web01-swap.raw", IsReadOnly = true },
        ],
        NetworkAdapters =
        [
            new NetworkAdapter { MacAddress = "00:16:3e:11:22:33", Network = "xenbr0", Model = "virtio" },
            new NetworkAdapter { MacAddress = "00:16:3e:11:22:34", Model = "virtio" },
        ],
    };

    private static string Write(VirtualMachine machine, LibvirtDomainOptions? options = null) => LibvirtDomainWriter.Write(machine, options ?? new LibvirtDomainOptions());

    [Fact]
    public void What_was_written_is_read_back()
    {
        var xml = Write(Machine);
        var domain = LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(xml), "web01.xml");
        Assert.Equal(("kvm", "q35", "x86_64", true), (domain.DomainType, domain.MachineType, domain.Architecture, domain.IsQ35));
        var expected = Machine with { Uuid = LibvirtDomainWriter.IdentityOf(Machine, new LibvirtDomainOptions()) };
        Assert.Equal(expected with { Disks = [], NetworkAdapters = [] }, domain.Machine with { Disks = [], NetworkAdapters = [] });
        Assert.Equal(expected.Disks, domain.Machine.Disks);
        Assert.Equal([expected.NetworkAdapters[0], expected.NetworkAdapters[1] with { Network = "network:default" }], domain.Machine.NetworkAdapters);
        Assert.Equal(xml, Write(Machine));
    }

    [Fact]
    public void Consoles_listen_on_this_machine_only()
    {
        // S1.35: the howto's VNC on 0.0.0.0 without a password is what must not come back.
        var graphics = XElement.Parse(Write(Machine)).Descendants("graphics").Single();
        Assert.Equal("127.0.0.1", (string?)graphics.Attribute("listen"));
        Assert.Equal("127.0.0.1", (string?)graphics.Element("listen")?.Attribute("address"));
    }

    [Fact]
    public void The_disk_that_boots_is_first_in_the_boot_order() // S1.34
    {
        Assert.Equal("hd", (string?)XElement.Parse(Write(Machine)).Element("os")?.Element("boot")?.Attribute("dev"));
        var other = XElement.Parse(Write(Machine with { Disks = [.. Machine.Disks.Select(disk => disk with { IsBootable = disk.Id == "vdb" })] }));
        Assert.Empty(other.Element("os")?.Elements("boot") ?? []);
        Assert.Equal([null, "1"], other.Descendants("disk").Select(disk => (string?)disk.Element("boot")?.Attribute("order")));
    }

    [Fact]
    public void Networks_are_mapped()
    {
        var options = new LibvirtDomainOptions { NetworkMap = LibvirtDomainOptionsMap("xenbr0", "network:lan"), DefaultNetwork = "br9" };
        var sources = XElement.Parse(Write(Machine, options)).Descendants("interface").Select(i => (string?)i.Attribute("type") + " " + i.Element("source")!.FirstAttribute!.Value);
        Assert.Equal(["network lan", "bridge br9"], sources);
        var longName = Machine with { NetworkAdapters = [new NetworkAdapter { Network = "Pool-wide network associated with eth0" }] };
        var adapter = XElement.Parse(Write(longName)).Descendants("interface").Single();
        Assert.Equal("network", (string?)adapter.Attribute("type"));
        Assert.StartsWith("52:54:00:", (string?)adapter.Element("mac")!.Attribute("address"), StringComparison.Ordinal);

        static System.Collections.Immutable.ImmutableDictionary<string, string> LibvirtDomainOptionsMap(string from, string to) =>
            System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add(from, to);
    }

    [Theory]
    [InlineData("a/b", "a_b")]
    [InlineData("..\u0007x\n\u202e", "_x__")]
    [InlineData("", "unnamed")]
    [InlineData("größe", "größe")]
    [InlineData("-x", "x")]
    public void Names_are_made_safe(string name, string safe) => Assert.Equal(safe, LibvirtDomainWriter.SafeName(name));

    [Fact]
    public void Identities_are_derived_and_stable()
    {
        var options = new LibvirtDomainOptions { IdentitySeed = "one" };
        Assert.Equal(LibvirtDomainWriter.IdentityOf(Machine, options), LibvirtDomainWriter.IdentityOf(Machine, options));
        Assert.NotEqual(LibvirtDomainWriter.IdentityOf(Machine, options), LibvirtDomainWriter.IdentityOf(Machine, options with { IdentitySeed = "two" }));
        Assert.Equal('8', LibvirtDomainWriter.IdentityOf(Machine, options).ToString()[14]);
    }

    public static TheoryData<string> Variants() => new("q35", "pc", "uefi", "second", "osinfo");

    private static string Variant(string name) => name switch
    {
        "pc" => Write(Machine, new LibvirtDomainOptions { MachineType = LibvirtMachineType.Pc, DomainType = LibvirtDomainType.Qemu }),
        "uefi" => Write(Machine with { Firmware = Firmware.Uefi }, new LibvirtDomainOptions { DomainType = LibvirtDomainType.Qemu }),
        "second" => Write(Machine with { Disks = [Machine.Disks[0] with { IsBootable = false }, Machine.Disks[1] with { IsBootable = true, Path = "/dev/vg0/x" }] }),
        "osinfo" => Write(Machine, new LibvirtDomainOptions { OsInfoId = "http://debian.org/debian/12" }),
        _ => Write(Machine),
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void The_schema_of_libvirt_accepts_it(string variant) // S1.2
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["d.xml"], Variant(variant));
        var result = Tool.Run("virt-xml-validate", scratch["d.xml"], "domain");
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }

    [Fact]
    public void Relative_paths_are_taken_from_the_directory_of_the_description()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["d.xml"], Write(Machine with { Disks = [Machine.Disks[0] with { Path = "x.qcow2" }] }));
        Assert.Equal(scratch["x.qcow2"], LibvirtDomainReader.Open(scratch["d.xml"]).Machine.Disks[0].Path);
        Assert.Contains($"file=\"{scratch["x.qcow2"]}\"", Write(Machine with { Disks = [Machine.Disks[0] with { Path = "x.qcow2" }] }, new LibvirtDomainOptions { DiskDirectory = scratch.Path }), StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_a_xen_domain()
    {
        const string xml = """
            <domain type='xen' id='3'><name>old</name><memory>262144</memory><vcpu>1</vcpu><bootloader>/usr/bin/pygrub</bootloader><os><type>linux</type></os>
            <devices><disk type='block' device='disk'><driver name='phy'/><source dev='/dev/vg0/old'/><target dev='xvda1' bus='xen'/></disk>
            <disk type='file' device='cdrom'><target dev='hdc'/></disk>
            <interface type='bridge'><mac address='00:16:3E:00:00:01'/><source bridge='br0'/></interface></devices></domain>
            """;
        var machine = LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(xml), "t").Machine;
        Assert.Equal((Hypervisor.Xen, VirtualizationMode.Paravirtual, Firmware.None, 256L << 20), (machine.Hypervisor, machine.Mode, machine.Firmware, machine.MemoryBytes));
        Assert.Equal(("xvda1", "/dev/vg0/old", "raw"), (machine.Disks.Single().DeviceName, machine.Disks[0].Path, machine.Disks[0].Format));
        Assert.Equal("00:16:3e:00:00:01", machine.NetworkAdapters[0].MacAddress);
    }

    [Theory]
    [InlineData("", "LVX001")]
    [InlineData("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>", "LVX001")]
    [InlineData("<network/>", "LVX002")]
    [InlineData("<domain/>", "LVX003")]
    [InlineData("<domain><name>a</name><memory unit='stones'>5</memory></domain>", "LVX003")]
    [InlineData("<domain><name>a</name><memory>99999999999999999</memory></domain>", "LVX003")]
    public void Refusals(string xml, string id) =>
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(xml), "t")).Diagnostic.Id);

    [Fact]
    public void Damaged_descriptions_end_in_a_diagnostic()
    {
        Fuzz.Run(3000, [Write(Machine)], "<>/&\"'0", text => LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(text), "t", "/srv"));
        var deep = string.Concat(Enumerable.Repeat("<a>", 100_000));
        Assert.Equal("LVX004", Assert.Throws<DiagnosticException>(() => LibvirtDomainReader.Read(Encoding.UTF8.GetBytes(deep), "t")).Diagnostic.Id);
    }
}
