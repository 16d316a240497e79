using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Boot loaders other than GRUB, and where firmware looks for them.</summary>
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
    public void Steps_of_this_area_have_names_that_stay()
        => Assert.Equal(2, Plan(DebianPv()).Steps.Count(step => step.StepId is "helper-partition" or "uefi-fallback"));

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
