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
        "the line its form. A line whose device is not among the disks gets nofail, so that the boot does not wait for it; in guests too old to know nofail it is commented out. Folders that the old host shared through its tools are commented out too.";

    public override ImmutableArray<string> Requirements => ["S1.22", "S0.22", "S2.6", "S2.7"];

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
        if (fields.Success && IsForeignShare(fields.Groups["type"].Value, context.Target))
        {
            return "#" + line;
        }

        if (!fields.Success || !DeviceNames.IsBusName(fields.Groups["device"].Value))
        {
            return line;
        }

        var device = fields.Groups["device"];
        var options = fields.Groups["options"].Value.Split(',');
        if (context.Devices.Resolve(device.Value) is { } volume)
        {
            // mkswap of Red Hat 4 gives no UUID that its swapon looks for.
            var name = fields.Groups["type"].Value == "swap" && context.Facts.Kernels is [{ Version: var version }, ..] && KernelVersion.IsBefore(version, 2, 6, 18)
                ? context.Devices.TargetName(volume) : context.Devices.StableName(volume);
            return line[..device.Index] + name + line[(device.Index + device.Length)..];
        }

        // CD-ROM and floppy drives: nobody waits for them.
        if (options.Contains("noauto") || options.Contains("nofail") || fields.Groups["type"].Value is "iso9660" or "udf")
        {
            return line;
        }

        context.Report(PlanDiagnostics.MountUnresolved.Create($"{device.Value} at {fields.Groups["path"].Value} is not among the {context.Facts.Disks.Length} disks given", Path));
        if (context.Facts.Kernels is [{ Version: var oldest }, ..] && KernelVersion.IsBefore(oldest, 2, 6, 32))
        {
            return "#" + line; // mount and fsck of that time know no nofail, and stop the boot with it (S0.22).
        }

        var field = fields.Groups["options"];
        return line[..(field.Index + field.Length)] + ",nofail" + line[(field.Index + field.Length)..];
    }

    // Folders of the old host that its tools mount: systemd stops in an emergency shell without them.
    private static bool IsForeignShare(string type, Model.TargetCapabilities target)
        => type is "vboxsf" or "prl_fs" || (type is "vmhgfs" or "fuse.vmhgfs-fuse" && target.Hypervisor != Model.Hypervisor.Vmware);

    [GeneratedRegex(@"^\s*(?<device>[^#\s]\S*)\s+(?<path>\S+)\s+(?<type>\S+)\s+(?<options>\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Fields();
}
