using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>
/// What a guest whose volumes are not changed is told at each start: names of devices, names of interfaces, services that are not to start. Rules stand in the initramfs; its udev runs a script that
/// writes them to /run, which the real root inherits (udev(7), systemd.link(5) and systemd.unit(5) read there).
/// </summary>
internal static partial class RuntimeRules
{
    private const string Script = "rehost/late.sh";
    private const string UdevRules = "udev/rules.d/99-rehost.rules";

    /// <summary>Files for the archive in front of an initramfs; none when the guest needs none.</summary>
    public static ImmutableArray<ArchiveText> Files(PlanningContext context)
    {
        var links = Links(context);
        var runtime = new List<(string Path, string Content)>();
        if (links.Length > 0)
        {
            runtime.Add((UdevRules, links));
        }

        runtime.AddRange(Interfaces(context));
        var masks = Masks(context).ToList();
        if (runtime.Count == 0 && masks.Count == 0)
        {
            return [];
        }

        var early = "SUBSYSTEM==\"block\", ACTION==\"add|change\", RUN+=\"/" + Script + "\"\n" + links;
        return
        [
            new ArchiveText(Script, Late(runtime, masks), 0x1ED),
            new ArchiveText("etc/" + UdevRules, early),
            .. runtime.Where(file => file.Path != UdevRules).Select(file => new ArchiveText("etc/" + file.Path, file.Content)),
        ];
    }

    // Written by the shells of every initramfs: mkdir, cat and ln are what klibc's has too.
    private static string Late(List<(string Path, string Content)> files, List<string> masks)
    {
        var script = new StringBuilder("#!/bin/sh\n# What this machine needs where it was moved to; /run goes along to the real root.\nPATH=\"${PATH:+$PATH:}/sbin:/usr/sbin:/bin:/usr/bin\"\nexport PATH\n[ -e /run/rehost ] && exit 0\n: >/run/rehost\n");
        foreach (var (path, content) in files)
        {
            script.Append($"mkdir -p /run/{path[..path.LastIndexOf('/')]}\ncat >/run/{path} <<'END-OF-FILE'\n{content}END-OF-FILE\n");
        }

        if (masks.Count > 0)
        {
            script.Append("mkdir -p /run/systemd/system\n");
        }

        foreach (var unit in masks)
        {
            script.Append($"ln -s /dev/null '/run/systemd/system/{unit}'\n");
        }

        return script.Append("exit 0\n").ToString();
    }

    // /dev/xvda1 stays a name of the volume that the guest knows by it.
    private static string Links(PlanningContext context)
    {
        var rules = new StringBuilder();
        foreach (var volume in context.Facts.Volumes.Where(volume => volume.BuiltOn.IsEmpty && DeviceNames.IsBusName("/dev/" + volume.DeviceName)))
        {
            var target = context.Devices.TargetName(volume)["/dev/".Length..];
            if (target != volume.DeviceName)
            {
                var match = volume.Uuid is { } uuid && volume.PartOf is null && SafeId().IsMatch(uuid) ? $"ENV{{ID_FS_UUID}}==\"{uuid}\"" : $"KERNEL==\"{target}\"";
                rules.Append($"SUBSYSTEM==\"block\", {match}, SYMLINK+=\"{volume.DeviceName}\"\n");
            }
        }

        for (var index = 0; index < context.Facts.Disks.Length; index++)
        {
            var disk = context.Facts.Disks[index];
            if (disk.Scheme != PartitionScheme.None && DeviceNames.IsBusName("/dev/" + disk.DeviceName) && context.Devices.TargetDiskName(index) is var name && name != disk.DeviceName)
            {
                rules.Append($"SUBSYSTEM==\"block\", KERNEL==\"{name}\", SYMLINK+=\"{disk.DeviceName}\"\n");
            }
        }

        return rules.ToString();
    }

    private static IEnumerable<(string Path, string Content)> Interfaces(PlanningContext context)
    {
        var tied = context.Facts.NetworkInterfaces.Where(nic => nic.MacAddress is { } mac && SafeMac().IsMatch(mac) && SafeName().IsMatch(nic.Name)).DistinctBy(nic => nic.Name).ToList();
        if (context.Facts.OperatingSystem.HasLinkFiles)
        {
            return tied.Select(nic => ($"systemd/network/10-rehost-{nic.Name}.link", $"[Match]\nMACAddress={nic.MacAddress}\n\n[Link]\nName={nic.Name}\n"));
        }

        var rules = string.Concat(tied.Select(nic => $"SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{{address}}==\"{nic.MacAddress}\", ATTR{{type}}==\"1\", NAME=\"{nic.Name}\"\n"));
        return rules.Length > 0 ? [("udev/rules.d/71-rehost-net.rules", rules)] : [];
    }

    // A login on a console that is not there waits for it, and the old hypervisor's daemon has nobody to talk to.
    private static IEnumerable<string> Masks(PlanningContext context)
    {
        if (context.Facts.OperatingSystem.Init != InitSystem.Systemd)
        {
            return [];
        }

        var logins = context.Facts.LoginTerminals.Where(terminal => Consoles.IsStale(terminal, context.Target)).Select(terminal => $"serial-getty@{terminal}.service");
        var services = context.Facts.HypervisorTools.Where(tool => tool.Hypervisor != context.Target.Hypervisor).SelectMany(tool => tool.Services).Select(service => service + ".service");
        return logins.Concat(services).Where(unit => SafeUnit().IsMatch(unit)).Distinct(StringComparer.Ordinal);
    }

    [GeneratedRegex("^[A-Za-z0-9_.@-]{1,100}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeUnit();

    [GeneratedRegex("^[A-Za-z0-9_.-]{1,15}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeName();

    [GeneratedRegex("^[0-9a-f:]{17}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeMac();

    [GeneratedRegex("^[0-9A-Fa-f-]{1,36}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeId();
}
