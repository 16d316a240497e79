using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/default/grub and its kin: what the guest's next update-grub or grub2-mkconfig will write.</summary>
internal sealed partial class BootMenuDefaultsStep : ConversionStep
{
    private static readonly string[] Files = ["/etc/default/grub", "/etc/sysconfig/grub", "/etc/kernel/cmdline", "/etc/sysconfig/bootloader"];

    public override string Id => "boot-menu-defaults";

    public override string Title => "Settings for the guest's next boot menu";

    public override string Description =>
        "A kernel update writes the boot menu anew from /etc/default/grub. The same arguments that the menu got now are put there, the menu is shown on the serial " +
        "line too, and the option that makes root= a device name instead of a UUID is taken out.";

    public override ImmutableArray<string> Requirements => ["S0.32", "S1.26", "S1.29", "S1.31"];

    public override ImmutableArray<string> Reads => [.. Files];

    public override void Plan(PlanningContext context)
    {
        const string reason = "The guest's next kernel update writes its boot menu from here; it must find disk and console of the target.";
        foreach (var path in Files.Where(path => context.Text(path) is not null && !IsLinkToAnother(context, path)))
        {
            var text = context.Text(path) ?? "";
            context.SetText(path, path switch
            {
                "/etc/kernel/cmdline" => EditCommandLine(text, context),
                "/etc/sysconfig/bootloader" => EditSuse(text, context),
                _ when text.Contains("GRUB_", StringComparison.Ordinal) => EditDefaults(text, context),
                _ => EditLegacy(text, context),
            }, reason);
        }

        context.Skip("the guest has no such settings, or they need no change");
    }

    // /etc/sysconfig/grub is a link to /etc/default/grub on Red Hat: one edit is enough.
    private static bool IsLinkToAnother(PlanningContext context, string path)
        => context.Facts.Files.GetValueOrDefault(path) is { LinkTarget: { } target } && Files.Any(other => other != path && target.EndsWith(other["/etc/".Length..], StringComparison.Ordinal));

    private static string EditCommandLine(string text, PlanningContext context)
        => KernelArguments.Rewrite(text.TrimEnd('\n'), context, Naming(context)) + (text.EndsWith('\n') ? "\n" : "");

    private static string EditDefaults(string text, PlanningContext context)
    {
        // GRUB's own serial line is the firmware's: Xen PV has none, VMware only where one was added.
        var isSerial = context.Target.SerialConsole == "ttyS0";
        var beside = Lines.Of(text).Select(line => CommandLine().Match(line)).Where(match => match.Success && match.Groups["name"].Value == "GRUB_CMDLINE_LINUX_DEFAULT")
            .Select(match => KernelArguments.Rewrite(match.Groups["value"].Value, context, Naming(context), isWhole: false)).LastOrDefault() ?? "";
        var edited = Lines.Map(text, line =>
        {
            var assignment = CommandLine().Match(line);
            if (assignment.Success)
            {
                var isMain = assignment.Groups["name"].Value == "GRUB_CMDLINE_LINUX";
                var quote = assignment.Groups["quote"].Value;
                var mark = quote.Length == 0 ? "\"" : quote;
                return $"{assignment.Groups["name"].Value}={mark}{KernelArguments.Rewrite(assignment.Groups["value"].Value, context, Naming(context), isMain, isMain ? beside : "")}{mark}";
            }

            return DisableUuid().IsMatch(line) ? "#" + line : Terminal().IsMatch(line) && isSerial ? "#" + line : line;
        });
        var additions = new List<string>();
        if (KernelArguments.Rewrite("", context, Naming(context), isWhole: true, beside) is { Length: > 0 } arguments && !Lines.Of(edited).Any(line => line.StartsWith("GRUB_CMDLINE_LINUX=", StringComparison.Ordinal)))
        {
            additions.Add($"GRUB_CMDLINE_LINUX=\"{arguments}\"");
        }

        if (isSerial && !Lines.Of(edited).Any(line => line.StartsWith("GRUB_TERMINAL=\"serial console\"", StringComparison.Ordinal)))
        {
            additions.Add("GRUB_TERMINAL=\"serial console\"");
        }

        if (isSerial && !Lines.Of(edited).Any(line => line.StartsWith("GRUB_SERIAL_COMMAND=", StringComparison.Ordinal)))
        {
            additions.Add("GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"");
        }

        return Lines.Append(edited, additions);
    }

    private static RootNaming Naming(PlanningContext context) => RootNames.For(TargetFit.DefaultKernel(context.Facts, context.Target));

    // SUSE's perl-Bootloader: DEFAULT_APPEND="resume=/dev/sda1 splash=silent", and the same for the failsafe entry and Xen's (SLES 9 to 11).
    private static string EditSuse(string text, PlanningContext context) => Lines.Map(text, line => SuseAppend().Match(line) is { Success: true } append
        ? append.Groups["head"].Value + KernelArguments.Rewrite(append.Groups["value"].Value, context, Naming(context), isWhole: append.Groups["head"].Value.StartsWith("DEFAULT_", StringComparison.Ordinal)) + append.Groups["tail"].Value
        : line);

    // Red Hat 4 and 5 keep the disk that grub-install wrote to: "boot=/dev/sda".
    private static string EditLegacy(string text, PlanningContext context) => Lines.Map(text, line => BootDevice().Match(line) is { Success: true } boot
        && context.Devices.DiskIndex(boot.Groups["device"].Value) is { } index ? $"{boot.Groups["head"].Value}/dev/{context.Devices.TargetDiskName(index)}{line[boot.Length..]}" : line);

    [GeneratedRegex("""^(?<head>(DEFAULT|FAILSAFE|XEN|XEN_KERNEL)_APPEND=")(?<value>[^"]*)(?<tail>".*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex SuseAppend();

    [GeneratedRegex(@"^(?<head>\s*boot=)(?<device>/dev/[a-z]+)", RegexOptions.CultureInvariant)]
    private static partial Regex BootDevice();

    [GeneratedRegex("""^(?<name>GRUB_CMDLINE_LINUX(_DEFAULT)?)=(?<quote>["']?)(?<value>.*?)\k<quote>\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"^\s*GRUB_DISABLE_(LINUX_)?(PART)?UUID=[""']?true", RegexOptions.CultureInvariant)]
    private static partial Regex DisableUuid();

    [GeneratedRegex("""^\s*GRUB_TERMINAL(_OUTPUT|_INPUT)?=(?!"serial console")""", RegexOptions.CultureInvariant)]
    private static partial Regex Terminal();
}
