using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Adds a partition of ours behind the guest's: an EFI system partition where it has none, or all that a guest needs whose volumes are not changed.</summary>
internal sealed class HelperPartitionStep : ConversionStep
{
    /// <summary>Directory of everything in a helper partition.</summary>
    internal const string Directory = "/rehost";

    /// <summary>The menu there.</summary>
    internal const string Configuration = Directory + "/grub.cfg";

    private const string FallbackProgram = "/EFI/BOOT/BOOTX64.EFI";
    private const long Mebibyte = 1 << 20;

    /// <summary>The smallest FAT32 has 65,525 clusters: with room for GRUB, this.</summary>
    private const long SmallestLength = 48 * Mebibyte;

    /// <summary>A kernel image is not measured by inspection; the largest of distributions have less.</summary>
    private const long KernelRoom = 24 * Mebibyte;

    private const long DriversRoom = 16 * Mebibyte;

    public override string Id => "helper-partition";

    public override string Title => "Helper partition";

    public override string Description =>
        "A guest that starts from a BIOS, or from pygrub, has no EFI system partition: for a target with UEFI one is added behind its own partitions on the disk, which grows by it, with a GRUB 2 at the path that firmware looks for by itself; " +
        "it reads the guest's own menu. With --guest-changes none, and wherever a file system can be read and not written, no volume of the guest is changed: the added partition then holds a menu, copies of kernel and initramfs, and in front of each " +
        "initramfs an archive with the target's drivers and rules for the names of devices and interfaces, which stay in /run when the guest's root takes over.";

    public override ImmutableArray<string> Requirements => ["S1.1", "S1.7", "S1.24", "S1.33"];

    public override bool EditsGuest => false;

    public override void Plan(PlanningContext context)
    {
        var isEfi = context.Target.Firmware == Firmware.Uefi;
        if (context.Target.IsXenNative)
        {
            if (context.Options.Firmware is { } asked and not Firmware.None)
            {
                context.Report(PlanDiagnostics.NoFirmwareThere.Create($"--firmware {asked.ToString().ToLowerInvariant()} and a Xen PV guest"));
            }

            if (context is { IsZeroWrite: true, Target.XenBoot: XenBootForm.Direct } && TargetFit.DefaultKernel(context.Facts, context.Target) is { } handedOut && !TryPrefix(context, handedOut, out _, out var because))
            {
                context.Report(PlanDiagnostics.InitramfsNotExtensible.Create(because, handedOut.Initramfs?.Path ?? handedOut.ImagePath));
            }

            context.Skip("a Xen PV guest has no firmware");
            return;
        }

        if (!context.IsZeroWrite && (!isEfi || BootLoaderStep.KeepsOwnLoader(context)))
        {
            context.Skip(isEfi ? "the guest has an EFI system partition" : "the guest's own volumes hold all that it needs");
            return;
        }

        var kernels = context.Facts.Kernels.Where(kernel => KernelChoiceStep.IsUsable(kernel, context.Target)).ToList();
        if (isEfi && kernels.Count > 0 && (context.Facts.OperatingSystem.Architecture != "x86_64" || !kernels.Exists(kernel => !KernelVersion.IsBefore(kernel.Version, 2, 6, 30))))
        {
            context.Report(PlanDiagnostics.NotForUefi.Create($"{string.Join(", ", kernels.Select(kernel => kernel.Version))} of a {context.Facts.OperatingSystem.Architecture} system"));
        }

        if (context.BootDisk is not { } boot)
        {
            context.Skip("there is nothing to add, or no disk to add it to");
            return;
        }

        if (!HasFreeEntry(context, boot))
        {
            context.Report(PlanDiagnostics.NoFreePartition.Create("four primary partitions, or three and an extended one", boot.Disk.DeviceName));
            return;
        }

        var files = context.IsZeroWrite ? FilesOfGuest(context, kernels) : [];
        if (isEfi)
        {
            files.Insert(0, Program(context, boot));
            context.CheckByHand("The boot loader in the added EFI system partition is not signed: leave Secure Boot off on the target until the guest has installed its own (shim and its signed GRUB).");
        }

        Add(context, boot, isEfi, files);
    }

    /// <summary>The helper partition of an earlier conversion to this very target; null when there is none, or none is needed. One for another hypervisor has other drivers.</summary>
    internal static VolumeFacts? Existing(PlanningContext context, DiskFacts disk)
    {
        var label = context.Target.Firmware == Firmware.Uefi ? AddHelperPartition.EfiLabel : context.IsZeroWrite ? AddHelperPartition.HelperLabel : null;
        return label is null || context.Facts.Machine.Hypervisor != context.Target.Hypervisor ? null
            : context.Facts.Volumes.FirstOrDefault(volume => volume.DiskId == disk.DiskId && volume.Type == "vfat" && volume.Label == label);
    }

    /// <summary>Serial number of the helper's file system, derived from the guest, so that the same guest always gets the same one.</summary>
    internal static string VolumeId(BootDisk boot)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"rehost helper volume {boot.Volume.Uuid ?? boot.Disk.TableId ?? boot.Disk.DiskId} {boot.TargetLength}")));
        return $"{Convert.ToHexString(hash.AsSpan(0, 2))}-{Convert.ToHexString(hash.AsSpan(2, 2))}";
    }

    private void Add(PlanningContext context, BootDisk boot, bool isEfi, List<HelperFile> files)
    {
        var initramfs = context.Facts.Kernels.Sum(kernel => files.Exists(file => file.CopyOf == kernel.Initramfs?.Path) ? kernel.Initramfs?.LengthBytes ?? 0 : 0);
        var room = (files.Count(file => file.CopyOf is not null) * KernelRoom) + (files.Count(file => file.Drivers is not null) * DriversRoom) + initramfs;
        var length = RoundUp(Math.Max(SmallestLength, room + (8 * Mebibyte)), Mebibyte);
        var offset = RoundUp(boot.TargetLength, Mebibyte);
        context.Add(new AddHelperPartition
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = context.IsZeroWrite
                ? $"No volume of the guest is written to: menu, kernel, initramfs and drivers go into a partition of their own behind them. The disk grows to {offset + length} bytes."
                : $"The guest has no EFI system partition, and the target's firmware starts from nothing else. The disk grows to {offset + length} bytes; the guest's own menu is read.",
            DiskId = boot.Disk.DiskId,
            Offset = offset,
            LengthBytes = length,
            TargetLength = offset + length + (boot.Disk.Scheme == PartitionScheme.Gpt ? Mebibyte : 0),
            IsEfiSystem = isEfi,
            Label = isEfi ? AddHelperPartition.EfiLabel : AddHelperPartition.HelperLabel,
            VolumeId = VolumeId(boot),
            Files = [.. files],
        });
    }

    private static HelperFile Program(PlanningContext context, BootDisk boot)
    {
        var (_, onVolume, kind) = BootLoaderStep.Menu(context, boot);
        return new HelperFile
        {
            Path = FallbackProgram,
            Loader = new EfiLoader
            {
                FileSystemUuid = context.IsZeroWrite ? VolumeId(boot) : boot.Volume.Uuid ?? "",
                Prefix = context.IsZeroWrite ? Directory : onVolume[..onVolume.LastIndexOf('/')],
                ConfigurationPath = context.IsZeroWrite ? Configuration : onVolume,
                ConfigurationKind = context.IsZeroWrite ? BootConfigurationKind.Grub2 : kind,
                GuestModulesPath = context.Facts.GrubEfiModulesPath,
                SerialConsole = context.Target.HasSerialConsole ? context.Target.SerialConsole : null,
            },
        };
    }

    private static List<HelperFile> FilesOfGuest(PlanningContext context, List<InstalledKernel> kernels)
    {
        var files = new List<HelperFile>();
        var menu = new StringBuilder("# Written by Rehost. The guest's own volumes are as they were.\nset default=0\nset timeout=3\n");
        var system = BootMenuStep.Quotable(context.Facts.OperatingSystem.Name);
        var ready = 0;
        foreach (var kernel in kernels.OrderByDescending(kernel => kernel == TargetFit.DefaultKernel(context.Facts, context.Target)))
        {
            if (!TryCarry(context, kernel, files, out var initrd))
            {
                continue;
            }

            ready++;
            var folder = $"{Directory}/{kernel.Version}";
            files.Add(new HelperFile { Path = $"{folder}/vmlinuz", CopyOf = kernel.ImagePath, Part = UnifiedKernelStep.KernelPart(kernel) });
            menu.Append($"\nmenuentry '{system}, kernel {BootMenuStep.Quotable(kernel.Version)}' {{\n  linux '{BootMenuStep.Quotable(folder)}/vmlinuz' {BootMenuStep.ArgumentsFor(kernel, context)}\n");
            menu.Append(initrd.Length > 0 ? $"  initrd {initrd}\n}}\n" : "}\n");
        }

        if (ready == 0 && kernels.Count > 0)
        {
            context.Report(PlanDiagnostics.InitramfsNotExtensible.Create("no initramfs of the guest has the target's drivers or takes them from an archive before it", kernels[0].ImagePath));
        }

        files.Add(new HelperFile { Path = Configuration, Content = menu.ToString() });
        return files;
    }

    private static bool TryCarry(PlanningContext context, InstalledKernel kernel, List<HelperFile> files, out string initrd)
    {
        initrd = "";
        if (!TryPrefix(context, kernel, out var archive, out var because))
        {
            context.Report(PlanDiagnostics.OtherInitramfsNotExtensible.Create(because, kernel.Initramfs?.Path ?? kernel.ImagePath));
            return false;
        }

        if (kernel.Initramfs is not { } initramfs)
        {
            return true;
        }

        var folder = $"{Directory}/{kernel.Version}";
        if (archive is not null)
        {
            files.Add(new HelperFile { Path = $"{folder}/drivers.img", Drivers = archive });
            initrd = $"'{BootMenuStep.Quotable(folder)}/drivers.img' ";
        }

        files.Add(new HelperFile { Path = $"{folder}/initrd.img", CopyOf = initramfs.Path, Sha256 = initramfs.Sha256, Part = UnifiedKernelStep.InitramfsPart(kernel) });
        initrd += $"'{BootMenuStep.Quotable(folder)}/initrd.img'";
        return true;
    }

    /// <summary>
    /// What goes in front of a kernel's initramfs: drivers and rules, where the program that made it looks for them; null for nothing. An initramfs without such a place may still have all that it needs.
    /// </summary>
    internal static bool TryPrefix(PlanningContext context, InstalledKernel kernel, out HelperArchive? archive, out string because)
    {
        archive = null;
        because = "";
        var needed = InitramfsDriversStep.Needed(kernel, context).ToList();
        if (kernel.Initramfs is not { } initramfs)
        {
            because = $"kernel {kernel.Version} has no initramfs, and {string.Join(", ", needed.Select(driver => driver.Name))} are modules";
            return needed.Count == 0;
        }

        var takesHooks = initramfs.Generator is InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut || initramfs is { Generator: InitramfsGenerator.Mkinitcpio, HooksPath: not null };
        if (!takesHooks)
        {
            because = $"it was made by {initramfs.Generator} and takes no drivers from outside";
            return needed.Count == 0;
        }

        var names = RuntimeRules.Files(context);
        if (needed.Count > 0 || !names.IsEmpty)
        {
            archive = new HelperArchive
            {
                KernelVersion = kernel.Version,
                Generator = initramfs.Generator,
                HooksPath = initramfs.HooksPath,
                Modules = [.. needed.SelectMany(driver => driver.LoadOrder).Distinct(StringComparer.Ordinal)],
                Files = names,
            };
        }

        return true;
    }

    private static bool HasFreeEntry(PlanningContext context, BootDisk boot)
    {
        if (boot.Disk.Scheme != PartitionScheme.Mbr)
        {
            return true;
        }

        var numbers = context.Facts.Volumes.Where(volume => volume.DiskId == boot.Disk.DiskId && volume.BuiltOn.IsEmpty).Select(volume => volume.PartitionNumber).ToList();
        return numbers.Count(number => number is > 0 and < 5) + (numbers.Exists(number => number > 4) ? 1 : 0) < 4;
    }

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;
}
