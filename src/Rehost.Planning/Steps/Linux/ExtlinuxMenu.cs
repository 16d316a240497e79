using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>extlinux.conf and syslinux.cfg, edited line by line (SYSLINUX wiki, "Config"; keywords in any case).</summary>
internal static partial class ExtlinuxMenu
{
    /// <summary>The menu for the target.</summary>
    public static string Edit(string text, BootConfiguration configuration, PlanningContext context)
    {
        var kernel = "";
        var edited = Lines.Map(text, line =>
        {
            if (Kernel().Match(line) is { Success: true } named)
            {
                kernel = named.Groups["path"].Value;
                if (OwnInitramfs.BesideKernel(kernel, configuration, context) is { } initrd)
                {
                    return $"{line}\n{named.Groups["indent"].Value}INITRD {initrd}";
                }
            }

            return Append().Match(line) is { Success: true } append
                ? append.Groups["head"].Value + KernelArguments.Rewrite(append.Groups["arguments"].Value, context, BootMenuStep.NamingOf(kernel, configuration, context))
                : line;
        });
        return BootMenuStep.BetterDefault(configuration, context) is { } index && LabelOf(text, index) is { } label ? WithDefault(edited, label) : edited;
    }

    // Entries are counted as inspection does: labels that start a kernel, not a COMBOOT module.
    private static string? LabelOf(string text, int index)
    {
        var count = -1;
        string? label = null;
        foreach (var line in Lines.Of(text))
        {
            if (Label().Match(line) is { Success: true } found)
            {
                label = found.Groups["name"].Value;
            }
            else if (label is not null && Kernel().Match(line) is { Success: true } kernel && !kernel.Groups["path"].Value.EndsWith(".c32", StringComparison.OrdinalIgnoreCase) && ++count == index)
            {
                return label;
            }
        }

        return null;
    }

    private static string WithDefault(string text, string label)
    {
        // "default menu.c32" is how old versions start their menu: there the entry itself says that it is the default.
        var isMenu = !Lines.Of(text).Any(line => Default().Match(line) is { Success: true } found && !found.Groups["name"].Value.EndsWith(".c32", StringComparison.OrdinalIgnoreCase));
        return Lines.Map(text, line => Default().Match(line) is { Success: true } found && !found.Groups["name"].Value.EndsWith(".c32", StringComparison.OrdinalIgnoreCase) ? found.Groups["head"].Value + label
            : MenuDefault().IsMatch(line) ? "#" + line
            : isMenu && Label().Match(line) is { Success: true } named && named.Groups["name"].Value == label ? line + "\n  MENU DEFAULT"
            : line);
    }

    [GeneratedRegex(@"^(?<indent>\s*)(kernel|linux)\s+(?<path>\S+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Kernel();

    [GeneratedRegex(@"^(?<head>\s*append\s+)(?<arguments>[^-].*)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Append();

    [GeneratedRegex(@"^\s*label\s+(?<name>\S+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Label();

    [GeneratedRegex(@"^(?<head>\s*(default|ontimeout)\s+)(?<name>\S+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Default();

    [GeneratedRegex(@"^\s*menu\s+default\s*$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex MenuDefault();
}
