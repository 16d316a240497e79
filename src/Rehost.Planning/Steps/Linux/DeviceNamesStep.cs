using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Names of disks in the configuration of programs: arrays, volume groups, crash dumps, boot loader packages.</summary>
internal sealed partial class DeviceNamesStep : ConversionStep
{
    private static readonly string[] Arrays = ["/etc/mdadm.conf", "/etc/mdadm/mdadm.conf"];
    private static readonly string[] Caches = ["/etc/blkid.tab", "/etc/blkid/blkid.tab", "/etc/lvm/cache/.cache", "/etc/lvm/.cache", "/etc/lvm/devices/system.devices"];
    private const string Lvm = "/etc/lvm/lvm.conf";
    private const string Kdump = "/etc/kdump.conf";
    private const string Cryptroot = "/etc/initramfs-tools/conf.d/cryptroot";
    private const string Grub = "/etc/sysconfig/grub";
    private const string Debconf = "/var/cache/debconf/config.dat";
    private const string Smart = "/etc/smartd.conf";

    public override string Id => "device-names";

    public override string Title => "Names of disks in other configuration";

    public override string Description =>
        "mdadm.conf that lists the disks to look at, filters of LVM that let only /dev/sda through, the list of devices of newer LVM, kdump's place for dumps, Red Hat's /etc/sysconfig/grub and the disks that Debian's grub-pc will write to at its next update all name disks of the " +
        "old hypervisor. They get UUIDs where the program takes them, else the target's names; caches of names are removed, and monitoring of disks that have no SMART is switched off.";

    public override ImmutableArray<string> Requirements => ["S0.22", "S2.6", "S2.7", "S2.32"];

    public override ImmutableArray<string> Reads => [.. Arrays, .. Caches, Lvm, Kdump, Cryptroot, Grub, Debconf, Smart];

    public override void Plan(PlanningContext context)
    {
        foreach (var path in Arrays)
        {
            // Arrays are found by their UUID on whatever partition: mdadm.conf(5).
            Edit(context, path, text => ArrayDevices().Replace(DeviceLine().Replace(text, "${head}partitions"), match => match.Value.Contains("UUID=", StringComparison.OrdinalIgnoreCase) ? ListedDevices().Replace(match.Value, "") : match.Value),
                "mdadm would look at the old hypervisor's disks only.");
        }

        Edit(context, Lvm, text => FilterLine().Replace(text, line => FilterName().Replace(line.Value, match => Renamed(match, context))), "LVM's filter would let none of the target's disks through.");
        Edit(context, Kdump, text => KdumpTarget().Replace(text, match => context.Devices.Resolve(match.Groups["device"].Value) is { Uuid: { } uuid } ? $"{match.Groups["head"].Value}UUID={uuid}" : match.Value), "kdump would look for the old hypervisor's disk.");
        Edit(context, Cryptroot, text => CryptSource().Replace(text, match => context.Devices.Resolve(match.Groups["device"].Value) is { } volume ? $"{match.Groups["head"].Value}{context.Devices.StableName(volume)}" : match.Value), "The next initramfs would look for the old hypervisor's disk.");
        if (context.Facts.Files.GetValueOrDefault(Grub) is { Kind: GuestFileKind.File })
        {
            Edit(context, Grub, text => BootDisk().Replace(text, match => context.Devices.DiskIndex(match.Groups["disk"].Value) is { } index ? match.Groups["head"].Value + "/dev/" + context.Devices.TargetDiskName(index) : match.Value), "Tools of the boot loader take the disk from here.");
        }

        if (context.Target.Mode != VirtualizationMode.Paravirtual)
        {
            Edit(context, Debconf, text => InstallDevices().Replace(text, match => match.Groups["head"].Value + string.Join(", ", match.Groups["list"].Value.Split(", ").Select(name => BootDiskName(name, context)).Distinct(StringComparer.Ordinal))),
                "grub-pc writes the boot loader to this disk when it is updated, and fails without it.");
        }

        Edit(context, Smart, text => Lines.Map(text, line => SmartLine().IsMatch(line) ? "#" + line : line), "The target's disks have no SMART, and smartd does not start without the ones that it is told of.");
        foreach (var path in Caches.Where(path => context.Facts.Files.GetValueOrDefault(path) is { Kind: GuestFileKind.File }))
        {
            context.Delete(path, "It lists disks by names and serial numbers of the old hypervisor; without it all disks are looked at, and it is made anew.");
        }

        context.Skip("no other configuration names disks by their bus");
    }

    private static void Edit(PlanningContext context, string path, Func<string, string> edit, string reason)
    {
        if (context.Text(path) is { } text)
        {
            context.SetText(path, edit(text), reason);
        }
    }

    // By-id names carry the serial number of a disk that is gone: the disk with the boot loader is meant.
    private static string BootDiskName(string name, PlanningContext context) => context.Devices.DiskIndex(name) is { } index ? "/dev/" + context.Devices.TargetDiskName(index)
        : DeviceNames.IsBusName(name) ? "/dev/" + context.Devices.TargetDiskName(0) : name;

    private static string Renamed(Match match, PlanningContext context) => match.Groups["letter"].Value is [var letter] && letter - 'a' < context.Facts.Disks.Length && letter >= 'a'
        ? "/dev/" + context.Devices.TargetDiskName(letter - 'a') : match.Groups["letter"].Value.Length == 0 ? "/dev/" + context.Target.DiskPrefix : match.Value;

    [GeneratedRegex(@"^(?<head>\s*DEVICE\s+)(?=/dev/)(?!partitions).*$", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DeviceLine();

    [GeneratedRegex(@"^\s*ARRAY\s.*$", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ArrayDevices();

    [GeneratedRegex(@"\s+devices=\S+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ListedDevices();

    [GeneratedRegex(@"^[ \t]*(global_)?filter\s*=.*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex FilterLine();

    [GeneratedRegex(@"/dev/(xvd|sd|hd|vd)(?<letter>[a-z]?)(?![a-z])", RegexOptions.CultureInvariant)]
    private static partial Regex FilterName();

    [GeneratedRegex(@"^(?<head>\s*(ext[234]|xfs|btrfs|raw)\s+)(?<device>/dev/\S+)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex KdumpTarget();

    [GeneratedRegex(@"(?<head>\bsource=)(?<device>/dev/[^,\s]+)", RegexOptions.CultureInvariant)]
    private static partial Regex CryptSource();

    [GeneratedRegex(@"^(?<head>boot=)(?<disk>/dev/\S+)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex BootDisk();

    [GeneratedRegex(@"(?<head>^Name: grub-pc/install_devices\n(?:[A-Z][^\n]*\n)*?Value: )(?<list>/dev/[^\n]*)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex InstallDevices();

    [GeneratedRegex(@"^\s*/dev/(xvd|sd|hd|vd)[a-z]\b", RegexOptions.CultureInvariant)]
    private static partial Regex SmartLine();
}
