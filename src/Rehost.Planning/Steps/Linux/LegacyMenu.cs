using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>menu.lst and grub.conf of GRUB legacy, edited line by line.</summary>
internal static partial class LegacyMenu
{
    /// <summary>The menu for the target.</summary>
    public static string Edit(string text, BootConfiguration configuration, PlanningContext context)
    {
        var edited = EditLines(text, configuration, context);
        if (TargetFit.DefaultKernel(context.Facts, context.Target) is { } kernel && NewStanza(edited, kernel, configuration, context) is { } stanza)
        {
            // Before all others, so that its number is 0 (S0.18, S0.20); the one that the kernel's package made stays as it is.
            var title = Title().Match(edited);
            edited = title.Success ? edited[..title.Index] + stanza + edited[title.Index..] : Lines.Append(edited, stanza.TrimEnd('\n').Split('\n'));
            return Default().IsMatch(edited) ? Default().Replace(edited, "${head}0", 1) : "default=0\n" + edited;
        }

        return BootMenuStep.BetterDefault(configuration, context) is { } index ? Default().Replace(edited, "${head}" + index.ToString(CultureInfo.InvariantCulture), 1) : edited;
    }

    private static string EditLines(string text, BootConfiguration configuration, PlanningContext context) => Lines.Map(text, original =>
    {
        var line = context.BootDisk is { } boot ? WholeDisk().Replace(original, $"${{head}}(hd0,{boot.PartitionNumber - 1})") : original;
        if (Kernel().Match(line) is { Success: true } kernel && !IsHypervisor(kernel.Groups["path"].Value))
        {
            var rewritten = kernel.Groups["head"].Value + KernelArguments.Rewrite(kernel.Groups["arguments"].Value, context, BootMenuStep.NamingOf(kernel.Groups["path"].Value, configuration, context));
            return OwnInitramfs.BesideKernel(kernel.Groups["path"].Value, configuration, context) is { } initrd ? $"{rewritten}\n{kernel.Groups["indent"].Value}initrd {initrd}" : rewritten;
        }

        if (Module().Match(line) is { Success: true } module && module.Groups["arguments"].Value.Contains("root=", StringComparison.Ordinal))
        {
            return module.Groups["head"].Value + KernelArguments.Rewrite(module.Groups["arguments"].Value, context, BootMenuStep.NamingOf(module.Groups["path"].Value, configuration, context), isWhole: false);
        }

        // Debian's update-grub keeps its options in comments: "# kopt=root=/dev/xvda1 ro", "# groot=(hd0)".
        return Options().Match(line) is { Success: true } options
            ? options.Groups["head"].Value + KernelArguments.Rewrite(options.Groups["arguments"].Value, context, RootNames.For(TargetFit.DefaultKernel(context.Facts, context.Target)))
            : line;
    });

    /// <summary>
    /// A stanza for the kernel that the target will start, where none of the menu starts a kernel that can run there: the package kernel-xen of Red Hat 5 makes one for a dom0, with the
    /// hypervisor as its kernel. Null where there is one.
    /// </summary>
    private static string? NewStanza(string text, InstalledKernel wanted, BootConfiguration configuration, PlanningContext context)
    {
        var plain = Lines.Of(text).Select(line => Kernel().Match(line)).Where(match => match.Success && !IsHypervisor(match.Groups["path"].Value)).Select(match => match.Groups["path"].Value).ToList();
        bool CanRun(BootEntry entry) => plain.Exists(path => path.EndsWith(entry.KernelPath, StringComparison.Ordinal))
            && context.Facts.Kernels.Any(kernel => kernel.Version == entry.KernelVersion && KernelChoiceStep.IsUsable(kernel, context.Target));
        if (configuration.Entries.Any(CanRun))
        {
            return null;
        }

        // The guest's own arguments for this kernel, or for the one that it started by default: they name its LVM root and whatever else it needs (S0.21).
        var model = configuration.Entries.FirstOrDefault(entry => entry.KernelVersion == wanted.Version)
            ?? (configuration.DefaultIndex < configuration.Entries.Length ? configuration.Entries[configuration.DefaultIndex] : null);
        var naming = RootNames.For(wanted);
        var arguments = KernelArguments.Rewrite(model?.Arguments ?? "", context, naming);
        if (!arguments.Contains("root=", StringComparison.Ordinal) && context.Devices.Root is { } root)
        {
            arguments = $"ro root={RootNames.NameOf(root, naming, context.Devices)} {arguments}".TrimEnd();
        }

        var partition = context.BootDisk?.PartitionNumber ?? context.Devices.Holding(wanted.ImagePath)?.PartitionNumber ?? 1;
        var disk = partition == 0 ? "(hd0)" : $"(hd0,{partition - 1})";
        var initrd = (OwnInitramfs.PathFor(context, wanted) ?? wanted.Initramfs?.Path) is { } initramfs ? $"\tinitrd {BootMenuStep.OnVolume(context, initramfs)}\n" : "";
        return $"title {context.Facts.OperatingSystem.Name} ({wanted.Version}, moved)\n\troot {disk}\n\tkernel {BootMenuStep.OnVolume(context, wanted.ImagePath)} {arguments}\n{initrd}";
    }

    private static bool IsHypervisor(string path) => path[(path.LastIndexOf('/') + 1)..].StartsWith("xen.gz", StringComparison.Ordinal) || path[(path.LastIndexOf('/') + 1)..].StartsWith("xen-", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<head>(?<indent>\s*)kernel\s+(--\S+\s+)*(?<path>\S+)\s*)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Kernel();

    [GeneratedRegex(@"^(?<head>\s*module\s+(--\S+\s+)*(?<path>\S+)\s*)(?<arguments>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Module();

    [GeneratedRegex(@"^(?<head># (kopt|kopt_[0-9_]+|xenkopt|defoptions)=)(?<arguments>.*root=.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Options();

    [GeneratedRegex(@"^(?<head>\s*(root|rootnoverify)\s+|\s*(kernel|initrd|module)\s+|# groot=\s*)\(hd0\)", RegexOptions.CultureInvariant)]
    private static partial Regex WholeDisk();

    [GeneratedRegex(@"^(?<head>default[ \t=]+)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Default();

    [GeneratedRegex(@"^[ \t]*title\b", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Title();
}
