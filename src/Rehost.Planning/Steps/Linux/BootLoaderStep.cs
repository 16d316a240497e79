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
        "menu, so that the guest's next kernel update is booted too.";

    public override ImmutableArray<string> Requirements => ["S1.28", "S1.33", "S1.34"];

    public override void Plan(PlanningContext context)
    {
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

        var effective = BootMenuStep.Effective(context.Facts);
        var configuration = effective?.Path ?? BootMenuStep.OwnConfiguration;
        var mount = boot.Volume.MountPath ?? "/";
        var onVolume = mount == "/" ? configuration : configuration[mount.Length..];
        context.Add(new InstallBootloader
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = $"On Xen, pygrub in dom0 read {configuration}; on the target the disk must start by itself.",
            DiskId = boot.Disk.DiskId,
            FileSystemUuid = uuid,
            Prefix = onVolume[..onVolume.LastIndexOf('/')],
            ConfigurationPath = onVolume,
            ConfigurationKind = effective?.Kind ?? BootConfigurationKind.Grub2,
            GuestModulesPath = context.Facts.GrubModulesPath,
            SerialConsole = context.Target.SerialConsole,
            CoreOffset = boot.CoreOffset,
            CoreCapacity = boot.CoreCapacity,
        });
    }
}
