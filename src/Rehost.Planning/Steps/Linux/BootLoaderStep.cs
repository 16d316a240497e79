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

    public override bool EditsGuest => false;

    public override void Plan(PlanningContext context)
    {
        XenBoot.Report(context);
        if (context.Target.IsXenNative)
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

        if (context.Target.Firmware == Firmware.Uefi)
        {
            context.Skip("the EFI system partition that is added holds the boot loader");
            return;
        }

        if (context.IsZeroWrite)
        {
            PlanFromHelper(context, boot);
            return;
        }

        if (boot.Volume.Uuid is not { } uuid)
        {
            context.Report(PlanDiagnostics.NoUuid.Create($"{boot.Volume.Type} on {boot.Volume.DeviceName}", boot.Volume.DeviceName));
            return;
        }

        var (configuration, onVolume, kind) = Menu(context, boot);
        context.Add(new InstallBootloader
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = context.Facts.Machine.Mode == VirtualizationMode.Hardware
                ? $"What started the guest on its source does not start it on the target; GRUB 2 in the disk's first sectors reads {configuration}."
                : $"On the source, something outside the disk (pygrub in dom0) read {configuration}; on the target the disk must start by itself.",
            DiskId = boot.Disk.DiskId,
            FileSystemUuid = uuid,
            Prefix = onVolume[..onVolume.LastIndexOf('/')],
            ConfigurationPath = onVolume,
            ConfigurationKind = kind,
            GuestModulesPath = context.Facts.GrubModulesPath,
            SerialConsole = context.Target.HasSerialConsole ? context.Target.SerialConsole : null,
            CoreOffset = boot.CoreOffset,
            CoreCapacity = boot.CoreCapacity,
        });
    }

    /// <summary>
    /// Whether the guest starts by itself already: from UEFI as before, or with boot code in the first sector of the disk that it starts from. LILO does not: it finds kernel and initramfs by the
    /// numbers of their blocks, which hold no longer once a file is edited.
    /// </summary>
    internal static bool KeepsOwnLoader(PlanningContext context)
        => !context.IsZeroWrite && !context.Target.IsXenNative && context.Facts.Machine.Mode == VirtualizationMode.Hardware
        && (context.Facts.Machine.Firmware == Firmware.Uefi) == (context.Target.Firmware == Firmware.Uefi) && !BootMenuStep.UsesLilo(context.Facts)
        && (context.Target.Firmware == Firmware.Uefi || context.Facts.Disks.Any(disk => disk.HasBootCode && disk.Scheme != PartitionScheme.None));

    /// <summary>The volume that holds the menu that a boot loader of ours reads.</summary>
    internal static VolumeFacts? MenuVolume(PlanningContext context)
        => context.Devices.Holding(context.IsZeroWrite || BootMenuStep.NeedsOwnMenu(context) ? BootMenuStep.OwnConfiguration : BootMenuStep.Effective(context.Facts)?.Path ?? BootMenuStep.OwnConfiguration);

    /// <summary>The menu that a boot loader of ours reads: guest path, path as seen from its volume, language.</summary>
    internal static (string Path, string OnVolume, BootConfigurationKind Kind) Menu(PlanningContext context, BootDisk boot)
    {
        var effective = BootMenuStep.NeedsOwnMenu(context) ? null : BootMenuStep.Effective(context.Facts);
        var path = effective?.Path ?? BootMenuStep.OwnConfiguration;
        return (path, BootMenuStep.OnVolume(boot.Volume, path), effective?.Kind ?? BootConfigurationKind.Grub2);
    }

    private void PlanFromHelper(PlanningContext context, BootDisk boot) => context.Add(new InstallBootloader
    {
        StepId = Id,
        Requirements = Requirements,
        Reason = "The guest's volumes stay as they are: the disk starts with a boot loader that reads its menu, its kernel and its initramfs from the helper partition.",
        DiskId = boot.Disk.DiskId,
        FileSystemUuid = HelperPartitionStep.VolumeId(boot),
        Prefix = HelperPartitionStep.Directory,
        ConfigurationPath = HelperPartitionStep.Configuration,
        ConfigurationKind = BootConfigurationKind.Grub2,
        GuestModulesPath = context.Facts.GrubModulesPath,
        SerialConsole = context.Target.HasSerialConsole ? context.Target.SerialConsole : null,
        CoreOffset = boot.CoreOffset,
        CoreCapacity = boot.CoreCapacity,
    });

    // pygrub reads ext2, ext3, ext4, ReiserFS, FAT and XFS before its version 5 with libfsimage (S2.24).
    private static void PlanParavirtual(PlanningContext context)
    {
        if (context.Target.XenBoot == XenBootForm.Direct)
        {
            context.Skip("dom0 hands out kernel and initramfs: no boot loader reads the disk");
            return;
        }

        if (context.Target.XenBoot == XenBootForm.Pvgrub)
        {
            context.Skip("dom0 hands out GRUB built for Xen, which reads the guest's menu");
            return;
        }

        if (PygrubLimits.WhyNot(context.Facts, context.Target, context.Options) is { } reason && TargetFit.DefaultKernel(context.Facts, context.Target) is { } kernel)
        {
            context.Report(PlanDiagnostics.PygrubCannotRead.Create(reason, context.Devices.Holding(kernel.ImagePath)?.DeviceName));
            context.CheckByHand($"Copy {kernel.ImagePath}{(kernel.Initramfs is { } initramfs ? $" and {initramfs.Path}" : "")} to dom0 and name them there as kernel= and ramdisk=.");
        }

        context.Skip($"a Xen {(context.Target.Mode == VirtualizationMode.Pvh ? "PVH" : "PV")} guest has no boot loader of its own: pygrub in dom0 reads its menu");
    }
}
