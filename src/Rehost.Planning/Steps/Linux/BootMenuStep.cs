using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>The guest's boot menu: edited where it stands, written where there is none.</summary>
internal sealed partial class BootMenuStep : ConversionStep
{
    internal const string OwnConfiguration = "/boot/grub/grub.cfg";

    public override string Id => "boot-menu";

    public override string Title => "Boot menu";

    public override string Description =>
        "The guest's own grub.cfg, menu.lst or grub.conf is edited token by token and never made anew: root= and resume= become UUIDs, Xen's console becomes the screen " +
        "and the serial line. pygrub ignores the boot loader's own names of disks, so that a whole disk may be named where a partition is needed: it gains the partition. A guest without a menu gets one that " +
        "starts its best kernel.";

    public override ImmutableArray<string> Requirements => ["S1.22", "S1.29", "S1.31", "S1.36", "X.6"];

    public override ImmutableArray<string> Reads =>
    [
        "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/menu.lst", "/boot/grub/grub.conf", "/boot/grub/custom.cfg", "/boot/grub2/custom.cfg",
        "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/extlinux/extlinux.conf", "/extlinux.conf",
    ];

    public override void Plan(PlanningContext context)
    {
        foreach (var configuration in context.Facts.BootConfigurations)
        {
            if (context.Text(configuration.Path) is not { } text)
            {
                continue;
            }

            const string reason = "Device names and consoles of Xen in the boot menu mean nothing on the target.";
            switch (configuration.Kind)
            {
                case BootConfigurationKind.Grub2:
                    context.SetText(configuration.Path, ChooseGrub2Default(EditGrub2(text, context), configuration, context), reason);
                    break;
                case BootConfigurationKind.GrubLegacy:
                    context.SetText(configuration.Path, ChooseLegacyDefault(EditLegacy(text, context), configuration, context), reason);
                    break;
                case BootConfigurationKind.Extlinux:
                    break; // Not what will be started: the guest gets a grub.cfg below.
                default:
                    throw new InvalidOperationException($"unknown boot configuration {configuration.Kind}");
            }
        }

        if (Effective(context.Facts) is null && !context.Facts.Kernels.IsEmpty)
        {
            context.SetText(OwnConfiguration, WriteMenu(context), "The guest has no boot menu that GRUB reads: its kernel was started from outside.");
        }

        context.Skip("the boot menu needs no change");
    }

    /// <summary>The configuration that the boot loader will read; null when the guest has none that GRUB understands.</summary>
    internal static BootConfiguration? Effective(GuestFacts facts) => facts.BootConfigurations
        .FirstOrDefault(configuration => configuration.Kind != BootConfigurationKind.Extlinux && !configuration.Entries.IsEmpty);

    private static string EditGrub2(string text, PlanningContext context) => Lines.Map(text, line =>
    {
        var kernel = Grub2Kernel().Match(line);
        if (kernel.Success)
        {
            return kernel.Groups["head"].Value + KernelArguments.Rewrite(kernel.Groups["arguments"].Value, context, hasInitramfs: true);
        }

        // The menu is shown on the screen and on the serial line (S1.36); graphics need modules that a core of ours does not hold.
        var terminal = Grub2Terminal().Match(line);
        if (terminal.Success)
        {
            return terminal.Groups["head"].Value + "console serial";
        }

        return context.BootDisk is { } boot ? Grub2Root().Replace(line, $"${{head}}{boot.GrubName}${{tail}}") : line;
    });

    private static string EditLegacy(string text, PlanningContext context) => Lines.Map(text, original =>
    {
        var line = context.BootDisk is { } boot ? LegacyRoot().Replace(original, $"${{head}}(hd0,{boot.PartitionNumber - 1})") : original;
        var kernel = LegacyKernel().Match(line);
        if (kernel.Success)
        {
            return kernel.Groups["head"].Value + KernelArguments.Rewrite(kernel.Groups["arguments"].Value, context, hasInitramfs: true);
        }

        // Debian's update-grub keeps its options in comments: "# kopt=root=/dev/xvda1 ro", "# groot=(hd0)".
        var options = LegacyOptions().Match(line);
        if (options.Success)
        {
            return options.Groups["head"].Value + KernelArguments.Rewrite(options.Groups["arguments"].Value, context, hasInitramfs: true);
        }

        return line;
    });

    private static string ChooseGrub2Default(string text, BootConfiguration configuration, PlanningContext context)
        => BetterDefault(configuration, context) is { } index ? Grub2Default().Replace(text, "${head}\"" + index + "\"") : text;

    private static string ChooseLegacyDefault(string text, BootConfiguration configuration, PlanningContext context)
        => BetterDefault(configuration, context) is { } index ? LegacyDefault().Replace(text, "${head}" + index) : text;

    // The index of the first entry that the target can run, when the default one cannot; null when the default is fine.
    private static int? BetterDefault(BootConfiguration configuration, PlanningContext context)
    {
        bool CanRun(BootEntry entry) => context.Facts.Kernels.Any(kernel => kernel.Version == entry.KernelVersion && KernelChoiceStep.IsUsable(kernel, context.Target));
        if (configuration.DefaultIndex < configuration.Entries.Length && CanRun(configuration.Entries[configuration.DefaultIndex]))
        {
            return null;
        }

        var better = configuration.Entries.ToList().FindIndex(CanRun);
        return better < 0 ? null : better;
    }

    private static string WriteMenu(PlanningContext context)
    {
        var menu = new StringBuilder("# Written by Rehost: on Xen the kernel of this machine was started from outside.\nset default=0\nset timeout=3\n");
        foreach (var kernel in context.Facts.Kernels.Where(kernel => KernelChoiceStep.IsUsable(kernel, context.Target)))
        {
            var given = context.Facts.Machine.ParavirtualBoot?.CommandLine ?? "";
            var arguments = KernelArguments.Rewrite(given, context, hasInitramfs: kernel.Initramfs is not null);
            if (!arguments.Contains("root=", StringComparison.Ordinal) && context.Devices.Root is { } root)
            {
                var name = kernel.Initramfs is null ? context.Devices.TargetName(root) : context.Devices.StableName(root);
                arguments = $"root={name} ro {arguments}";
            }

            menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"\nmenuentry 'Linux {Quotable(kernel.Version)}' {{\n  linux {OnVolume(context, kernel.ImagePath)} {arguments}\n");
            if (kernel.Initramfs is { } initramfs)
            {
                menu.Append(System.Globalization.CultureInfo.InvariantCulture, $"  initrd {OnVolume(context, initramfs.Path)}\n");
            }

            menu.Append("}\n");
        }

        return menu.ToString();
    }

    // GRUB sees a path from the volume that holds it: /vmlinuz on a separate /boot.
    private static string OnVolume(PlanningContext context, string path)
    {
        var mount = context.Devices.Holding(path)?.MountPath ?? "/";
        return mount == "/" ? path : path[mount.Length..];
    }

    private static string Quotable(string version) => version.Replace("'", "", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<head>\s*(linux|linux16|linuxefi)\s+\S+\s*)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Kernel();

    [GeneratedRegex(@"^(?<head>\s*set\s+root=['""]?\(?)((hd|xen/xvd)[0-9a-z]+)(?<tail>\)?['""]?\s*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Root();

    [GeneratedRegex(@"^(?<head>\s*terminal_(input|output)\s+)(console|gfxterm|vga_text)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Terminal();

    [GeneratedRegex(@"^(?<head>set default=)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Grub2Default();

    [GeneratedRegex(@"^(?<head>\s*kernel\s+(--\S+\s+)*\S+\s*)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex LegacyKernel();

    [GeneratedRegex(@"^(?<head># (kopt|kopt_[0-9_]+|xenkopt|defoptions)=)(?<arguments>.*root=.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex LegacyOptions();

    [GeneratedRegex(@"^(?<head>\s*(root|rootnoverify)\s+|\s*(kernel|initrd|module)\s+|# groot=\s*)\(hd0\)", RegexOptions.CultureInvariant)]
    private static partial Regex LegacyRoot();

    [GeneratedRegex(@"^(?<head>default[ \t=]+)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex LegacyDefault();
}
