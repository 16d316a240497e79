using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/default/grub and its kin: what the guest's next update-grub or grub2-mkconfig will write.</summary>
internal sealed partial class BootMenuDefaultsStep : ConversionStep
{
    private static readonly string[] Files = ["/etc/default/grub", "/etc/sysconfig/grub", "/etc/kernel/cmdline"];

    public override string Id => "boot-menu-defaults";

    public override string Title => "Settings for the guest's next boot menu";

    public override string Description =>
        "A kernel update writes the boot menu anew from /etc/default/grub. The same arguments that the menu got now are put there, the menu is shown on the serial " +
        "line too, and the option that makes root= a device name instead of a UUID is taken out.";

    public override ImmutableArray<string> Requirements => ["S1.26", "S1.29", "S1.31"];

    public override ImmutableArray<string> Reads => [.. Files];

    public override void Plan(PlanningContext context)
    {
        const string reason = "The guest's next kernel update writes its boot menu from here; it must find disk and console of the target.";
        foreach (var path in Files.Where(path => context.Text(path) is not null && !IsLinkToAnother(context, path)))
        {
            var text = context.Text(path) ?? "";
            context.SetText(path, path.EndsWith("cmdline", StringComparison.Ordinal) ? EditCommandLine(text, context) : EditDefaults(text, context), reason);
        }

        context.Skip("the guest has no such settings, or they need no change");
    }

    // /etc/sysconfig/grub is a link to /etc/default/grub on Red Hat: one edit is enough.
    private static bool IsLinkToAnother(PlanningContext context, string path)
        => context.Facts.Files.GetValueOrDefault(path) is { LinkTarget: { } target } && Files.Any(other => other != path && target.EndsWith(other["/etc/".Length..], StringComparison.Ordinal));

    private static string EditCommandLine(string text, PlanningContext context)
        => KernelArguments.Rewrite(text.TrimEnd('\n'), context, hasInitramfs: true) + (text.EndsWith('\n') ? "\n" : "");

    private static string EditDefaults(string text, PlanningContext context)
    {
        var edited = Lines.Map(text, line =>
        {
            var assignment = CommandLine().Match(line);
            if (assignment.Success)
            {
                var isMain = assignment.Groups["name"].Value == "GRUB_CMDLINE_LINUX";
                var quote = assignment.Groups["quote"].Value;
                var mark = quote.Length == 0 ? "\"" : quote;
                return $"{assignment.Groups["name"].Value}={mark}{KernelArguments.Rewrite(assignment.Groups["value"].Value, context, hasInitramfs: true, isWhole: isMain)}{mark}";
            }

            return DisableUuid().IsMatch(line) ? "#" + line : Terminal().IsMatch(line) ? "#" + line : line;
        });
        var additions = new List<string>();
        if (!Lines.Of(edited).Any(line => line.StartsWith("GRUB_CMDLINE_LINUX=", StringComparison.Ordinal)))
        {
            additions.Add($"GRUB_CMDLINE_LINUX=\"{KernelArguments.Rewrite("", context, hasInitramfs: true)}\"");
        }

        if (!Lines.Of(edited).Any(line => line.StartsWith("GRUB_TERMINAL=\"serial console\"", StringComparison.Ordinal)))
        {
            additions.Add("GRUB_TERMINAL=\"serial console\"");
        }

        if (!Lines.Of(edited).Any(line => line.StartsWith("GRUB_SERIAL_COMMAND=", StringComparison.Ordinal)))
        {
            additions.Add("GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"");
        }

        return Lines.Append(edited, additions);
    }

    [GeneratedRegex("""^(?<name>GRUB_CMDLINE_LINUX(_DEFAULT)?)=(?<quote>["']?)(?<value>.*?)\k<quote>\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"^\s*GRUB_DISABLE_(LINUX_)?(PART)?UUID=[""']?true", RegexOptions.CultureInvariant)]
    private static partial Regex DisableUuid();

    [GeneratedRegex("""^\s*GRUB_TERMINAL(_OUTPUT|_INPUT)?=(?!"serial console")""", RegexOptions.CultureInvariant)]
    private static partial Regex Terminal();
}
