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
        Assert.Equal(("dhcp", "00:16:3e:aa:bb:cc", "/etc/network/interfaces.d/eth1"), (found[1].Method, found[1].MacAddress, found[1].ConfiguredIn));
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
        Assert.Equal(("eth1", "dhcp"), (found[1].Name, found[1].Method));
        Assert.Equal(("eth0", "manual"), (found[2].Name, found[2].Method));
        Assert.Equal(["192.0.2.5/24"], found[2].Addresses);
        Assert.Equal(("eth0", "static"), (found[3].Name, found[3].Method));
        Assert.Equal(["192.0.2.20/24"], found[3].Addresses);
        Assert.Equal(("eth1", "dhcp", "00:16:3e:00:00:02"), (found[4].Name, found[4].Method, found[4].MacAddress));
        Assert.Equal(5, found.Length);
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
}
