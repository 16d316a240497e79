using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Installs GRUB 2 for BIOS on the boot disk, offline.</summary>
internal sealed class BootLoaderStep : ConversionStep
{
    public override string Id => "boot-loader";

    public override string Title => "Boot loader for the target's firmware";

    public override string Description =>
        "A Xen PV guest has no boot loader of its own: pygrub runs in dom0. GRUB 2 is put together from its own unmodified files (the guest's where it has them, " +
        "else this machine's) and written as grub-install would, without running it: boot.img into the first sector, core.img behind it. It reads the guest's own " +
        "menu, so that the guest's next kernel update is booted too. A guest that starts by itself on its source keeps its own boot loader; on Xen PV there is none to install.";

    public override ImmutableArray<string> Requirements => ["S0.31", "S1.28", "S1.33", "S1.34", "S2.24"];

    public override void Plan(PlanningContext context)
    {
        if (context.Target.Mode == VirtualizationMode.Paravirtual)
        {
            PlanParavirtual(context);
            return;
        }

        if (KeepsOwnLoader(context))
        {
            context.Skip(context.Target.Firmware == Firmware.Uefi
                ? "the guest starts from UEFI, and its boot loader on the EFI system partition starts on the target as well"
                : "the guest's own boot loader in its first sector starts on the target as well");
            return;
        }

        if (context.BootDisk is not { } boot)
        {
            context.Skip("there is no disk to put a boot loader on");
            return;
        }

        if (boot.Volume.Uuid is not { } uuid)
        {
            context.Report(PlanDiagnostics.NoUuid.Create($"{boot.Volume.Type} on {boot.Volume.DeviceName}", boot.Volume.DeviceName));
            return;
        }

        var effective = BootMenuStep.NeedsOwnMenu(context) ? null : BootMenuStep.Effective(context.Facts);
        var configuration = effective?.Path ?? BootMenuStep.OwnConfiguration;
        var mount = boot.Volume.MountPath ?? "/";
        var onVolume = mount == "/" ? configuration : configuration[mount.Length..];
        context.Add(new InstallBootloader
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = context.Facts.Machine.Mode == VirtualizationMode.Paravirtual
                ? $"On the source, something outside the disk (pygrub in dom0) read {configuration}; on the target the disk must start by itself."
                : $"No disk of the guest has a boot loader in its first sector; on the target the disk must start by itself, and reads {configuration}.",
            DiskId = boot.Disk.DiskId,
            FileSystemUuid = uuid,
            Prefix = onVolume[..onVolume.LastIndexOf('/')],
            ConfigurationPath = onVolume,
            ConfigurationKind = effective?.Kind ?? BootConfigurationKind.Grub2,
            GuestModulesPath = context.Facts.GrubModulesPath,
            SerialConsole = context.Target.HasSerialConsole ? context.Target.SerialConsole : null,
            CoreOffset = boot.CoreOffset,
            CoreCapacity = boot.CoreCapacity,
        });
    }

    /// <summary>Whether the guest starts by itself already: from UEFI, or with boot code in the first sector of the disk that it starts from.</summary>
    internal static bool KeepsOwnLoader(PlanningContext context)
        => context.Target.Mode != VirtualizationMode.Paravirtual && context.Facts.Machine.Mode == VirtualizationMode.Hardware
        && (context.Target.Firmware == Firmware.Uefi || context.Facts.Disks.Any(disk => disk.HasBootCode && disk.Scheme != PartitionScheme.None));

    // pygrub reads ext2, ext3, ext4, ReiserFS, FAT and XFS before its version 5 with libfsimage (S2.24).
    private static void PlanParavirtual(PlanningContext context)
    {
        if (context.Devices.Holding("/boot/grub") is { } volume && TargetFit.DefaultKernel(context.Facts, context.Target) is { } kernel
            && (volume.Type is "xfs" or "btrfs" or "f2fs" || !volume.BuiltOn.IsEmpty))
        {
            context.Report(PlanDiagnostics.PygrubCannotRead.Create($"{volume.Type} on {volume.DeviceName} holds {kernel.ImagePath}", volume.DeviceName));
            context.CheckByHand($"Copy {kernel.ImagePath}{(kernel.Initramfs is { } initramfs ? $" and {initramfs.Path}" : "")} to dom0 and name them there as kernel= and ramdisk=.");
        }

        context.Skip("a Xen PV guest has no boot loader of its own: pygrub in dom0 reads its menu");
    }
}
