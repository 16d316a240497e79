using Rehost.Model;
using Rehost.Testing;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Boot loaders other than GRUB, and where firmware looks for them.</summary>
[Requirement("S1.24", "S1.28", "S1.29", "S1.33")]
public sealed class BootLoaderTests
{
    private const string Lilo = """
        boot=/dev/hda
        default=Linux
        root=/dev/hda1
        append="quiet resume=/dev/hda2"

        image=/boot/vmlinuz-6.1.0-50-amd64
          label=Linux
          initrd=/boot/initrd.img-6.1.0-50-amd64
          read-only

        """;

    [Fact]
    public void A_guest_started_by_lilo_gets_a_grub_and_keeps_a_configuration_that_works()
    {
        var facts = OnHardware(Firmware.Bios) with
        {
            BootConfigurations =
            [
                new BootConfiguration
                {
                    Kind = BootConfigurationKind.Lilo,
                    Path = "/etc/lilo.conf",
                    Entries = [new BootEntry("Linux", "/boot/vmlinuz-6.1.0-50-amd64", "/boot/initrd.img-6.1.0-50-amd64", "root=/dev/hda1 ro quiet resume=/dev/hda2", "6.1.0-50-amd64")],
                },
            ],
            Files = Files(Text("/etc/lilo.conf", Lilo)),
        };
        var plan = Plan(facts);
        Assert.Single(plan.Changes.OfType<InstallBootloader>());
        var menu = plan.After("/boot/grub/grub.cfg");
        Assert.Contains($"linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} ro quiet resume=UUID={SwapUuid} console=tty0 console=ttyS0,115200\n", menu, StringComparison.Ordinal);
        Assert.Contains("initrd /boot/initrd.img-6.1.0-50-amd64\n", menu, StringComparison.Ordinal);
        var lilo = plan.After("/etc/lilo.conf") ?? "";
        Assert.Contains("boot=/dev/vda\n", lilo, StringComparison.Ordinal);
        Assert.Contains("root=/dev/vda1\n", lilo, StringComparison.Ordinal);
        Assert.Contains($"append=\"quiet resume=UUID={SwapUuid}\"\n", lilo, StringComparison.Ordinal);
        Assert.Contains(plan.ChecksByHand, check => check.StartsWith("LILO", StringComparison.Ordinal));
    }

    [Fact]
    public void A_lilo_conf_beside_a_grub_that_starts_the_guest_is_no_reason()
    {
        var facts = OnHardware(Firmware.Bios);
        var plan = Plan(facts with { BootConfigurations = [facts.BootConfigurations[0], new BootConfiguration { Kind = BootConfigurationKind.Lilo, Path = "/etc/lilo.conf" }] });
        Assert.DoesNotContain(plan.Changes, change => change is InstallBootloader);
    }

    [Theory]
    [InlineData("x86_64", "BOOTX64.EFI", "debian/shimx64.efi,debian/grubx64.efi,debian/mmx64.efi,debian/fbx64.efi", "shimx64.efi>BOOTX64.EFI,grubx64.efi>grubx64.efi,mmx64.efi>mmx64.efi")]
    [InlineData("x86_64", "BOOTX64.EFI", "arch/GRUBX64.EFI", "GRUBX64.EFI>BOOTX64.EFI")]
    [InlineData("x86_64", "BOOTX64.EFI", "systemd/systemd-bootx64.efi,Linux/arch.efi", "systemd-bootx64.efi>BOOTX64.EFI")]
    [InlineData("i686", "BOOTIA32.EFI", "debian/grubia32.efi", "grubia32.efi>BOOTIA32.EFI")]
    [InlineData("i686", "BOOTX64.EFI", "debian/grubx64.efi", "grubx64.efi>BOOTX64.EFI")]
    [InlineData("aarch64", "BOOTAA64.EFI", "debian/shimaa64.efi,debian/grubaa64.efi", "shimaa64.efi>BOOTAA64.EFI,grubaa64.efi>grubaa64.efi")]
    [InlineData("x86_64", "BOOTX64.EFI", "redhat/shim.efi,redhat/grubx64.efi,BOOT/fbx64.efi", "shim.efi>BOOTX64.EFI,grubx64.efi>grubx64.efi")]
    [InlineData("x86_64", "BOOTX64.EFI", "debian/grubx64.efi,Boot/bootx64.efi", "")]
    public void The_guests_own_boot_loader_is_put_where_firmware_looks(string architecture, string name, string programs, string copies)
    {
        var facts = OnHardware(Firmware.Uefi);
        facts = facts with { OperatingSystem = facts.OperatingSystem with { Architecture = architecture }, EfiPrograms = [.. programs.Split(',').Select(program => "/boot/efi/EFI/" + program)] };
        var plan = Plan(facts);
        var made = plan.Steps.Single(step => step.StepId == "uefi-fallback").Changes.Cast<CopyFile>().ToList();
        Assert.Equal(copies, string.Join(',', made.Select(copy => $"{copy.From[(copy.From.LastIndexOf('/') + 1)..]}>{copy.Path[(copy.Path.LastIndexOf('/') + 1)..]}")));
        Assert.All(made, copy => Assert.StartsWith("/boot/efi/EFI/BOOT/", copy.Path, StringComparison.Ordinal));
        Assert.True(made.Count == 0 || made[0].Path.EndsWith(name, StringComparison.Ordinal));
    }

    [Fact]
    public void A_guest_from_uefi_without_any_program_is_told_of()
        => Assert.Contains(Plan(OnHardware(Firmware.Uefi)).Findings, finding => finding is { Id: "PLN027", Severity: Severity.Warning });

    [Fact]
    public void A_guest_whose_root_is_sealed_starts_from_its_boot_volume_through_a_helper()
    {
        var facts = OnHardware(Firmware.Bios);
        var ready = facts.Kernels[0] with { ModulesPath = null, Drivers = [.. facts.Kernels[0].Drivers.Select(driver => driver with { InInitramfs = true, LoadOrder = [] })] };
        facts = facts with
        {
            RootSealedBecause = "xvda2 is encrypted, and no key was given",
            Volumes = [facts.Volumes[0] with { MountPath = "/boot" }, facts.Volumes[0] with { DeviceName = "xvda2", PartitionNumber = 2, MountPath = null, Type = "crypto_LUKS", Content = VolumeContent.Other, Uuid = SwapUuid }],
            Kernels = [ready],
            BootConfigurations = [facts.BootConfigurations[0] with { Entries = [facts.BootConfigurations[0].Entries[0] with { Arguments = "root=/dev/mapper/vg-root ro console=hvc0" }] }],
            Files = Files(Text("/boot/grub/grub.cfg", "linux /vmlinuz-6.1.0-50-amd64 root=/dev/mapper/vg-root ro console=hvc0\n")),
        };
        var plan = Plan(facts);
        Assert.Equal(facts.RootSealedBecause, plan.UntouchedBecause);
        Assert.DoesNotContain(plan.Changes, change => change.IsInGuest);
        Assert.DoesNotContain(plan.Findings, finding => finding.Severity == Severity.Error);
        var helper = Assert.Single(plan.Changes.OfType<AddHelperPartition>());
        Assert.Contains("root=/dev/mapper/vg-root ro console=tty0", Assert.Single(helper.Files, file => file.Content is not null).Content, StringComparison.Ordinal);

        // Where the initramfs lacks the drivers, there is nowhere to take them from.
        var lacking = ready with { Drivers = [] };
        Assert.Contains(Plan(facts with { Kernels = [lacking] }).Findings, finding => finding.Severity == Severity.Error);
    }

    [Fact]
    public void A_unified_image_that_fits_is_left_alone()
    {
        var plan = Plan(Unified($"root=UUID={RootUuid} ro console=tty0 console=ttyS0,115200", isReady: true));
        Assert.DoesNotContain(plan.Changes, change => change is UnpackUnifiedKernel);
        Assert.Null(plan.After("/efi/loader/loader.conf"));
    }

    [Fact]
    public void A_unified_image_with_other_arguments_or_without_drivers_is_taken_apart_for_systemd_boot()
    {
        var plan = Plan(Unified("root=/dev/hda1 ro quiet", isReady: false));
        var unpack = Assert.Single(plan.Changes.OfType<UnpackUnifiedKernel>());
        Assert.Equal(("/efi/EFI/Linux/arch.efi", "/efi/rehost/6.1.0-50-amd64/vmlinuz", "/efi/rehost/6.1.0-50-amd64/initrd.img"), (unpack.ImagePath, unpack.KernelPath, unpack.InitramfsPath));
        Assert.Equal(3, unpack.Modules.Length);
        Assert.Equal(
            "title Debian GNU/Linux 12 (bookworm) (6.1.0-50-amd64, moved)\nversion 6.1.0-50-amd64\nlinux /rehost/6.1.0-50-amd64/vmlinuz\ninitrd /rehost/6.1.0-50-amd64/initrd.img\n"
            + $"options root=UUID={RootUuid} ro quiet console=tty0 console=ttyS0,115200\n",
            plan.After("/efi/loader/entries/rehost-6.1.0-50-amd64.conf"));
        Assert.Equal("timeout 3\ndefault rehost-6.1.0-50-amd64.conf\n", plan.After("/efi/loader/loader.conf"));
        Assert.DoesNotContain(plan.Changes, change => change is ExtendInitramfs);
    }

    [Fact]
    public void A_unified_image_is_started_from_a_bios_by_a_grub_of_ours()
    {
        var facts = Unified("root=/dev/hda1 ro quiet", isReady: true);
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { Firmware = Firmware.Bios });
        Assert.Single(plan.Changes.OfType<UnpackUnifiedKernel>());
        Assert.Single(plan.Changes.OfType<InstallBootloader>());
        var menu = plan.After("/boot/grub/grub.cfg");
        Assert.Contains($"  search --no-floppy --fs-uuid --set=root AB12-CD34\n  linux /rehost/6.1.0-50-amd64/vmlinuz root=UUID={RootUuid} ro quiet", menu, StringComparison.Ordinal);
        Assert.Contains("  initrd /rehost/6.1.0-50-amd64/initrd.img\n", menu, StringComparison.Ordinal);
    }

    [Fact]
    public void A_unified_image_that_the_firmware_starts_itself_is_refused_when_it_does_not_fit()
    {
        var facts = Unified("root=/dev/hda1 ro quiet", isReady: true) with { EfiPrograms = ["/efi/EFI/Linux/arch.efi"] };
        Assert.Contains(Plan(facts).Findings, finding => finding is { Id: "PLN028", Severity: Severity.Error } && finding.Message.Contains("root=/dev/hda1", StringComparison.Ordinal));
    }

    [Fact]
    public void The_default_of_systemd_boot_is_a_kernel_that_can_run()
    {
        var facts = OnHardware(Firmware.Uefi);
        BootConfiguration Entry(string version) => new()
        {
            Kind = BootConfigurationKind.LoaderEntry,
            Path = $"/efi/loader/entries/{version}.conf",
            Entries = [new BootEntry(version, $"/{version}/linux", null, $"root=UUID={RootUuid} console=ttyS0", version)],
        };
        var bare = Kernel("6.9.0-custom", isDefault: true, virtio: DriverForm.Missing);
        facts = facts with
        {
            Kernels = [bare, facts.Kernels[0] with { IsDefault = false }],
            BootConfigurations = [Entry("6.9.0-custom"), Entry("6.1.0-50-amd64")],
            EfiPrograms = ["/efi/EFI/BOOT/BOOTX64.EFI"],
            Files = Files(Text("/efi/loader/loader.conf", "default 6.9*\ntimeout 1\n")),
        };
        var plan = Plan(facts);
        Assert.Equal("default 6.1.0-50-amd64.conf\ntimeout 1\n", plan.After("/efi/loader/loader.conf"));
        Assert.Contains("6.1.0-50-amd64 becomes the default", plan.Steps.Single(step => step.StepId == "kernel-choice").SkippedBecause, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DEFAULT new\nLABEL new\n  KERNEL /n\n  APPEND root=/dev/hda1\nLABEL old\n  LINUX /o\n  append root=/dev/hda1 ro\n", "DEFAULT old\nLABEL new\n")]
    [InlineData("default menu.c32\nlabel new\n  menu default\n  kernel /n\nlabel more\n  kernel more.c32\nlabel old\n  kernel /o\n", "label old\n  MENU DEFAULT\n  kernel /o\n")]
    public void The_default_of_extlinux_is_a_kernel_that_can_run(string text, string expected)
    {
        var facts = OnHardware(Firmware.Bios);
        var bare = Kernel("6.9.0-custom", isDefault: true, virtio: DriverForm.Missing);
        facts = facts with
        {
            Kernels = [bare, facts.Kernels[0] with { IsDefault = false }],
            BootConfigurations =
            [
                new BootConfiguration
                {
                    Kind = BootConfigurationKind.Extlinux,
                    Path = "/boot/extlinux/extlinux.conf",
                    Entries = [new BootEntry("new", "/n", null, "root=/dev/hda1", "6.9.0-custom"), new BootEntry("old", "/o", null, "root=/dev/hda1 ro", "6.1.0-50-amd64")],
                },
            ],
            Files = Files(Text("/boot/extlinux/extlinux.conf", text)),
        };
        var after = Plan(facts).After("/boot/extlinux/extlinux.conf") ?? "";
        Assert.Contains(expected, after, StringComparison.Ordinal);
        Assert.DoesNotContain("\n  menu default\n", after, StringComparison.Ordinal);
        Assert.DoesNotContain("/dev/hda1", after, StringComparison.Ordinal);
    }

    [Fact]
    public void The_arguments_of_kernel_install_follow()
        => Assert.Equal($"root=UUID={RootUuid} ro quiet console=tty0 console=ttyS0,115200\n", Plan(DebianPv(Text("/etc/kernel/cmdline", "root=/dev/xvda1 ro quiet console=hvc0\n"))).After("/etc/kernel/cmdline"));

    [Fact]
    public void Steps_of_this_area_have_names_that_stay()
        => Assert.Equal(3, Plan(DebianPv()).Steps.Count(step => step.StepId is "helper-partition" or "uefi-fallback" or "unified-kernels"));

    // Arch with systemd-boot, the EFI system partition on /efi.
    private static GuestFacts Unified(string arguments, bool isReady)
    {
        var facts = OnHardware(Firmware.Uefi);
        var efi = facts.Volumes[0] with { DeviceName = "hda3", PartitionNumber = 3, Offset = 1 << 28, MountPath = "/efi", Type = "vfat", Uuid = "AB12-CD34" };
        var kernel = facts.Kernels[0] with
        {
            ImagePath = "/efi/EFI/Linux/arch.efi",
            Unified = new UnifiedImage { CommandLine = arguments, KernelOffset = 4096, KernelLength = 8192, InitramfsOffset = 16384, InitramfsLength = 100 },
            Drivers = [.. facts.Kernels[0].Drivers.Select(driver => driver with { InInitramfs = isReady })],
        };
        return facts with
        {
            Volumes = [.. facts.Volumes, efi],
            Kernels = [kernel],
            BootConfigurations = [],
            EfiPrograms = ["/efi/EFI/BOOT/BOOTX64.EFI", "/efi/EFI/Linux/arch.efi", "/efi/EFI/systemd/systemd-bootx64.efi"],
            Files = Files(Text("/efi/loader/loader.conf", "timeout 3\n")),
        };
    }

    private static GuestFacts OnHardware(Firmware firmware)
    {
        var facts = DebianPv();
        var disk = facts.Disks[0] with { DiskId = "root", DeviceName = "hda", Scheme = firmware == Firmware.Uefi ? PartitionScheme.Gpt : PartitionScheme.Mbr, FirstPartitionOffset = 1 << 20, HasBootCode = true };
        var volume = facts.Volumes[0] with { PartitionNumber = 1, Offset = 1 << 20, DeviceName = "hda1" };
        var swap = facts.Volumes[1] with { DiskId = "root", PartitionNumber = 2, Offset = 1 << 29, DeviceName = "hda2" };
        return facts with
        {
            Disks = [disk],
            Volumes = [volume, swap],
            Machine = facts.Machine with { Mode = VirtualizationMode.Hardware, Firmware = firmware, Hypervisor = Hypervisor.Vmware, Disks = [facts.Machine.Disks[0] with { DeviceName = "hda" }] },
        };
    }
}
