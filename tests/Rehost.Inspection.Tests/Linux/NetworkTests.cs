using Rehost.Inspection.Linux.Network;
using Rehost.Model;

namespace Rehost.Inspection.Tests.Linux;

public sealed class NetworkTests
{
    private static readonly VirtualMachine Machine = new()
    {
        Name = "m",
        Hypervisor = Hypervisor.Xen,
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:00:00:01" }, new NetworkAdapter { MacAddress = "00:16:3e:00:00:02" }],
    };

    [Fact]
    public void Debian_interfaces_with_includes_and_positions()
    {
        var guest = new MemoryGuest()
            .File("/etc/network/interfaces", """
                source /etc/network/interfaces.d/*
                auto lo
                iface lo inet loopback
                auto eth0
                iface eth0 inet static
                	address 192.0.2.10
                	netmask 255.255.255.0
                	gateway 192.0.2.1
                iface eth0 inet6 static
                	address 2001:db8::1/64
                """)
            .File("/etc/network/interfaces.d/eth1", "allow-hotplug eth1\niface eth1 inet dhcp\n  hwaddress ether 00:16:3E:AA:BB:CC\n");
        var found = NetworkReader.Read(guest.Reader, Machine);

        Assert.Equal(["eth0", "eth1"], found.Select(one => one.Name));
        Assert.Equal(["192.0.2.10/255.255.255.0", "2001:db8::1/64"], found[0].Addresses);
        Assert.Equal(("static", "00:16:3e:00:00:01", "/etc/network/interfaces"), (found[0].Method, found[0].MacAddress, found[0].ConfiguredIn));
        Assert.Equal(("dhcp", "00:16:3e:00:00:02", "/etc/network/interfaces.d/eth1"), (found[1].Method, found[1].MacAddress, found[1].ConfiguredIn));
    }

    [Fact]
    public void Includes_in_a_circle_end()
    {
        var guest = new MemoryGuest().File("/etc/network/interfaces", "source /etc/network/*\nsource interfaces\niface eth0 inet dhcp\n").File("/etc/network/b", "source /etc/network/interfaces\n");
        Assert.Single(NetworkReader.Read(guest.Reader, Machine));
    }

    [Fact]
    public void Red_hat_ifcfg_and_persistent_rules()
    {
        var guest = new MemoryGuest()
            .File("/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n")
            .File("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=\"eth0\"\nBOOTPROTO=none\nHWADDR=00:16:3E:11:22:33\nIPADDR=192.0.2.7\nPREFIX=24\n")
            .File("/etc/sysconfig/network-scripts/ifcfg-eth1", "DEVICE=eth1\nBOOTPROTO='dhcp'\n")
            .File("/etc/sysconfig/network-scripts/ifcfg-eth0.bak", "DEVICE=eth0\n")
            .File("/etc/udev/rules.d/70-persistent-net.rules", "# x\nSUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:16:3e:77:88:99\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth1\"\n");
        var found = NetworkReader.Read(guest.Reader, Machine);

        Assert.Equal(["eth0", "eth1"], found.Select(one => one.Name));
        Assert.Equal(("none", "00:16:3e:11:22:33"), (found[0].Method, found[0].MacAddress));
        Assert.Equal(["192.0.2.7/24"], found[0].Addresses);
        Assert.Equal("00:16:3e:77:88:99", found[1].MacAddress);
    }

    [Fact]
    public void Networkd_network_manager_and_netplan()
    {
        var guest = new MemoryGuest()
            .File("/etc/systemd/network/10-lan.network", "[Match]\nName=enX1\n[Network]\nAddress=192.0.2.9/24\nGateway=192.0.2.1\n")
            .File("/etc/systemd/network/20-mac.network", "[Match]\nMACAddress=00:16:3e:00:00:02\n[Network]\nDHCP=yes\n")
            .File("/etc/NetworkManager/system-connections/wired.nmconnection", "[connection]\nid=wired\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=manual\naddress1=192.0.2.5/24,192.0.2.1\n[wifi-security]\npsk=secret\n")
            .File("/etc/netplan/50.yaml", """
                network:
                  version: 2
                  ethernets:
                    eth0:
                      dhcp4: no
                      addresses:
                        - 192.0.2.20/24
                      nameservers:
                        addresses: [192.0.2.1]
                    id1:
                      match:
                        macaddress: "00:16:3E:00:00:02"
                      set-name: eth1
                      dhcp4: true
                  vlans:
                    vlan5:
                      id: 5
                """);
        var found = NetworkReader.Read(guest.Reader, Machine);

        Assert.Equal(("enX1", "static", "00:16:3e:00:00:02"), (found[0].Name, found[0].Method, found[0].MacAddress));
        Assert.Equal(("address", "dhcp"), (found[1].MatchedBy, found[1].Method));
        Assert.Equal(("eth0", "manual"), (found[2].Name, found[2].Method));
        Assert.Equal(["192.0.2.5/24"], found[2].Addresses);
        Assert.Equal(("eth0", "static"), (found[3].Name, found[3].Method));
        Assert.Equal(["192.0.2.20/24"], found[3].Addresses);
        Assert.Equal(("eth1", "dhcp", "00:16:3e:00:00:02"), (found[4].Name, found[4].Method, found[4].MacAddress));
        Assert.Equal(("vlan5", "vlan"), (found[5].Name, found[5].Kind));
        Assert.Equal(6, found.Length);
    }

    [Fact]
    public void Parsers_take_any_text()
    {
        var random = new Random(7);
        var pieces = new[] { "iface eth0 inet static\n", "address ", "netmask ", "1.2.3.4", "/", "\n", "  ", "ethernets:\n", "    eth0:\n", "- x\n", "[Match]\n", "=", "\"", "'", "\\", "IPADDR=", "NAME=\"", ",", "ATTR{address}==", "[", "]", ":" };
        for (var round = 0; round < 3000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)]));
            _ = InterfacesFile.Parse(text, "f", []).ToList();
            _ = IfcfgFile.Parse(text, "/a/ifcfg-x");
            _ = NetworkFiles.ParseNetworkd(text, "f");
            _ = NetworkFiles.ParseKeyfile(text, "f");
            _ = NetplanFile.Parse(text, "f").ToList();
            _ = PersistentNames.FromRules(text).ToList();
        }
    }

    [Fact]
    public void Netplan_with_matches_bonds_and_vlans()
    {
        var guest = new MemoryGuest().File("/etc/netplan/50-cloud-init.yaml", """
            network:
              version: 2
              ethernets:
                ens3:
                  match:
                    macaddress: "00:16:3e:00:00:01"
                  set-name: "ens3"
                  dhcp4: true
                port1:
                  match: {macaddress: "00:16:3e:00:00:02"}
                all:
                  match:
                    name: "en*"
              bonds:
                bond0:
                  interfaces: [ens3, port1]
                  addresses: ["192.0.2.9/24"]
                  nameservers:
                    addresses: [192.0.2.1]
              vlans:
                bond0.12:
                  id: 12
                  link: bond0
                  addresses:
                  - 198.51.100.9/24
            """);
        var found = NetworkReader.Read(guest.Reader, Machine);
        Assert.Equal(["ens3", "00:16:3e:00:00:02", "en*", "bond0", "bond0.12"], found.Select(one => one.Name));
        Assert.Equal(("00:16:3e:00:00:01", "dhcp", null), (found[0].MacAddress, found[0].Method, found[0].MatchedBy));
        Assert.Equal(["address", "en*"], found[1..3].Select(one => one.MatchedBy));
        Assert.Equal(("bond", "ens3, port1", "192.0.2.9/24"), (found[3].Kind, found[3].Over, found[3].Addresses.Single()));
        Assert.Equal(("vlan", "bond0", "198.51.100.9/24"), (found[4].Kind, found[4].Over, found[4].Addresses.Single()));
    }

    [Fact]
    public void Vmwares_slots_tell_the_order_of_adapters()
    {
        string[] macs = ["00:50:56:00:00:01", "00:50:56:00:00:02", "00:50:56:00:00:03", "00:50:56:00:00:04", "00:50:56:00:00:05"];
        var machine = new VirtualMachine { Name = "m", Hypervisor = Hypervisor.Vmware, NetworkAdapters = [.. macs.Select(mac => new NetworkAdapter { MacAddress = mac })] };
        var guest = new MemoryGuest();
        foreach (var name in (string[])["ens161", "ens192", "ens160", "ens224", "ens256"])
        {
            guest.File($"/etc/sysconfig/network-scripts/ifcfg-{name}", $"DEVICE={name}\nBOOTPROTO=dhcp\n");
        }

        var found = NetworkReader.Read(guest.Reader, machine);
        Assert.Equal(macs, ((string[])["ens160", "ens192", "ens224", "ens256", "ens161"]).Select(name => found.Single(one => one.Name == name).MacAddress));

        // The slots that the machine's description has win over the order.
        var swapped = machine with { NetworkAdapters = [.. machine.NetworkAdapters.Zip((int[])[192, 160, 224, 256, 1184], (adapter, slot) => adapter with { PciSlot = slot })] };
        Assert.Equal(macs[1], NetworkReader.Read(guest.Reader, swapped).Single(one => one.Name == "ens160").MacAddress);
        Assert.Equal(macs[4], NetworkReader.Read(guest.Reader, swapped).Single(one => one.Name == "ens161").MacAddress);
    }

    [Fact]
    public void What_gives_an_adapter_an_address_does_not_find_it()
    {
        var guest = new MemoryGuest().File("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO=static\nLLADDR=02:00:00:00:00:01\n")
            .File("/etc/sysconfig/network/ifcfg-eth1.100", "ETHERDEVICE=eth1\nBOOTPROTO=dhcp\n").File("/etc/sysconfig/network/ifcfg-bond0", "BONDING_MASTER=yes\nBONDING_SLAVE_1=eth1\nBONDING_SLAVE_0=eth0\n");
        var found = NetworkReader.Read(guest.Reader, Machine);
        Assert.Equal("00:16:3e:00:00:01", found.Single(one => one.Name == "eth0").MacAddress);
        Assert.Equal(("vlan", "eth1"), (found.Single(one => one.Name == "eth1.100").Kind, found.Single(one => one.Name == "eth1.100").Over));
        Assert.Equal(("bond", "eth0, eth1"), (found.Single(one => one.Name == "bond0").Kind, found.Single(one => one.Name == "bond0").Over));
    }

    [Fact]
    public void Wickeds_own_xml()
    {
        var guest = new MemoryGuest()
            .File("/etc/wicked/ifconfig/lan.xml", """
                <!-- two of them, without an element around -->
                <interface>
                  <name>eth0</name>
                  <control><mode>boot</mode></control>
                  <ipv4:static><address><local>192.0.2.10/24</local></address><route><nexthop><gateway>192.0.2.1</gateway></nexthop></route></ipv4:static>
                  <ipv6:static><address><local>2001:db8::1/64</local></address></ipv6:static>
                </interface>
                <interface origin="me">
                  <name namespace="ethernet"><permanent-address>00:16:3E:00:00:02</permanent-address></name>
                  <ipv4:dhcp><enabled>true</enabled></ipv4:dhcp>
                </interface>
                <interface><name>lan.7</name><vlan><device>eth0</device><tag>7</tag></vlan><ipv4:dhcp/></interface>
                """)
            .File("/etc/wicked/ifconfig/torn.xml", "<interface><name>eth9</name><ipv4:dhcp/></interface>\n<interface><name>eth8</na");
        var found = NetworkReader.Read(guest.Reader, Machine);
        Assert.Equal(["eth0", "00:16:3e:00:00:02", "lan.7", "eth9"], found.Select(one => one.Name));
        Assert.Equal(("static", "/etc/wicked/ifconfig/lan.xml"), (found[0].Method, found[0].ConfiguredIn));
        Assert.Equal(["192.0.2.10/24", "2001:db8::1/64"], found[0].Addresses);
        Assert.Equal(("dhcp", "address"), (found[1].Method, found[1].MatchedBy));
        Assert.Equal(("vlan", "eth0", "dhcp"), (found[2].Kind, found[2].Over, found[2].Method));
        Assert.Contains(guest.Reader.Findings, finding => finding.Where == "/etc/wicked/ifconfig/torn.xml");
    }

    [Theory]
    [InlineData("")]
    [InlineData("<!DOCTYPE x [<!ENTITY a \"b\">]><interface><name>&a;</name></interface>")]
    [InlineData("</interface>")]
    [InlineData("<interface/><interface><name/></interface><name>eth0</name>")]
    public void Xml_that_is_not_wickeds_is_nobodys_interface(string text)
        => Assert.Empty(NetworkReader.Read(new MemoryGuest().File("/etc/wicked/ifconfig/a.xml", text).Reader, Machine));

    [Fact]
    public void Names_by_place_and_old_tables_belong_to_adapters()
    {
        var guest = new MemoryGuest().File("/etc/systemd/network/10-lan.link", "[Match]\nPath=pci-0000:0b:00.0\n[Link]\nName=lan0\n").File("/etc/systemd/network/lan0.network", "[Match]\nName=lan0\n[Network]\nDHCP=yes\n")
            .File("/etc/iftab", "# ifrename\neth5 mac 00:16:3e:00:00:02\n").File("/etc/network/interfaces", "iface eth5 inet dhcp\n");
        var found = NetworkReader.Read(guest.Reader, Machine);
        Assert.Equal("00:16:3e:00:00:02", found.Single(one => one.Name == "eth5").MacAddress);
        Assert.Equal("00:16:3e:00:00:01", found.Single(one => one.Name == "lan0").MacAddress);
    }
}
