using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>The guest's boot menu: edited where it stands, written where there is none.</summary>
internal sealed partial class BootMenuStep : ConversionStep
{
    internal const string OwnConfiguration = "/boot/grub/grub.cfg";

    // /boot/grub2/grubenv is a link to the EFI system partition on Red Hat 7 and 8: one edit is enough.
    private static readonly string[] EnvironmentBlocks = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];

    public override string Id => "boot-menu";

    public override string Title => "Boot menu";

    public override string Description =>
        "The guest's own grub.cfg, menu.lst or grub.conf, extlinux.conf and entries of the Boot Loader Specification (with $kernelopts in GRUB's environment block) are edited token by token " +
        "and never made anew: root= and resume= become names that hold (UUIDs; for nash and kernels without initramfs the target's names), consoles become the target's. Where the default entry cannot run on the " +
        "target, the first that can becomes the default. pygrub ignores the boot loader's own names of disks, so that a whole disk may be named where a partition is needed: it gains the partition. A guest without a menu gets one that " +
        "starts its kernels.";

    public override ImmutableArray<string> Requirements => ["S0.18", "S0.20", "S0.21", "S0.32", "S1.22", "S1.29", "S1.31", "S1.36", "S2.11", "S2.24", "X.6"];

    public override ImmutableArray<string> Reads =>
    [
        "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/menu.lst", "/boot/grub/grub.conf", "/boot/grub/custom.cfg", "/boot/grub2/custom.cfg",
        "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/extlinux/extlinux.conf", "/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/efi/syslinux/syslinux.cfg",
        "/boot/loader/entries/*.conf", "/boot/efi/loader/entries/*.conf", "/efi/loader/entries/*.conf", "/boot/efi/EFI/*/grub.cfg", "/boot/efi/EFI/*/grub.conf", "/etc/lilo.conf", .. SystemdBoot.Files, .. EnvironmentBlocks,
    ];

    public override void Plan(PlanningContext context)
    {
        foreach (var configuration in context.Facts.BootConfigurations)
        {
            if (context.Text(configuration.Path) is not { } text)
            {
                continue;
            }

            const string reason = "Device names and consoles of the old hypervisor in the boot menu mean nothing on the target.";
            var edited = configuration.Kind switch
            {
                BootConfigurationKind.Grub2 => ChooseGrub2Default(EditGrub2(text, configuration, context), configuration, context),
                BootConfigurationKind.GrubLegacy => LegacyMenu.Edit(text, configuration, context),
                BootConfigurationKind.Extlinux => ExtlinuxMenu.Edit(text, configuration, context),
                BootConfigurationKind.LoaderEntry => EditLoaderEntry(text, configuration, context),
                BootConfigurationKind.Lilo => LiloMenu.Edit(text, configuration, context),
                _ => throw new InvalidOperationException($"unknown boot configuration {configuration.Kind}"),
            };
            context.SetText(configuration.Path, edited, reason);
        }

        if (BootLoaderStep.KeepsOwnLoader(context))
        {
            SystemdBoot.ChooseDefault(context);
        }

        foreach (var path in EnvironmentBlocks)
        {
            if (context.Text(path) is { } block)
            {
                EditEnvironment(path, block, context);
            }
        }

        if (NeedsOwnMenu(context) && !context.Facts.Kernels.IsEmpty)
        {
            context.SetText(OwnConfiguration, WriteMenu(context), Effective(context.Facts) is { } effective
                ? effective.UsesLoaderEntries ? $"{effective.Path} takes its entries from /boot/loader/entries, which the boot loader of the target does not read."
                    : $"{effective.Path} names files as SUSE's GRUB does, from the default subvolume; the boot loader of the target sees the file system from its top."
                : "The guest has no boot menu that GRUB reads: its kernel was started from outside, or by another boot loader.");
            if (Effective(context.Facts) is { UsesLoaderEntries: true } && context.Target.Mode != VirtualizationMode.Paravirtual)
            {
                context.CheckByHand("The guest's kernel updates write entries of the Boot Loader Specification, which the boot loader of the target does not read. Once it runs there, let it install its own: grub2-install with the disk's name.");
            }
        }

        foreach (var other in context.Facts.OtherBootLoaders)
        {
            context.Report(PlanDiagnostics.OtherBootLoader.Create(other));
        }

        if (UsesLilo(context.Facts))
        {
            context.CheckByHand("LILO started this guest; a GRUB 2 of ours starts it now, from /boot/grub/grub.cfg. Install GRUB in the guest, or run lilo after each kernel update: its configuration names the target's disks.");
        }

        context.Skip("the boot menu needs no change");
    }

    /// <summary>The configuration that the boot loader will read; null when the guest has none that GRUB understands.</summary>
    internal static BootConfiguration? Effective(GuestFacts facts) => facts.BootConfigurations
        .FirstOrDefault(configuration => configuration.Kind is BootConfigurationKind.Grub2 or BootConfigurationKind.GrubLegacy && !configuration.Entries.IsEmpty);

    /// <summary>Whether the guest gets a menu of ours: pygrub and a GRUB of ours read no entries of the Boot Loader Specification, and a guest that dom0 started may have no menu at all.</summary>
    internal static bool NeedsOwnMenu(PlanningContext context)
    {
        if (BootLoaderStep.KeepsOwnLoader(context))
        {
            return false;
        }

        // pygrub reads extlinux as well; a GRUB of ours does not.
        var effective = Effective(context.Facts);
        return effective is null
            ? !context.Target.IsXenNative || !context.Facts.BootConfigurations.Any(configuration => configuration.Kind == BootConfigurationKind.Extlinux && !configuration.Entries.IsEmpty)
            : effective.UsesLoaderEntries // blscfg is Red Hat's own, and not in a core image of ours
                || IsRelative(effective, context);
    }

    // SUSE's GRUB takes paths from the default subvolume (btrfs_relative_path), everybody else's from the top of the file system.
    private static bool IsRelative(BootConfiguration configuration, PlanningContext context)
        => configuration.Kind == BootConfigurationKind.Grub2 && context.Devices.Holding(configuration.Path) is { Type: "btrfs", Subvolume: { Length: > 0 } subvolume }
        && configuration.Entries.Any(entry => entry.KernelVersion is not null && !entry.KernelPath.StartsWith($"/{subvolume}/", StringComparison.Ordinal));

    /// <summary>Whether LILO starts the guest: it is there, and nothing else has a menu.</summary>
    internal static bool UsesLilo(GuestFacts facts)
        => facts.BootConfigurations.Any(configuration => configuration.Kind == BootConfigurationKind.Lilo) && !facts.BootConfigurations.Any(configuration => configuration.Kind != BootConfigurationKind.Lilo && !configuration.Entries.IsEmpty);

    /// <summary>How the kernel that a line of a menu names wants to be told of its root.</summary>
    internal static RootNaming NamingOf(string kernelPath, BootConfiguration configuration, PlanningContext context)
    {
        var close = kernelPath.StartsWith('(') ? kernelPath.IndexOf(')', StringComparison.Ordinal) : -1;
        var path = close < 0 ? kernelPath : kernelPath[(close + 1)..];
        var version = configuration.Entries.FirstOrDefault(entry => entry.KernelPath == path)?.KernelVersion;
        return RootNames.For(context.Facts.Kernels.FirstOrDefault(kernel => kernel.Version == version && version is not null));
    }

    // The index of the first entry that the target can run, when the default one cannot; null when the default is fine.
    internal static int? BetterDefault(BootConfiguration configuration, PlanningContext context)
    {
        bool CanRun(BootEntry entry) => context.Facts.Kernels.Any(kernel => kernel.Version == entry.KernelVersion && KernelChoiceStep.IsUsable(kernel, context.Target));
        if (configuration.DefaultIndex < configuration.Entries.Length && CanRun(configuration.Entries[configuration.DefaultIndex]))
        {
            return null;
        }

        var better = configuration.Entries.ToList().FindIndex(CanRun);
        return better < 0 ? null : better;
    }

    private static string EditGrub2(string text, BootConfiguration configuration, PlanningContext context) => Lines.Map(text, original =>
    {
        // Names that only one firmware's GRUB has: linux16 a BIOS, linuxefi Red Hat's for UEFI. A GRUB of ours knows the plain ones for either.
        var line = context.BootDisk is not null && !BootLoaderStep.KeepsOwnLoader(context) ? FirmwareCommand(context).Replace(original, "${head}${name}") : original;
        var kernel = Grub2Kernel().Match(line);
        if (kernel.Success)
        {
            var rewritten = kernel.Groups["head"].Value + KernelArguments.Rewrite(kernel.Groups["arguments"].Value, context, NamingOf(kernel.Groups["path"].Value, configuration, context));
            return OwnInitramfs.BesideKernel(kernel.Groups["path"].Value, configuration, context) is { } initrd
                ? $"{rewritten}\n{kernel.Groups["indent"].Value}initrd{kernel.Groups["firmware"].Value} {initrd}" : rewritten;
        }

        // What Red Hat's entries take where the environment block has no kernelopts.
        var fallback = Grub2KernelOptions().Match(line);
        if (fallback.Success)
        {
            return fallback.Groups["head"].Value + KernelArguments.Rewrite(fallback.Groups["arguments"].Value, context, RootNames.For(TargetFit.DefaultKernel(context.Facts, context.Target))) + fallback.Groups["tail"].Value;
        }

        // The menu is shown on the screen and on the serial line (S1.36); graphics need modules that a core of ours does not hold.
        var terminal = Grub2Terminal().Match(line);
        if (terminal.Success && context.BootDisk is not null && context.Target.HasSerialConsole)
        {
            return terminal.Groups["head"].Value + "console serial";
        }

        return context.BootDisk is { } boot ? Grub2Root().Replace(line, $"${{head}}{boot.GrubName}${{tail}}") : line;
    });

    private static Regex FirmwareCommand(PlanningContext context) => context.Target.Firmware == Firmware.Uefi ? BiosCommand() : EfiCommand();

    // "options $kernelopts $tuned_params": variables stay, they are set in the environment block.
    private static string EditLoaderEntry(string text, BootConfiguration configuration, PlanningContext context) => Lines.Map(text, line =>
        EntryOptions().Match(line) is { Success: true } options
            ? options.Groups["head"].Value + KernelArguments.Rewrite(options.Groups["arguments"].Value, context, NamingOf(configuration.Entries.IsEmpty ? "" : configuration.Entries[0].KernelPath, configuration, context),
                isWhole: !options.Groups["arguments"].Value.Contains("$kernelopts", StringComparison.Ordinal))
            : EntryKernel().Match(line) is { Success: true } kernel && OwnInitramfs.BesideKernel(kernel.Groups["path"].Value, configuration, context) is { } initrd ? $"{line}\ninitrd {initrd}"
            : line);

    private static void EditEnvironment(string path, string block, PlanningContext context)
    {
        var edited = block;
        if (GrubEnvironment.Value(edited, "kernelopts") is { } options)
        {
            edited = GrubEnvironment.With(edited, "kernelopts", KernelArguments.Rewrite(options, context, RootNames.For(TargetFit.DefaultKernel(context.Facts, context.Target))));
        }

        // Which entry a kernel's installation made the default is kept by name here, for menus of the Boot Loader Specification.
        if (GrubEnvironment.Value(edited, "saved_entry") is not null && context.Facts.BootConfigurations.FirstOrDefault(configuration => configuration.UsesLoaderEntries) is { } menu
            && BetterDefault(menu, context) is { } index
            && context.Facts.BootConfigurations.FirstOrDefault(one => one.Kind == BootConfigurationKind.LoaderEntry && one.Entries.Any(entry => entry.KernelVersion == menu.Entries[index].KernelVersion)) is { } entry)
        {
            edited = GrubEnvironment.With(edited, "saved_entry", entry.Path[(entry.Path.LastIndexOf('/') + 1)..^".conf".Length]);
        }

        if (edited.Length > GrubEnvironment.Size)
        {
            context.Report(PlanDiagnostics.EnvironmentFull.Create($"{edited.Length} bytes are needed, the block has {GrubEnvironment.Size}", path));
            return;
        }

        context.SetText(path, edited, "GRUB puts these arguments into every entry of /boot/loader/entries; the block keeps its length, because GRUB writes it by disk sectors.");
    }

    private static string ChooseGrub2Default(string text, BootConfiguration configuration, PlanningContext context)
        => !configuration.UsesLoaderEntries && BetterDefault(configuration, context) is { } index ? Grub2Default().Replace(text, "${head}\"" + index + "\"") : text;

    private static string WriteMenu(PlanningContext context)
    {
        var menu = new StringBuilder("# Written by Rehost: nothing here was read by the boot loader of the target.\nset default=0\nset timeout=3\n");
        foreach (var kernel in context.Facts.Kernels.Where(kernel => KernelChoiceStep.IsUsable(kernel, context.Target)))
        {
            var arguments = ArgumentsFor(kernel, context);
            var image = UnifiedKernelStep.ImagePath(kernel);
            menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"\nmenuentry 'Linux {Quotable(kernel.Version)}' {{\n");
            if (context.Devices.Holding(image) is { Uuid: { } uuid } volume && volume.DeviceName != context.Devices.Holding(OwnConfiguration)?.DeviceName)
            {
                menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"  search --no-floppy --fs-uuid --set=root {uuid}\n");
            }

            menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"  linux {OnVolume(context, image)} {arguments}\n");
            if ((OwnInitramfs.PathFor(context, kernel) ?? UnifiedKernelStep.InitramfsPath(kernel)) is { } initramfs)
            {
                menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"  initrd {OnVolume(context, initramfs)}\n");
            }

            menu.Append("}\n");
        }

        return menu.ToString();
    }

    /// <summary>All arguments of a kernel on the target, its root among them: for a menu of ours, and for a kernel that dom0 hands out.</summary>
    internal static string ArgumentsFor(InstalledKernel kernel, PlanningContext context)
    {
        // A kernel of dom0 got all of its arguments there; a boot loader's were added to those of the menu.
        var outside = context.Facts.Machine.ParavirtualBoot?.CommandLine ?? "";
        var given = outside.Length > 0 && context.Facts.Machine.ParavirtualBoot?.Bootloader is null ? outside : $"{ArgumentsOf(kernel, context)} {outside}".Trim();
        if (given.Contains("$kernelopts", StringComparison.Ordinal))
        {
            var block = EnvironmentBlocks.Select(path => context.Facts.Files.GetValueOrDefault(path)?.Text).FirstOrDefault(text => text is not null) ?? "";
            given = given.Replace("$kernelopts", GrubEnvironment.Value(block, "kernelopts") ?? "", StringComparison.Ordinal);
        }

        var naming = RootNames.For(kernel);
        var arguments = KernelArguments.Rewrite(string.Join(' ', given.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(token => !token.StartsWith('$'))), context, naming);
        return !arguments.Contains("root=", StringComparison.Ordinal) && context.Devices.Root is { } root
            ? $"root={RootNames.NameOf(root, naming, context.Devices)} ro {arguments}"
            : arguments;
    }

    // What another boot loader gave the kernel: entries of loader/entries, extlinux.
    private static string ArgumentsOf(InstalledKernel kernel, PlanningContext context) => context.Facts.BootConfigurations
        .SelectMany(configuration => configuration.Entries).FirstOrDefault(entry => entry.KernelVersion == kernel.Version)?.Arguments ?? kernel.Unified?.CommandLine ?? "";

    // GRUB sees a path from the volume that holds it: /vmlinuz on a separate /boot.
    internal static string OnVolume(PlanningContext context, string path)
    {
        var volume = context.Devices.Holding(path);
        return OnVolume(volume, path);
    }

    /// <summary>The same, of a volume that holds it. GRUB sees a Btrfs from its top level: /@/boot/vmlinuz, whatever subvolume the guest has as its root.</summary>
    internal static string OnVolume(VolumeFacts? volume, string path)
    {
        var mount = volume?.MountPath ?? "/";
        var top = volume?.Subvolume is { Length: > 0 } subvolume ? "/" + subvolume : "";
        return top + (mount == "/" ? path : path[mount.Length..]);
    }

    internal static string Quotable(string version) => version.Replace("'", "", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<head>(?<indent>\s*)linux(?<firmware>16|efi)?\s+(?<path>\S+)\s*)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Kernel();

    [GeneratedRegex("""^(?<head>\s*set\s+kernelopts=")(?<arguments>[^"]*)(?<tail>"\s*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2KernelOptions();

    [GeneratedRegex(@"^(?<head>\s*)(?<name>linux|initrd)16(?=\s)", RegexOptions.CultureInvariant)]
    private static partial Regex BiosCommand();

    [GeneratedRegex(@"^(?<head>\s*)(?<name>linux|initrd)efi(?=\s)", RegexOptions.CultureInvariant)]
    private static partial Regex EfiCommand();

    [GeneratedRegex(@"^(?<head>\s*set\s+root=['""]?\(?)((hd|xen/xvd)[0-9a-z]+)(?<tail>\)?['""]?\s*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Root();

    [GeneratedRegex(@"^(?<head>\s*terminal_(input|output)\s+)(console|gfxterm|vga_text)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Terminal();

    [GeneratedRegex(@"^(?<head>set default=)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Default();

    [GeneratedRegex(@"^linux\s+(?<path>\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex EntryKernel();

    [GeneratedRegex(@"^(?<head>options\s+)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex EntryOptions();
}
