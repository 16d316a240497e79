using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>lilo.conf, so that the guest's next run of lilo writes what the target can start. LILO's own map of blocks is not made anew: a GRUB 2 of ours starts the guest.</summary>
internal static partial class LiloMenu
{
    /// <summary>The file for the target.</summary>
    public static string Edit(string text, BootConfiguration configuration, PlanningContext context)
    {
        var image = "";
        return Lines.Map(text, line =>
        {
            if (Image().Match(line) is { Success: true } section)
            {
                image = section.Groups["path"].Value;
            }

            if (Boot().Match(line) is { Success: true } boot)
            {
                return context.Devices.DiskIndex(boot.Groups["device"].Value) is { } index
                    ? $"{boot.Groups["head"].Value}/dev/{context.Devices.TargetDiskName(index)}{boot.Groups["tail"].Value}"
                    : Device(boot, context) ?? line;
            }

            if (Root().Match(line) is { Success: true } root)
            {
                return Device(root, context) ?? line;
            }

            return Append().Match(line) is { Success: true } append
                ? append.Groups["head"].Value + KernelArguments.Rewrite(append.Groups["arguments"].Value, context, BootMenuStep.NamingOf(image, configuration, context), isWhole: false) + append.Groups["tail"].Value
                : line;
        });
    }

    // lilo wants devices, and takes no UUID before version 22.
    private static string? Device(Match match, PlanningContext context)
        => DeviceNames.IsBusName(match.Groups["device"].Value) && context.Devices.Resolve(match.Groups["device"].Value) is { } volume
            ? match.Groups["head"].Value + context.Devices.TargetName(volume) + match.Groups["tail"].Value : null;

    [GeneratedRegex("""^\s*image\s*=\s*"?(?<path>[^"\s]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex Image();

    [GeneratedRegex("""^(?<head>\s*boot\s*=\s*"?)(?<device>/dev/[^"\s]+)(?<tail>.*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex Boot();

    [GeneratedRegex("""^(?<head>\s*root\s*=\s*"?)(?<device>/dev/[^"\s]+)(?<tail>.*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex Root();

    [GeneratedRegex("""^(?<head>\s*(append|addappend|literal)\s*=\s*"?)(?<arguments>[^"]*)(?<tail>"?\s*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex Append();
}
