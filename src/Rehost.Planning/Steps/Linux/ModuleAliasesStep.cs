using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Module aliases of old guests: alias eth0 xennet, alias scsi_hostadapter xenblk.</summary>
internal sealed partial class ModuleAliasesStep : ConversionStep
{
    private static readonly string[] Files = ["/etc/modprobe.conf", "/etc/modules.conf", "/etc/conf.modules", "/etc/modprobe.conf.local"];

    public override string Id => "module-aliases";

    public override string Title => "Module aliases";

    public override string Description =>
        "Guests before udev, and Red Hat 4 and 5, bind eth0 and the disk adapter to a driver by name in modprobe.conf; mkinitrd reads the same lines. " +
        "Aliases to Xen's drivers become aliases to the target's.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S2.16", "S1.25"];

    public override ImmutableArray<string> Reads => [.. Files, "/etc/modprobe.d/*"];

    public override void Plan(PlanningContext context)
    {
        var disk = context.Target.BootDrivers[^1];
        foreach (var path in Files.Concat(context.FilesIn("/etc/modprobe.d").Select(file => file.Path)))
        {
            if (context.Text(path) is { } text)
            {
                var edited = NetworkAlias().Replace(text, "${head}" + context.Target.NetworkDriver);
                context.SetText(path, DiskAlias().Replace(edited, "${head}" + disk), "Aliases to Xen's drivers would leave network and disk without driver on the target.");
            }
        }

        context.Skip("no alias names a Xen driver");
    }

    [GeneratedRegex(@"^(?<head>\s*alias\s+eth[0-9]+\s+)(xennet|xen-netfront|xen_netfront|xen-vnif)\b", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex NetworkAlias();

    [GeneratedRegex(@"^(?<head>\s*alias\s+scsi_hostadapter[0-9]*\s+)(xenblk|xen-blkfront|xen_blkfront|xen-vbd)\b", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex DiskAlias();
}
