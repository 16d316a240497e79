using Rehost.Model;
using Rehost.Testing;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Plans that write to no volume of the guest, machines that change their firmware, and kernels without virtio.</summary>
[Requirement("S1.1", "S1.7", "S1.27", "S1.33")]
public sealed class ZeroWriteTests
{
    [Fact]
    public void Nothing_in_the_guest_is_changed_when_that_is_asked_for()
    {
        var plan = Untouched(DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n")));
        Assert.NotNull(plan.UntouchedBecause);
        Assert.DoesNotContain(plan.Changes, change => change.IsInGuest);
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN020", Severity: Severity.Information });
        Assert.Contains(plan.ChecksByHand, check => check.Contains("kernel update", StringComparison.Ordinal));

        var helper = Assert.Single(plan.Changes.OfType<AddHelperPartition>());
        Assert.Equal(("root", AddHelperPartition.HelperLabel, false), (helper.DiskId, helper.Label, helper.IsEfiSystem));
        Assert.Equal((1L << 30) + (1 << 20), helper.Offset);
        Assert.Equal(helper.TargetLength, plan.Target.Disks[0].LengthBytes);
        Assert.Equal("/boot/vmlinuz-6.1.0-50-amd64", Assert.Single(helper.Files, file => file.Path.EndsWith("/vmlinuz", StringComparison.Ordinal)).CopyOf);
        Assert.Equal("/boot/initrd.img-6.1.0-50-amd64", Assert.Single(helper.Files, file => file.Path.EndsWith("/initrd.img", StringComparison.Ordinal)).CopyOf);
        var menu = Assert.Single(helper.Files, file => file.Path == "/rehost/grub.cfg").Content;
        Assert.Contains($"root=UUID={RootUuid} ro console=tty0 console=ttyS0,115200\n", menu, StringComparison.Ordinal);
        Assert.Contains("initrd '/rehost/6.1.0-50-amd64/drivers.img' '/rehost/6.1.0-50-amd64/initrd.img'\n", menu, StringComparison.Ordinal);

        var loader = Assert.Single(plan.Changes.OfType<InstallBootloader>());
        Assert.Equal((helper.VolumeId, "/rehost/grub.cfg"), (loader.FileSystemUuid, loader.ConfigurationPath));
    }

    [Fact]
    public void Device_names_interfaces_and_stale_logins_are_kept_by_rules_in_the_archive()
    {
        var helper = Assert.Single(Untouched(DebianPv()).Changes.OfType<AddHelperPartition>());
        var drivers = Assert.Single(helper.Files, file => file.Drivers is not null).Drivers;
        Assert.NotNull(drivers);
        Assert.Equal(3, drivers.Modules.Length);
        var rules = Assert.Single(drivers.Files, file => file.Path == "etc/udev/rules.d/99-rehost.rules").Content;
        Assert.Contains($"ENV{{ID_FS_UUID}}==\"{SwapUuid}\", SYMLINK+=\"xvda2\"\n", rules, StringComparison.Ordinal);
        var script = Assert.Single(drivers.Files, file => file.Path == "rehost/late.sh");
        Assert.Equal(0x1ED, script.Permissions);
        Assert.Contains("MACAddress=00:16:3e:00:00:01\n\n[Link]\nName=eth0\n", script.Content, StringComparison.Ordinal);
        Assert.Contains("ln -s /dev/null '/run/systemd/system/serial-getty@hvc0.service'\n", script.Content, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_needs_no_change_gets_no_helper()
    {
        var facts = Partitioned(PartitionScheme.Mbr);
        var kernel = facts.Kernels[0] with { Drivers = [.. facts.Kernels[0].Drivers.Select(driver => driver with { InInitramfs = true })] };
        var plan = Untouched(facts with
        {
            Kernels = [kernel],
            Machine = facts.Machine with { Mode = VirtualizationMode.Hardware, Firmware = Firmware.Bios, Hypervisor = Hypervisor.Kvm },
            Disks = [facts.Disks[0] with { HasBootCode = true }],
            NetworkInterfaces = [],
        });
        Assert.Null(plan.UntouchedBecause);
        Assert.DoesNotContain(plan.Changes, change => change is AddHelperPartition);
    }

    [Fact]
    public void A_file_system_that_cannot_be_written_is_left_as_it_is()
    {
        var facts = DebianPv();
        facts = facts with { Volumes = [facts.Volumes[0] with { Type = "btrfs", ReadOnlyReason = "block-group-tree" }, facts.Volumes[1]] };
        var plan = Plan(facts);
        Assert.Contains("block-group-tree", plan.UntouchedBecause, StringComparison.Ordinal);
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN021", Severity: Severity.Warning });
        Assert.Single(plan.Changes.OfType<AddHelperPartition>());
    }

    [Fact]
    public void A_volume_beside_it_that_cannot_be_written_is_no_reason()
    {
        var facts = DebianPv();
        facts = facts with { Volumes = [facts.Volumes[0], facts.Volumes[1] with { ReadOnlyReason = "strange", MountPath = "/srv" }] };
        Assert.Null(Plan(facts).UntouchedBecause);
    }

    [Fact]
    public void Dom0_hands_out_kernel_and_initramfs_with_the_drivers_in_front() // S2.24
    {
        var facts = ForXen();
        var plan = Planner.Plan(facts, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", DiskFormat = "raw", GuestChanges = GuestChanges.None });
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.Empty(plan.Changes);
        Assert.Equal(new ParavirtualBoot(null, "web01-vmlinuz", "web01-initrd.img", $"root=UUID={RootUuid} ro console=hvc0"), plan.Target.ParavirtualBoot);
        var (kernel, initramfs) = (plan.HandedOut?[0], plan.HandedOut?[1]);
        Assert.Equal(new HandedOutFile("/boot/vmlinuz-6.1.0-50-amd64", "web01-vmlinuz"), kernel);
        Assert.Equal(["/lib/modules/xen-blkfront.ko"], initramfs?.Drivers?.Modules.AsEnumerable());
        var rules = Assert.Single(initramfs?.Drivers?.Files ?? [], file => file.Path == "etc/udev/rules.d/99-rehost.rules").Content;
        Assert.Contains("SYMLINK+=\"vda1\"", rules, StringComparison.Ordinal);
        Assert.Contains(plan.Findings, finding => finding is { Id: "XPN001" } && finding.Message.Contains("volumes stay as they are", StringComparison.Ordinal));

        // pygrub would read the guest's own menu, with the names of the old hypervisor in it.
        var asked = Planner.Plan(facts, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", GuestChanges = GuestChanges.None, XenBoot = "pygrub" });
        Assert.Contains(asked.Findings, finding => finding is { Id: "PLN022", Severity: Severity.Error } && finding.NextStep.Length > 20);

        // An initramfs that takes nothing from outside and lacks the driver cannot be handed out.
        var nash = facts with { Kernels = [facts.Kernels[0] with { Initramfs = facts.Kernels[0].Initramfs! with { Generator = InitramfsGenerator.Nash } }] };
        Assert.Contains(Planner.Plan(nash, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", GuestChanges = GuestChanges.None }).Findings, finding => finding is { Id: "PLN003", Severity: Severity.Error });
    }

    [Fact]
    public void Xenservers_dom0_keeps_nothing_and_the_guest_starts_from_its_helper_partition()
    {
        var plan = Planner.Plan(ForXen(), TargetCapabilities.XenServerPv, new ConversionOptions { Target = "xenserver", DiskFormat = "xva", GuestChanges = GuestChanges.None });
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.Equal((VirtualizationMode.Hardware, Firmware.Bios), (plan.Target.Mode, plan.Target.Firmware));
        Assert.Single(plan.Changes.OfType<AddHelperPartition>());
        Assert.Null(plan.HandedOut);
    }

    [Fact]
    public void Packages_and_a_second_efi_system_partition_are_refused_by_name()
    {
        var package = new SuppliedPackage { FileName = "k.deb", Sha256 = "00", Format = "deb", Name = "linux-image", Version = "1", Architecture = "amd64" };
        Assert.Contains(Untouched(DebianPv() with { Packages = [package] }).Findings, finding => finding is { Id: "PLN029", Severity: Severity.Error } && finding.Message.Contains("linux-image", StringComparison.Ordinal));

        var facts = Partitioned(PartitionScheme.Gpt) with { EfiPrograms = ["/boot/efi/EFI/debian/grubx64.efi"] };
        facts = facts with { Machine = facts.Machine with { Mode = VirtualizationMode.Hardware, Firmware = Firmware.Uefi, Hypervisor = Hypervisor.Vmware } };
        var plan = Untouched(facts);
        Assert.Equal(Firmware.Bios, plan.Target.Firmware);
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.Contains(Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { GuestChanges = GuestChanges.None, Firmware = Firmware.Uefi }).Findings, finding => finding is { Id: "PLN030", Severity: Severity.Error });
    }

    [Fact]
    public void Kernel_and_initramfs_are_copied_out_of_a_unified_image()
    {
        var facts = Partitioned(PartitionScheme.Gpt);
        var kernel = facts.Kernels[0] with
        {
            ImagePath = "/efi/EFI/Linux/arch.efi",
            Initramfs = facts.Kernels[0].Initramfs! with { Path = "/efi/EFI/Linux/arch.efi" },
            Unified = new UnifiedImage { CommandLine = "root=/dev/xvda1 ro quiet", KernelOffset = 4096, KernelLength = 8192, InitramfsOffset = 16384, InitramfsLength = 100 },
        };
        var plan = Untouched(facts with { Kernels = [kernel], BootConfigurations = [] });
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        var copies = Assert.Single(plan.Changes.OfType<AddHelperPartition>()).Files.Where(file => file.CopyOf is not null).ToList();
        Assert.All(copies, copy => Assert.Equal("/efi/EFI/Linux/arch.efi", copy.CopyOf));
        Assert.Equal([new FilePart(4096, 8192), new FilePart(16384, 100)], copies.Select(copy => copy.Part).OrderBy(part => part?.Offset));
        Assert.Contains($"root=UUID={RootUuid} ro quiet console=tty0", Assert.Single(plan.Changes.OfType<AddHelperPartition>()).Files.Single(file => file.Content is not null).Content, StringComparison.Ordinal);
    }

    [Fact]
    public void An_mbr_without_a_free_entry_is_refused()
    {
        var facts = Partitioned(PartitionScheme.Mbr);
        var more = Enumerable.Range(2, 3).Select(number => facts.Volumes[0] with { DeviceName = $"xvda{number}", PartitionNumber = number, MountPath = null, Uuid = null });
        Assert.Contains(Untouched(facts with { Volumes = [facts.Volumes[0], .. more] }).Findings, finding => finding is { Id: "PLN023", Severity: Severity.Error });
    }

    [Fact]
    public void An_initramfs_that_takes_nothing_from_outside_is_refused_unless_it_has_all()
    {
        var facts = DebianPv() with { Kernels = [Kernel("2.6.18-8.el5", isDefault: true, generator: InitramfsGenerator.Nash)] };
        Assert.Contains(Untouched(facts).Findings, finding => finding is { Id: "PLN003", Severity: Severity.Error });
        var ready = facts.Kernels[0] with { Drivers = [.. facts.Kernels[0].Drivers.Select(driver => driver with { InInitramfs = true })] };
        var plan = Untouched(facts with { Kernels = [ready] });
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        Assert.DoesNotContain(Assert.Single(plan.Changes.OfType<AddHelperPartition>()).Files, file => file.Drivers is not null);
    }

    [Theory]
    [InlineData(PartitionScheme.None)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Gpt)]
    public void A_guest_without_efi_system_partition_gets_one_for_uefi(PartitionScheme scheme)
    {
        var facts = scheme == PartitionScheme.None ? DebianPv() : Partitioned(scheme);
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { Firmware = Firmware.Uefi });
        Assert.Equal(Firmware.Uefi, plan.Target.Firmware);
        Assert.DoesNotContain(plan.Changes, change => change is InstallBootloader or AddBiosBootPartition);
        var helper = Assert.Single(plan.Changes.OfType<AddHelperPartition>());
        Assert.True(helper.IsEfiSystem);
        var program = Assert.Single(helper.Files);
        Assert.Equal(("/EFI/BOOT/BOOTX64.EFI", RootUuid, "/boot/grub", "/boot/grub/grub.cfg"), (program.Path, program.Loader?.FileSystemUuid, program.Loader?.Prefix, program.Loader?.ConfigurationPath));
        Assert.Equal(scheme == PartitionScheme.Gpt ? 1 << 20 : 0, helper.TargetLength - helper.Offset - helper.LengthBytes);
    }

    [Fact]
    public void A_32_bit_guest_is_not_started_from_uefi()
    {
        var facts = DebianPv();
        var plan = Planner.Plan(facts with { OperatingSystem = facts.OperatingSystem with { Architecture = "i686" } }, TargetCapabilities.Kvm, new ConversionOptions { Firmware = Firmware.Uefi });
        Assert.Contains(plan.Findings, finding => finding is { Id: "PLN024", Severity: Severity.Error });
    }

    [Fact]
    public void A_firmware_for_xen_pv_is_refused()
        => Assert.Contains(Planner.Plan(DebianPv(), TargetCapabilities.XenPv, new ConversionOptions { Firmware = Firmware.Uefi }).Findings, finding => finding is { Id: "PLN025", Severity: Severity.Error });

    [Fact]
    public void A_guest_from_uefi_gets_a_boot_loader_for_a_bios_and_a_menu_that_it_reads()
    {
        const string menu = "menuentry 'CentOS' {\n\tlinuxefi /vmlinuz root=/dev/sda2 ro\n\tinitrdefi /initrd\n}\n";
        var facts = Partitioned(PartitionScheme.Gpt);
        var efi = facts.Volumes[0] with { DeviceName = "xvda2", PartitionNumber = 2, MountPath = "/boot/efi", Type = "vfat", Uuid = "AB12-CD34" };
        facts = facts with
        {
            Machine = facts.Machine with { Mode = VirtualizationMode.Hardware, Firmware = Firmware.Uefi, Hypervisor = Hypervisor.Vmware },
            Volumes = [facts.Volumes[0], efi],
            BootConfigurations = [facts.BootConfigurations[0] with { Path = "/boot/efi/EFI/centos/grub.cfg" }],
            Files = Files(Text("/boot/efi/EFI/centos/grub.cfg", menu)),
        };
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { Firmware = Firmware.Bios });
        var loader = Assert.Single(plan.Changes.OfType<InstallBootloader>());
        Assert.Equal(("AB12-CD34", "/EFI/centos/grub.cfg"), (loader.FileSystemUuid, loader.ConfigurationPath));
        var after = plan.After("/boot/efi/EFI/centos/grub.cfg");
        Assert.Contains("\tlinux /vmlinuz", after, StringComparison.Ordinal);
        Assert.Contains("\tinitrd /initrd", after, StringComparison.Ordinal);

        // With the firmware that it has, nothing of this is needed.
        Assert.DoesNotContain(Plan(facts).Changes, change => change is InstallBootloader or AddHelperPartition);
    }

    [Theory]
    [InlineData("ahci", "sd_mod", "e1000", "sata", "e1000", "/dev/sda1", null)]
    [InlineData("ata_piix", "sd_mod", "8139cp", "ide", "rtl8139", "/dev/sda1", "pc")]
    [InlineData("piix", "ide_disk", "8139too", "ide", "rtl8139", "/dev/hda1", "pc")]
    public void A_kernel_without_virtio_gets_what_it_can_drive(string disk, string upper, string network, string bus, string adapter, string root, string? chipset) // S2.25
    {
        var facts = DebianPv();
        var kernel = facts.Kernels[0] with
        {
            Version = "2.6.18-6-686",
            Drivers = [.. new[] { disk, upper, network }.Select(name => new KernelDriver(name, DriverForm.BuiltIn, [], true))],
            Initramfs = null,
        };
        var plan = Plan(facts with { Kernels = [kernel], BootConfigurations = [] });
        Assert.Equal((bus, adapter), (plan.Target.Disks[0].Bus, plan.Target.NetworkAdapters[0].Model));
        Assert.Equal(chipset ?? "pc", plan.Target.Chipset);
        Assert.Contains($"root={root}", plan.After("/boot/grub/grub.cfg"), StringComparison.Ordinal);
        Assert.Contains(plan.Findings, finding => finding.Id == "PLN026" && finding.Message.Contains("virtio_blk", StringComparison.Ordinal));
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
    }

    // Debian on KVM whose kernel can run on Xen PV, and whose initramfs has no driver for it.
    private static GuestFacts ForXen()
    {
        var facts = Partitioned(PartitionScheme.Mbr);
        return facts with
        {
            Machine = facts.Machine with { Hypervisor = Hypervisor.Kvm, Mode = VirtualizationMode.Hardware, Firmware = Firmware.Bios, Disks = [facts.Machine.Disks[0] with { DeviceName = "vda" }] },
            Disks = [facts.Disks[0] with { DeviceName = "vda" }],
            Volumes = [facts.Volumes[0] with { DeviceName = "vda1" }],
            Kernels = [facts.Kernels[0] with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.Module, ["/lib/modules/xen-blkfront.ko"], false), new KernelDriver("xen_netfront", DriverForm.BuiltIn, [], true)] }],
            BootConfigurations = [facts.BootConfigurations[0] with { Entries = [facts.BootConfigurations[0].Entries[0] with { Arguments = "root=/dev/vda1 ro console=ttyS0" }] }],
        };
    }

    private static ConversionPlan Untouched(GuestFacts facts) => Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { GuestChanges = GuestChanges.None });

    private static GuestFacts Partitioned(PartitionScheme scheme)
    {
        var facts = DebianPv();
        var disk = facts.Disks[0] with { DiskId = "root", DeviceName = "xvda", Scheme = scheme, FirstPartitionOffset = 1 << 20 };
        var volume = facts.Volumes[0] with { PartitionNumber = 1, Offset = 1 << 20, DeviceName = "xvda1" };
        return facts with { Disks = [disk], Volumes = [volume], Machine = facts.Machine with { Disks = [facts.Machine.Disks[0] with { DeviceName = "xvda" }] } };
    }
}
