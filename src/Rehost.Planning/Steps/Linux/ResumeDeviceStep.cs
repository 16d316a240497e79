using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>The device from which a hibernated guest would resume, which initramfs-tools waits for at every boot.</summary>
internal sealed partial class ResumeDeviceStep : ConversionStep
{
    private static readonly string[] Files = ["/etc/initramfs-tools/conf.d/resume", "/etc/uswsusp.conf"];

    public override string Id => "resume-device";

    public override string Title => "Resume device";

    public override string Description =>
        "initramfs-tools waits half a minute at every boot for the resume device it was told of. Its name becomes a UUID here, for the next initramfs; the initramfs that is " +
        "there already is told by resume= among the kernel's arguments, which wins over its own configuration.";

    public override ImmutableArray<string> Requirements => ["S1.22"];

    public override ImmutableArray<string> Reads => [.. Files];

    public override void Plan(PlanningContext context)
    {
        foreach (var path in Files)
        {
            if (context.Text(path) is { } text)
            {
                var edited = Assignment().Replace(text, match => context.Devices.Resolve(match.Groups["device"].Value) is { } volume
                    ? match.Groups["head"].Value + context.Devices.StableName(volume)
                    : match.Value);
                context.SetText(path, edited, "The guest would wait for a swap device of Xen at every boot.");
            }
        }

        context.Skip("no resume device is named by its bus");
    }

    /// <summary>The volume that the guest's initramfs was told to resume from by a name that will not exist on the target; null when there is none.</summary>
    internal static VolumeFacts? StaleDevice(PlanningContext context) => Files
        .Select(path => Assignment().Match(context.Facts.Files.GetValueOrDefault(path)?.Text ?? ""))
        .Where(match => match.Success)
        .Select(match => context.Devices.Resolve(match.Groups["device"].Value))
        .FirstOrDefault(volume => volume is not null);

    [GeneratedRegex(@"^(?<head>(RESUME|resume device)\s*=\s*)(?<device>/dev/[a-z]+[0-9]*)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Assignment();
}
