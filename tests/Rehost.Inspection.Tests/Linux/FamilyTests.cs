using Rehost.Inspection.Linux;
using Rehost.Inspection.Linux.Boot;
using Rehost.Inspection.Linux.Network;
using Rehost.Model;

namespace Rehost.Inspection.Tests.Linux;

/// <summary>What tells one family's guests from another's.</summary>
public sealed class FamilyTests
{
    [Theory]
    [InlineData("/etc/mageia-release", "Mageia release 9 (Official) for x86_64", "mageia", "9", DistributionFamily.Mageia)]
    [InlineData("/etc/mandriva-release", "Mandriva Linux release 2010.2 (Official) for i586", "mandriva", "2010.2", DistributionFamily.Mageia)]
    [InlineData("/etc/enterprise-release", "Enterprise Linux Enterprise Linux Server release 5.4 (Carthage)", "ol", "5.4", DistributionFamily.RedHat)]
    [InlineData("/etc/oracle-release", "Oracle Linux Server release 6.9", "ol", "6.9", DistributionFamily.RedHat)]
    [InlineData("/etc/redhat-release", "CentOS release 4.5 (Final)", "centos", "4.5", DistributionFamily.RedHat)]
    [InlineData("/etc/redhat-release", "Red Hat Enterprise Linux AS release 4 (Nahant Update 4)", "rhel", "4", DistributionFamily.RedHat)]
    [InlineData("/etc/system-release", "Amazon Linux AMI release 2014.03", "amzn", "2014.03", DistributionFamily.RedHat)]
    [InlineData("/etc/os-release", "ID=amzn\nVERSION_ID=2023\nID_LIKE=fedora", "amzn", "2023", DistributionFamily.RedHat)]
    [InlineData("/etc/os-release", "ID=opensuse-leap\nVERSION_ID=16.0\nID_LIKE=\"suse opensuse\"", "opensuse-leap", "16.0", DistributionFamily.Suse)]
    [InlineData("/etc/os-release", "ID=endeavouros\nID_LIKE=arch", "endeavouros", null, DistributionFamily.Arch)]
    [InlineData("/etc/SuSE-release", "SUSE Linux Enterprise Server 10 (x86_64)\nVERSION = 10\nPATCHLEVEL = 2", "sles", "10.2", DistributionFamily.Suse)]
    [InlineData("/etc/gentoo-release", "Gentoo Base System release 2.14", "gentoo", "2.14", DistributionFamily.Gentoo)]
    [InlineData("/etc/debian_version", "3.1", "debian", "3.1", DistributionFamily.Debian)]
    public void A_distribution_is_known_by_its_release_file(string path, string text, string id, string? version, DistributionFamily family)
    {
        var (foundId, _, foundVersion, foundFamily) = DistributionReader.Read(new MemoryGuest().File(path, text + "\n").Reader);
        Assert.Equal((id, version, family), (foundId, foundVersion, foundFamily));
    }

    [Theory]
    [InlineData("/var/lib/dpkg/status", DistributionFamily.Debian)]
    [InlineData("/var/lib/pacman/local/x", DistributionFamily.Arch)]
    [InlineData("/lib/apk/db/installed", DistributionFamily.Alpine)]
    [InlineData("/etc/urpmi/x", DistributionFamily.Mageia)]
    [InlineData("/etc/zypp/zypp.conf", DistributionFamily.Suse)]
    [InlineData("/etc/sysconfig/network-scripts/ifup", DistributionFamily.RedHat)]
    [InlineData("/etc/nothing", DistributionFamily.Unknown)]
    public void An_unknown_name_is_handled_by_what_the_guest_has(string path, DistributionFamily family)
        => Assert.Equal(family, DistributionReader.Read(new MemoryGuest().File("/etc/os-release", "ID=strange\n").File(path, "x").Reader).Family);

    [Fact]
    public void Entries_of_systemd_boot_with_its_default_first()
    {
        var guest = new MemoryGuest().File("/boot/loader/loader.conf", "timeout 3\ndefault arch-lts*\n").File("/boot/vmlinuz-linux", "x").File("/boot/vmlinuz-linux-lts", "x")
            .File("/boot/loader/entries/arch.conf", "title Arch\nlinux /boot/vmlinuz-linux\ninitrd /boot/i\noptions root=/dev/sda2 rw\n")
            .File("/boot/loader/entries/arch-lts.conf", "title Arch LTS\nlinux /boot/vmlinuz-linux-lts\noptions root=/dev/sda2 rw\n");
        var boot = new BootConfigurationReader(guest.Reader);
        var found = boot.Read();
        Assert.Equal(["/boot/loader/entries/arch-lts.conf", "/boot/loader/entries/arch.conf"], found.Select(one => one.Path));
        Assert.All(found, one => Assert.Equal(BootConfigurationKind.LoaderEntry, one.Kind));
        Assert.Equal("/boot/vmlinuz-linux-lts", boot.Follow(found)[0].ImagePath);
    }

    [Fact]
    public void Menus_of_the_efi_system_partition_and_stubs_without_entries()
    {
        var guest = new MemoryGuest().File("/boot/efi/EFI/centos/grub.cfg", "menuentry 'CentOS' {\n linuxefi /vmlinuz-3.10 root=/dev/sda3\n}\n").File("/boot/efi/EFI/debian/grub.cfg", "search.fs_uuid x root\nconfigfile $prefix/grub.cfg\n")
            .File("/boot/efi/EFI/redhat/grub.conf", "title a\n\tkernel /vmlinuz-2.6.32 ro\n");
        var found = new BootConfigurationReader(guest.Reader).Read();
        Assert.Equal([("/boot/efi/EFI/centos/grub.cfg", BootConfigurationKind.Grub2), ("/boot/efi/EFI/redhat/grub.conf", BootConfigurationKind.GrubLegacy)], found.Select(one => (one.Path, one.Kind)));
    }

    [Fact]
    public void Lilo_is_read_with_its_defaults()
    {
        var guest = new MemoryGuest().File("/etc/lilo.conf", """
            # LILO of Debian 3.1
            lba32
            boot=/dev/hda
            root=/dev/hda1
            append="acpi=off"
            default="Old one"
            other=/dev/hda2
              label=dos
            image=/vmlinuz
              label=Linux
              initrd=/initrd.img
              read-only
            image=/vmlinuz.old
              label="Old one"
              root=/dev/hdb1
              read-write
              append="vga=791 single"
            image=/boot/new
              alias=n
              literal="root=/dev/hdc1 ro"

            """);
        var found = Assert.Single(new BootConfigurationReader(guest.Reader).Read());
        Assert.Equal((BootConfigurationKind.Lilo, "/etc/lilo.conf", 1), (found.Kind, found.Path, found.Menu.DefaultIndex));
        Assert.Equal(
            [("Linux", "/vmlinuz", "/initrd.img", "root=/dev/hda1 ro acpi=off"), ("Old one", "/vmlinuz.old", "", "root=/dev/hdb1 rw vga=791 single"), ("new", "/boot/new", "", "root=/dev/hdc1 ro")],
            found.Menu.Entries.Select(entry => (entry.Title, entry.KernelPath, string.Join(' ', entry.InitramfsPaths), entry.Arguments)));
    }

    [Fact]
    public void Programs_for_uefi_are_found_whatever_their_case()
    {
        var guest = new MemoryGuest().File("/boot/efi/EFI/debian/shimx64.efi", "MZ").File("/boot/efi/EFI/Boot/BOOTX64.EFI", "MZ").File("/boot/efi/EFI/debian/grub.cfg", "x").File("/efi/efi/systemd/systemd-bootx64.efi", "MZ");
        Assert.Equal(["/boot/efi/EFI/Boot/BOOTX64.EFI", "/boot/efi/EFI/debian/shimx64.efi", "/efi/efi/systemd/systemd-bootx64.efi"], EfiProgramReader.Read(guest.Reader));
    }

    [Fact]
    public void Names_by_slot_follow_the_order_of_the_adapters()
    {
        var machine = new VirtualMachine { Name = "m", Hypervisor = Hypervisor.Vmware, NetworkAdapters = [new NetworkAdapter { MacAddress = "00:0c:29:00:00:01" }, new NetworkAdapter { MacAddress = "00:0c:29:00:00:02" }] };
        var guest = new MemoryGuest().File("/etc/sysconfig/network-scripts/ifcfg-ens192", "DEVICE=ens192\nBOOTPROTO=dhcp\n").File("/etc/sysconfig/network-scripts/ifcfg-ens224", "DEVICE=ens224\nBOOTPROTO=dhcp\n")
            .File("/etc/sysconfig/network-scripts/ifcfg-ens192.5", "DEVICE=ens192.5\nVLAN=yes\n").File("/etc/sysconfig/network-scripts/ifcfg-bond0", "DEVICE=bond0\n");
        var found = NetworkReader.Read(guest.Reader, machine).ToDictionary(one => one.Name, one => one.MacAddress, StringComparer.Ordinal);
        Assert.Equal(("00:0c:29:00:00:01", "00:0c:29:00:00:02"), (found["ens192"], found["ens224"]));
        Assert.Null(found["ens192.5"]);
        Assert.Null(found["bond0"]);

        // With one adapter for two names nobody knows which is which.
        Assert.All(NetworkReader.Read(guest.Reader, machine with { NetworkAdapters = [machine.NetworkAdapters[0]] }), one => Assert.Null(one.MacAddress));
    }

    [Fact]
    public void Netctl_netifrc_and_old_arch()
    {
        var machine = new VirtualMachine { Name = "m", Hypervisor = Hypervisor.Xen };
        var netctl = new MemoryGuest().File("/etc/netctl/lan", "Interface=eth0\nConnection=ethernet\nIP=static\nAddress=('192.0.2.5/24')\n").File("/etc/netctl/wifi", "Interface=wlan0\nConnection=wireless\n");
        var found = Assert.Single(NetworkReader.Read(netctl.Reader, machine));
        Assert.Equal(("eth0", "static"), (found.Name, found.Method));
        Assert.Equal(["192.0.2.5/24"], found.Addresses);

        var gentoo = NetworkReader.Read(new MemoryGuest().File("/etc/conf.d/net", "config_eth0=\"192.0.2.6 netmask 255.255.255.0\"\nroutes_eth0=\"default via 192.0.2.1\"\nconfig_eth1=\"dhcp\"\n").Reader, machine);
        Assert.Equal([("eth0", "static"), ("eth1", "dhcp")], gentoo.Select(one => (one.Name, one.Method)));

        var arch = NetworkReader.Read(new MemoryGuest().File("/etc/rc.conf", "HOSTNAME=old\neth0=\"dhcp\"\nINTERFACES=(eth0)\n").Reader, machine);
        Assert.Equal([("eth0", "dhcp")], arch.Select(one => (one.Name, one.Method)));
    }

    [Fact]
    public void Tools_of_every_hypervisor()
    {
        var guest = new MemoryGuest().File("/usr/bin/vmware-uninstall-tools.pl", "x").File("/etc/init.d/vmware-tools", "x").File("/usr/sbin/VBoxService", "x").File("/usr/bin/prltoolsd", "x")
            .File("/usr/sbin/hypervkvpd", "x").File("/usr/lib/systemd/system/hypervkvpd.service", "x").File("/usr/bin/qemu-ga", "x");
        var tools = HypervisorToolReader.Read(guest.Reader);
        Assert.Equal(["vmware-tools", "virtualbox-guest-additions", "parallels-tools", "hyper-v-daemons", "qemu-guest-agent"], tools.Select(tool => tool.Name));
        Assert.Equal(Hypervisor.Vmware, tools[0].Hypervisor);
        Assert.Equal(["hypervkvpd"], tools[3].Services);
    }
}
