using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/fstab: names that hold on any bus.</summary>
internal sealed partial class FstabStep : ConversionStep
{
    private const string Path = "/etc/fstab";

    public override string Id => "fstab";

    public override string Title => "Mounts and swap by UUID";

    public override string Description =>
        "A device named by its bus in fstab is replaced by the UUID of what it holds, which is the same on every hypervisor. The field keeps its place and the rest of " +
        "the line its form. A line whose device is not among the disks gets nofail, so that the boot does not wait for it.";

    public override ImmutableArray<string> Requirements => ["S1.22", "S0.22", "S2.7"];

    public override ImmutableArray<string> Reads => [Path];

    public override void Plan(PlanningContext context)
    {
        if (context.Text(Path) is not { } text)
        {
            context.Skip("the guest has no fstab");
            return;
        }

        context.SetText(Path, Lines.Map(text, line => Edit(line, context)), "Device names change with the hypervisor; UUIDs do not, because the file systems move as they are.");
        context.Skip("every line names its device by UUID or label already");
    }

    private static string Edit(string line, PlanningContext context)
    {
        var fields = Fields().Match(line);
        if (!fields.Success || !DeviceNames.IsBusName(fields.Groups["device"].Value))
        {
            return line;
        }

        var device = fields.Groups["device"];
        if (context.Devices.Resolve(device.Value) is { } volume)
        {
            return line[..device.Index] + context.Devices.StableName(volume) + line[(device.Index + device.Length)..];
        }

        context.Report(PlanDiagnostics.MountUnresolved.Create($"{device.Value} at {fields.Groups["path"].Value} is not among the {context.Facts.Disks.Length} disks given", Path));
        var options = fields.Groups["options"];
        return options.Value.Split(',').Contains("nofail") ? line : line[..(options.Index + options.Length)] + ",nofail" + line[(options.Index + options.Length)..];
    }

    [GeneratedRegex(@"^\s*(?<device>[^#\s]\S*)\s+(?<path>\S+)\s+(?<type>\S+)\s+(?<options>\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Fields();
}
