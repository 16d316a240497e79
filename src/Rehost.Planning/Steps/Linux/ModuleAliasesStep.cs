using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Module aliases of old guests: alias eth0 xennet, alias scsi_hostadapter xenblk.</summary>
internal sealed partial class ModuleAliasesStep : ConversionStep
{
    private const string ModprobeConf = "/etc/modprobe.conf";
    private static readonly string[] Files = [ModprobeConf, "/etc/modules.conf", "/etc/conf.modules", "/etc/modprobe.conf.local"];

    public override string Id => "module-aliases";

    public override string Title => "Module aliases";

    public override string Description =>
        "Guests before udev, and Red Hat 4 and 5, bind eth0 and the disk adapter to a driver by name in modprobe.conf; mkinitrd reads the same lines. " +
        "All adapters are the target's now, so each such alias becomes one to the target's driver; a second disk adapter of the old machine is commented out, one for a CD-ROM (ata_piix) stays. Where mkinitrd of Red Hat is in use, missing aliases are added, because it is told of drivers in no other way.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S1.24", "S1.25", "S2.10", "S2.16"];

    public override ImmutableArray<string> Reads => [.. Files, "/etc/modprobe.d/*"];

    public override void Plan(PlanningContext context)
    {
        var kernel = TargetFit.DefaultKernel(context.Facts, context.Target);
        var disk = NameIn(kernel, context.Target.BootDrivers.FirstOrDefault(name => name is not ("virtio_pci" or "sd_mod")) ?? context.Target.BootDrivers[^1]);
        var network = NameIn(kernel, context.Target.NetworkDriver);
        var hasDisk = false;
        foreach (var path in Files.Concat(context.FilesIn("/etc/modprobe.d").Select(file => file.Path)))
        {
            if (context.Text(path) is { } text)
            {
                var edited = Lines.Map(NetworkAlias().Replace(text, "${head}" + network), line =>
                {
                    if (!DiskAlias().IsMatch(line))
                    {
                        return line;
                    }

                    var first = !hasDisk;
                    hasDisk = true;
                    return first ? DiskAlias().Replace(line, "${head}" + disk) : "#" + line;
                });
                if (path == ModprobeConf && UsesMkinitrd(context))
                {
                    edited = Lines.Append(edited, Missing(edited, disk, network, hasDisk, context));
                }

                context.SetText(path, edited, "Aliases to the old hypervisor's drivers would leave network and disk without driver on the target, and its next initramfs without the disk's.");
            }
        }

        context.Skip("no alias names a driver of another hypervisor");
    }

    private static string NameIn(InstalledKernel? kernel, string driver) => kernel?.Driver(driver).Name ?? driver;

    private static bool UsesMkinitrd(PlanningContext context) => context.Facts.Kernels.Any(kernel => kernel.Initramfs?.Generator == InitramfsGenerator.Nash);

    private static IEnumerable<string> Missing(string text, string disk, string network, bool hasDisk, PlanningContext context)
    {
        foreach (var nic in context.Facts.NetworkInterfaces.Select(nic => nic.Name).Where(name => EthernetName().IsMatch(name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (!Lines.Of(text).Any(line => line.TrimStart().StartsWith($"alias {nic} ", StringComparison.Ordinal)))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"alias {nic} {network}");
            }
        }

        if (!hasDisk && !Lines.Of(text).Any(line => line.TrimStart().StartsWith("alias scsi_hostadapter", StringComparison.Ordinal) && line.Contains(disk, StringComparison.Ordinal)))
        {
            // The first free number: scsi_hostadapter alone may be the CD-ROM's.
            var number = Enumerable.Range(0, 100).Select(index => index == 0 ? "scsi_hostadapter" : string.Create(CultureInfo.InvariantCulture, $"scsi_hostadapter{index}"))
                .First(name => !Lines.Of(text).Any(line => line.TrimStart().StartsWith($"alias {name} ", StringComparison.Ordinal)));
            yield return $"alias {number} {disk}";
        }
    }

    [GeneratedRegex(@"^(?<head>\s*alias\s+eth[0-9]+\s+)(?!(off|bonding|dummy)\b)\S+", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex NetworkAlias();

    [GeneratedRegex(@"^(?<head>\s*alias\s+scsi_hostadapter[0-9]*\s+)(?!(off|ata_piix|ahci|libata|pata_\S+|piix|usb[-_]storage)\b)\S+", RegexOptions.CultureInvariant)]
    private static partial Regex DiskAlias();

    [GeneratedRegex("^eth[0-9]{1,2}$", RegexOptions.CultureInvariant)]
    private static partial Regex EthernetName();
}
