using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Unified kernel images: left alone where kernel, drivers and arguments fit the target, taken apart beside themselves where not.</summary>
internal sealed partial class UnifiedKernelStep : ConversionStep
{
    private const string Folder = "rehost";

    public override string Id => "unified-kernels";

    public override string Title => "Unified kernel images";

    public override string Description =>
        "A unified kernel image holds kernel, initramfs and arguments in one signed program, which cannot be edited without its key. Where its arguments and drivers fit the target it stays what is started. Otherwise kernel and initramfs are " +
        "taken out of it into files beside it, with the target's drivers in front, and systemd-boot gets an entry for them with the edited arguments, as its default; where the target starts from a BIOS, a GRUB 2 of ours starts them. The image itself stays.";

    public override ImmutableArray<string> Requirements => ["S1.24", "S1.29", "S1.33"];

    public override ImmutableArray<string> Reads => [.. SystemdBoot.Files];

    public override void Plan(PlanningContext context)
    {
        string? first = null;
        foreach (var kernel in context.Facts.Kernels.Where(kernel => kernel.Unified is not null && KernelChoiceStep.IsUsable(kernel, context.Target)))
        {
            if (Unpack(context, kernel) is { } entry)
            {
                first ??= entry;
            }
        }

        if (first is { Length: > 0 } wanted)
        {
            SetDefault(context, wanted);
        }

        context.Skip(context.Facts.Kernels.Any(kernel => kernel.Unified is not null) ? "arguments and drivers of the guest's unified kernel images fit the target" : "the guest has no unified kernel image");
    }

    /// <summary>Guest path of the kernel that a boot loader starts: of a unified image, that of the kernel taken out of it.</summary>
    internal static string ImagePath(InstalledKernel kernel) => kernel.Unified is null ? kernel.ImagePath : $"{DirectoryOf(kernel)}/vmlinuz";

    /// <summary>Where the kernel is in a unified image; null for a file of its own.</summary>
    internal static FilePart? KernelPart(InstalledKernel kernel) => kernel.Unified is { } image ? new FilePart(image.KernelOffset, image.KernelLength) : null;

    /// <summary>Where its initramfs is in a unified image; null for a file of its own.</summary>
    internal static FilePart? InitramfsPart(InstalledKernel kernel) => kernel.Unified is { } image ? new FilePart(image.InitramfsOffset, image.InitramfsLength) : null;

    /// <summary>Guest path of its initramfs; null when there is none.</summary>
    internal static string? InitramfsPath(InstalledKernel kernel) => kernel.Unified is null ? kernel.Initramfs?.Path : kernel.Initramfs is null ? null : $"{DirectoryOf(kernel)}/initrd.img";

    // The name of the entry for systemd-boot; empty for a GRUB of ours, null when nothing is to be done.
    private string? Unpack(PlanningContext context, InstalledKernel kernel)
    {
        if (kernel.Unified is not { } image)
        {
            return null;
        }

        var keeps = BootLoaderStep.KeepsOwnLoader(context);
        var drivers = InitramfsDriversStep.Needed(kernel, context).ToList();
        var arguments = BootMenuStep.ArgumentsFor(kernel, context);
        if (keeps && drivers.Count == 0 && arguments == image.CommandLine)
        {
            return null;
        }

        var version = SafeName().Replace(kernel.Version, "_");
        var partition = PartitionOf(kernel);
        var entry = $"{partition}/loader/entries/{Folder}-{version}.conf";
        if (context.Exists(entry))
        {
            return null; // An earlier conversion was here; its entry is edited as any other.
        }

        if (kernel.Initramfs is { } initramfs && drivers.Count > 0 && initramfs.Generator is not (InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut) && initramfs is not { Generator: InitramfsGenerator.Mkinitcpio, HooksPath: not null })
        {
            context.Report(PlanDiagnostics.InitramfsNotExtensible.Create($"the one in it was made by {initramfs.Generator} and lacks {string.Join(", ", drivers.Select(driver => driver.Name))}", kernel.ImagePath));
            return null;
        }

        var isStartedByFirmware = keeps && !context.Facts.EfiPrograms.Any(path => path.Contains("/systemd-boot", StringComparison.OrdinalIgnoreCase));
        if (isStartedByFirmware)
        {
            context.Report(PlanDiagnostics.UnifiedImageStartedByFirmware.Create($"{(drivers.Count > 0 ? $"its initramfs lacks {string.Join(", ", drivers.Select(driver => driver.Name))}" : $"its arguments are \"{image.CommandLine}\", needed are \"{arguments}\"")}", kernel.ImagePath));
            return null;
        }

        context.Add(new UnpackUnifiedKernel
        {
            StepId = Id,
            Requirements = Requirements,
            Reason = drivers.Count > 0 ? $"The initramfs inside {kernel.ImagePath} lacks {string.Join(", ", drivers.Select(driver => driver.Name))}, and the image cannot be edited without the key that it was signed with."
                : $"The arguments inside {kernel.ImagePath} (\"{image.CommandLine}\") do not fit the target, and the image cannot be edited without the key that it was signed with.",
            ImagePath = kernel.ImagePath,
            Image = image,
            KernelPath = ImagePath(kernel),
            InitramfsPath = InitramfsPath(kernel),
            Generator = kernel.Initramfs?.Generator ?? InitramfsGenerator.Unknown,
            HooksPath = kernel.Initramfs?.HooksPath,
            Modules = [.. drivers.SelectMany(driver => driver.LoadOrder).Distinct(StringComparer.Ordinal)],
        });
        if (!keeps)
        {
            return "";
        }

        var seen = DirectoryOf(kernel)[partition.Length..];
        context.SetText(entry, $"title {context.Facts.OperatingSystem.Name} ({kernel.Version}, moved)\nversion {kernel.Version}\nlinux {seen}/vmlinuz\n{(kernel.Initramfs is null ? "" : $"initrd {seen}/initrd.img\n")}options {arguments}\n",
            "systemd-boot starts kernel and initramfs with the arguments of this entry; those inside the image would be used otherwise.");
        return $"{Folder}-{version}.conf";
    }

    private static void SetDefault(PlanningContext context, string entry)
    {
        var partition = context.Facts.Kernels.Where(kernel => kernel.Unified is not null).Select(PartitionOf).First();
        SystemdBoot.SetDefault(context, partition, entry, "The entry with the target's arguments becomes the default.");
        context.CheckByHand($"Kernel updates make new unified images; the entry {entry} keeps starting the kernel that was there at the conversion. Remove it, and the directory {Folder} beside it, once an image of the guest's own boots.");
    }

    // /boot/efi/EFI/Linux/arch.efi is on what is mounted at /boot/efi.
    private static string PartitionOf(InstalledKernel kernel)
    {
        var parts = kernel.ImagePath.Split('/');
        return string.Join('/', parts[..Math.Max(0, parts.Length - 3)]);
    }

    private static string DirectoryOf(InstalledKernel kernel) => $"{PartitionOf(kernel)}/{Folder}/{SafeName().Replace(kernel.Version, "_")}";

    [GeneratedRegex("[^A-Za-z0-9._+-]", RegexOptions.CultureInvariant)]
    private static partial Regex SafeName();
}
