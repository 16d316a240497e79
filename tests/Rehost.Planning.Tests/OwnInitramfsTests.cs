using Rehost.Model;
using Rehost.Testing;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Kernels without initramfs, whose drivers for the target are modules.</summary>
[Requirement("S1.25", "S2.25")]
public sealed class OwnInitramfsTests
{
    private const string Version = "5.10.7-own";
    private const string Made = "/boot/initrd-5.10.7-own.img";

    [Fact]
    public void A_kernel_that_was_built_for_one_machine_gets_one_of_ours()
    {
        var plan = Plan(Guest("/boot/grub/grub.cfg", BootConfigurationKind.Grub2, $"menuentry 'x' {{\n\tlinux /boot/vmlinuz-{Version} root=/dev/xvda1 ro init=/usr/lib/systemd/systemd\n}}\n"));
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        var made = Assert.Single(plan.Changes.OfType<MakeInitramfs>());
        Assert.Equal((Made, Version, true, "/dev/vda1", "ext4", "", null), (made.Path, made.KernelVersion, made.Is64Bit, made.RootDevice, made.RootType, made.RootOptions, made.BeforeSha256));
        Assert.Equal(["virtio.ko", "virtio_pci.ko", "virtio_blk.ko"], made.Modules.Select(path => Path.GetFileName(path)));
        Assert.Equal(["/usr/lib/systemd/systemd", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh"], made.InitPrograms);
        Assert.Equal($"menuentry 'x' {{\n\tlinux /boot/vmlinuz-{Version} root=/dev/vda1 ro init=/usr/lib/systemd/systemd console=tty0 console=ttyS0,115200\n\tinitrd {Made}\n}}\n", plan.After("/boot/grub/grub.cfg"));
    }

    [Theory]
    [InlineData(BootConfigurationKind.GrubLegacy, "/boot/grub/menu.lst", "title x\n\troot (hd0)\n\tkernel (hd0)/boot/vmlinuz-5.10.7-own root=/dev/xvda1\n", "\n\tinitrd (hd0,0)/boot/initrd-5.10.7-own.img\n")]
    [InlineData(BootConfigurationKind.Extlinux, "/boot/extlinux/extlinux.conf", "LABEL x\n  LINUX ../vmlinuz-5.10.7-own\n  APPEND root=/dev/xvda1\n", "\n  INITRD ../initrd-5.10.7-own.img\n")]
    [InlineData(BootConfigurationKind.LoaderEntry, "/boot/loader/entries/x.conf", "title x\nlinux /boot/vmlinuz-5.10.7-own\noptions root=/dev/xvda1\n", "\ninitrd /boot/initrd-5.10.7-own.img\n")]
    public void Every_menu_names_it(BootConfigurationKind kind, string path, string menu, string line)
        => Assert.Contains(line, Plan(Guest(path, kind, menu)).After(path), StringComparison.Ordinal);

    [Fact]
    public void A_guest_that_dom0_started_gets_it_in_its_new_menu_and_dom0_again_hands_it_out()
    {
        var facts = Guest("/boot/grub/grub.cfg", BootConfigurationKind.Grub2, "") with { BootConfigurations = [], Files = Files() };
        Assert.Contains($"  initrd {Made}\n", Plan(facts).After("/boot/grub/grub.cfg"), StringComparison.Ordinal);

        var forXen = facts with
        {
            Machine = facts.Machine with { Hypervisor = Hypervisor.Kvm },
            Kernels = [facts.Kernels[0] with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.Module, ["/lib/modules/x.ko"], false), new KernelDriver("xen_netfront", DriverForm.BuiltIn, [], true)] }],
        };
        var plan = Plan(forXen, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", DiskFormat = "raw", XenBoot = "direct" });
        Assert.Equal([new HandedOutFile($"/boot/vmlinuz-{Version}", "web01-vmlinuz"), new HandedOutFile(Made, "web01-initrd.img")], plan.HandedOut);
        Assert.Equal("web01-initrd.img", plan.Target.ParavirtualBoot?.Ramdisk);
    }

    [Fact]
    public void Checksums_and_the_driver_of_an_old_file_system_come_along()
    {
        var facts = Guest("/boot/grub/grub.cfg", BootConfigurationKind.Grub2, $"linux /boot/vmlinuz-{Version} root=/dev/xvda1\n");
        KernelDriver Module(string name) => new(name, DriverForm.Module, [$"/lib/modules/{name}.ko"], false);
        var plan = Plan(facts with { Volumes = [facts.Volumes[0] with { Type = "ext3" }, facts.Volumes[1]], Kernels = [facts.Kernels[0] with { Drivers = [.. facts.Kernels[0].Drivers, Module("ext4"), Module("crc32c_generic")] }] });
        var made = Assert.Single(plan.Changes.OfType<MakeInitramfs>());
        Assert.Equal(["crc32c_generic.ko", "ext4.ko"], made.Modules.Select(path => Path.GetFileName(path)).TakeLast(2));
        Assert.Equal("ext3", made.RootType);
    }

    [Fact]
    public void One_of_an_earlier_conversion_stays_for_its_target_and_is_made_anew_for_another()
    {
        var facts = Guest("/boot/grub/grub.cfg", BootConfigurationKind.Grub2, $"linux /boot/vmlinuz-{Version} root=/dev/vda1\ninitrd {Made}\n");
        var ours = new InitramfsFacts { Path = Made, Sha256 = new string('1', 64), Generator = InitramfsGenerator.Rehost };
        facts = facts with { Kernels = [facts.Kernels[0] with { Initramfs = ours, Drivers = [.. facts.Kernels[0].Drivers.Select(driver => driver with { InInitramfs = true })] }], Machine = facts.Machine with { Hypervisor = Hypervisor.Kvm } };
        Assert.Empty(Plan(facts).Changes.OfType<MakeInitramfs>());
        Assert.DoesNotContain("root=UUID", Plan(facts).After("/boot/grub/grub.cfg") ?? "", StringComparison.Ordinal);

        var again = Assert.Single(Plan(facts with { Machine = facts.Machine with { Hypervisor = Hypervisor.Vmware } }).Changes.OfType<MakeInitramfs>());
        Assert.Equal((Made, ours.Sha256), (again.Path, again.BeforeSha256));
    }

    [Theory]
    [InlineData("2.6.26-own", "x86_64", false)] // no devtmpfs
    [InlineData("5.10.7-own", "aarch64", false)]
    [InlineData("5.10.7-own", "x86_64", true)] // LVM never started without an initramfs
    public void What_it_cannot_start_is_refused_as_before(string version, string architecture, bool isOnLvm)
    {
        var facts = Guest("/boot/grub/grub.cfg", BootConfigurationKind.Grub2, "");
        facts = facts with
        {
            Kernels = [facts.Kernels[0] with { Version = version }],
            OperatingSystem = facts.OperatingSystem with { Architecture = architecture },
            Volumes = isOnLvm ? [facts.Volumes[0] with { BuiltOn = ["xvda5"] }, facts.Volumes[1]] : facts.Volumes,
        };
        var plan = Plan(facts);
        Assert.Empty(plan.Changes.OfType<MakeInitramfs>());
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN003", Severity: Severity.Error });
    }

    private static GuestFacts Guest(string path, BootConfigurationKind kind, string menu) => DebianPv(Text(path, menu)) with
    {
        Kernels = [Kernel(Version, isDefault: true) with { Initramfs = null }],
        BootConfigurations = [new BootConfiguration { Kind = kind, Path = path, Entries = [new BootEntry("x", kind == BootConfigurationKind.Extlinux ? $"../vmlinuz-{Version}" : $"/boot/vmlinuz-{Version}", null, menu.Contains("init=", StringComparison.Ordinal) ? "init=/usr/lib/systemd/systemd" : "", Version)] }],
    };
}
