using Rehost.Model;
using Rehost.Testing;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Interface names and addresses, for every kind of configuration.</summary>
public sealed class NetworkStepTests
{
    private const string Rules = "/etc/udev/rules.d/70-persistent-net.rules";
    private const string First = "00:50:56:00:00:01";
    private const string Second = "00:50:56:00:00:02";

    private static string Rule(string mac, string name) => $"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", NAME=\"{name}\"\n";

    private static GuestFacts Vmware(ConversionFiles files, params NetworkInterface[] interfaces)
    {
        var facts = DebianPv(files.Files);
        return facts with
        {
            Machine = facts.Machine with { Hypervisor = Hypervisor.Vmware, Mode = VirtualizationMode.Hardware, NetworkAdapters = [new NetworkAdapter { MacAddress = First, Model = "vmxnet3" }, new NetworkAdapter { MacAddress = Second, Model = "vmxnet3" }] },
            NetworkInterfaces = [.. interfaces],
        };
    }

    [Fact]
    [Requirement("S0.36", "S1.26", "S2.18")]
    public void The_plan_has_a_table_of_interfaces_before_and_after()
    {
        var plan = Plan(Vmware(new(), new NetworkInterface("ens192", "/etc/network/interfaces", "static", ["192.0.2.5/24"], First), new NetworkInterface("ens192.7", "/etc/network/interfaces", "dhcp", [], null) { Kind = "vlan", Over = "ens192" }));
        Assert.Equal(["ens192", "ens192.7", "-"], plan.Network.Select(row => row.Name));
        Assert.Equal(($"vmxnet3 {First}", $"virtio {First}", $"address in {Rules}"), (plan.Network[0].Before, plan.Network[0].After, plan.Network[0].HeldBy));
        Assert.Equal("vlan over ens192", plan.Network[1].HeldBy);
        Assert.Equal($"virtio {Second}", plan.Network[2].After);
        Assert.Equal(Rule(First, "ens192"), plan.After(Rules));
    }

    [Fact]
    public void A_file_that_ties_the_name_is_enough()
    {
        var link = Text("/etc/systemd/network/10-lan.link", $"[Match]\nMACAddress={First}\n[Link]\nName=lan0\n");
        var plan = Plan(Vmware(new(link), new NetworkInterface("lan0", "/etc/systemd/network/lan0.network", "dhcp", [], First)));
        Assert.Null(plan.After(Rules));
        Assert.Equal("address in /etc/systemd/network/10-lan.link", plan.Network[0].HeldBy);
    }

    [Fact]
    public void The_same_address_for_another_name_is_not()
    {
        var plan = Plan(Vmware(new(Text(Rules, Rule(First, "eth7"))), new NetworkInterface("ens192", "/x", "dhcp", [], First)));
        Assert.EndsWith(Rule(First, "ens192"), plan.After(Rules), StringComparison.Ordinal);
    }

    [Fact]
    public void Configurations_that_find_the_adapter_by_address_need_nothing()
    {
        var plan = Plan(Vmware(new(), new NetworkInterface(First, "/etc/netplan/50.yaml", "dhcp", [], First) { MatchedBy = "address" }));
        Assert.Null(plan.After(Rules));
        Assert.Equal("/etc/netplan/50.yaml finds the adapter by its address", plan.Network[0].HeldBy);
    }

    [Theory]
    [InlineData("eth*", true)]
    [InlineData("e*", false)]
    [InlineData("en*", false)]
    public void A_pattern_of_the_kernels_names_is_kept_true(string pattern, bool isTied)
    {
        var plan = Plan(Vmware(new(), new NetworkInterface(pattern, "/etc/systemd/network/a.network", "dhcp", [], null) { MatchedBy = pattern }));
        Assert.Equal(isTied ? Rule(First, "eth0") + Rule(Second, "eth1") : null, plan.After(Rules));
    }

    [Fact]
    public void Names_by_place_become_patterns_of_xen_where_the_kernel_names()
    {
        var facts = Vmware(new(), new NetworkInterface("en*", "/etc/systemd/network/a.network", "dhcp", [], null) { MatchedBy = "en*" });
        var xen = Kernel("6.1.0", isDefault: true) with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.BuiltIn, [], true), new KernelDriver("xen_netfront", DriverForm.BuiltIn, [], true)] };
        Assert.Contains("NAME=\"enX1\"", Plan(facts with { Kernels = [xen] }, TargetCapabilities.XenPv).After(Rules), StringComparison.Ordinal);
    }

    [Fact]
    [Requirement("S1.26")]
    public void Without_known_adapters_the_kernels_names_are_kept_by_an_argument()
    {
        var facts = DebianPv(Text("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro\n"));
        facts = facts with { Machine = facts.Machine with { NetworkAdapters = [] }, NetworkInterfaces = [new NetworkInterface("eth0", "/etc/network/interfaces", "dhcp", [], null)] };
        var plan = Plan(facts);
        Assert.Contains(" net.ifnames=0 biosdevname=0 ", plan.After("/boot/grub/grub.cfg"), StringComparison.Ordinal);
        Assert.Equal("net.ifnames=0 in the kernel's arguments", plan.Network[0].HeldBy);
        Assert.DoesNotContain(plan.Findings, finding => finding.Id == "PLN015");
    }

    [Fact]
    public void A_guest_that_has_it_needs_no_rule()
    {
        var facts = DebianPv();
        facts = facts with { BootConfigurations = [facts.BootConfigurations[0] with { Entries = [facts.BootConfigurations[0].Entries[0] with { Arguments = "root=/dev/xvda1 net.ifnames=0" }] }] };
        Assert.Null(Plan(facts).After(Rules));
    }

    [Fact]
    public void An_adapter_without_fixed_address_gets_one_and_the_name_is_tied_to_it() // S0.38
    {
        var facts = DebianPv();
        facts = facts with { Machine = facts.Machine with { NetworkAdapters = [new NetworkAdapter { Network = "xenbr0" }] }, NetworkInterfaces = [facts.NetworkInterfaces[0] with { MacAddress = null }] };
        var plan = Plan(facts);
        var mac = Assert.Single(plan.Target.NetworkAdapters).MacAddress ?? "";
        Assert.StartsWith("52:54:00:", mac, StringComparison.Ordinal);
        Assert.Equal(Rule(mac, "eth0"), plan.After(Rules));
        Assert.Equal(mac, Plan(facts).Target.NetworkAdapters[0].MacAddress);
        Assert.Contains(plan.Findings, finding => finding.Id == "PLN008");
    }

    [Fact]
    [Requirement("S2.18", "S0.50")]
    public void Addresses_that_change_change_in_every_kind_of_file()
    {
        var dashed = First.Replace(':', '-').ToUpperInvariant();
        GuestFile[] files =
        [
            Text(Rules, Rule(First, "eth0")),
            Text("/etc/systemd/network/10-a.link", $"[Match]\nMACAddress={First}\n[Link]\nName=lan0\n"),
            Text("/etc/systemd/network/a.network", $"[Match]\nMACAddress={First}\n[Link]\nMTUBytes=9000\n"),
            Text("/etc/sysconfig/network-scripts/ifcfg-eth0", $"DEVICE=eth0\nHWADDR=\"{First.ToUpperInvariant()}\"\nMACADDR={First}\n"),
            Text("/etc/sysconfig/network/ifcfg-eth-id-" + First, "BOOTPROTO=dhcp\n"),
            Text("/etc/NetworkManager/system-connections/a.nmconnection", $"[ethernet]\nmac-address={dashed}\ncloned-mac-address=stable\n"),
            Text("/etc/netplan/50.yaml", $"network:\n  ethernets:\n    a:\n      match: {{macaddress: \"{First}\"}}\n"),
            Text("/etc/network/interfaces", $"iface eth0 inet dhcp\n  hwaddress ether {First}\n"),
            Text("/etc/iftab", $"eth0 mac {First}\n"),
            Text("/etc/wicked/ifconfig/a.xml", $"<interface>\n  <name namespace=\"ethernet\">\n    <permanent-address>{First}</permanent-address>\n  </name>\n</interface>\n"),
        ];
        var facts = Vmware(new(files), new NetworkInterface("eth0", "/etc/network/interfaces", "dhcp", [], First));
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { IsClone = true });
        var mac = plan.Target.NetworkAdapters[0].MacAddress ?? "";
        Assert.NotEqual(First, mac);
        Assert.All(files.Where(file => !file.Path.Contains("eth-id", StringComparison.Ordinal)), file =>
        {
            var after = plan.After(file.Path) ?? "";
            Assert.True(after.Contains(mac, StringComparison.OrdinalIgnoreCase) || after.Contains(mac.Replace(':', '-'), StringComparison.OrdinalIgnoreCase), file.Path + ": " + after);
        });
        Assert.Contains($"HWADDR=\"{mac}\"", plan.After("/etc/sysconfig/network-scripts/ifcfg-eth0"), StringComparison.Ordinal);
        Assert.Equal("BOOTPROTO=dhcp\n", plan.After("/etc/sysconfig/network/ifcfg-eth-id-" + mac));
        Assert.Contains(plan.Changes, change => change is DeleteFile delete && delete.Path == "/etc/sysconfig/network/ifcfg-eth-id-" + First);
    }

    [Fact]
    public void An_address_of_no_adapter_is_commented_out_or_told_of()
    {
        GuestFile[] files =
        [
            Text("/etc/NetworkManager/system-connections/a.nmconnection", "[connection]\ninterface-name=ens192\n[ethernet]\nmac-address=00:0C:29:11:22:33\n"),
            Text("/etc/netplan/50.yaml", "network:\n  ethernets:\n    a:\n      match:\n        macaddress: 00:0c:29:11:22:33\n"),
        ];
        var plan = Plan(Vmware(new(files), new NetworkInterface("ens192", "/etc/NetworkManager/system-connections/a.nmconnection", "auto", [], "00:0c:29:11:22:33"), new NetworkInterface("ens224", "/x", "auto", [], Second)));
        Assert.Equal("[connection]\ninterface-name=ens192\n[ethernet]\n#mac-address=00:0C:29:11:22:33\n", plan.After(files[0].Path));
        Assert.Null(plan.After(files[1].Path));
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN015", Where: "/etc/netplan/50.yaml" });
        Assert.Contains("NAME=\"ens192\"", plan.After(Rules), StringComparison.Ordinal); // the only adapter that no other interface has
    }

    [Fact]
    public void A_rule_by_slot_is_freed_of_it_when_it_names_the_address_too()
    {
        var plan = Plan(Vmware(new(Text(Rules, $"SUBSYSTEM==\"net\", KERNELS==\"0000:0b:00.0\", ATTR{{address}}==\"{First}\", NAME=\"eth0\"\n")), new NetworkInterface("eth0", "/x", "dhcp", [], First)));
        Assert.Equal($"SUBSYSTEM==\"net\", ATTR{{address}}==\"{First}\", NAME=\"eth0\"\n", plan.After(Rules));
    }

    [Fact]
    public void Firewall_rules_with_a_name_that_cannot_be_kept_are_listed()
    {
        GuestFile[] files =
        [
            Text("/etc/sysconfig/iptables", "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -i eth7 -p tcp --dport 22 -j ACCEPT\n# eth7 is the office\n-A INPUT -i eth70 -j DROP\nCOMMIT\n"),
            Text("/etc/shorewall/interfaces", "net eth7 detect\n"), Text("/etc/firewalld/zones/public.xml", "<zone>\n  <interface name=\"eth7\"/>\n</zone>\n"),
        ];
        var lost = Plan(Vmware(new(files), new NetworkInterface("eth7", "/etc/network/interfaces", "dhcp", [], null), new NetworkInterface("eth8", "/etc/network/interfaces", "dhcp", [], null)));
        var check = Assert.Single(lost.ChecksByHand, check => check.StartsWith("Rules of the firewall", StringComparison.Ordinal));
        Assert.EndsWith("/etc/firewalld/zones/public.xml line 2: <interface name=\"eth7\"/>; /etc/shorewall/interfaces line 1: net eth7 detect; /etc/sysconfig/iptables line 4: -A INPUT -i eth7 -p tcp --dport 22 -j ACCEPT.", check, StringComparison.Ordinal);

        // A name that is kept needs none of it, and no rule is edited.
        var kept = Plan(Vmware(new(files), new NetworkInterface("eth7", "/etc/network/interfaces", "dhcp", [], First)));
        Assert.DoesNotContain(kept.ChecksByHand, one => one.StartsWith("Rules of the firewall", StringComparison.Ordinal));
        Assert.All(files, file => Assert.Null(kept.After(file.Path)));
    }

    /// <summary>Files of a guest, none by default.</summary>
    private sealed record ConversionFiles(params GuestFile[] Files);
}
