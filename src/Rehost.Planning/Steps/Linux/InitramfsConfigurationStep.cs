using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Tells the guest's own initramfs generator about the target's drivers, for its next kernel update.</summary>
internal sealed partial class InitramfsConfigurationStep : ConversionStep
{
    private const string InitramfsToolsModules = "/etc/initramfs-tools/modules";
    private const string DracutDirectory = "/etc/dracut.conf.d";
    private const string DracutFile = "/etc/dracut.conf.d/90-rehost.conf";
    private const string Mkinitcpio = "/etc/mkinitcpio.conf";
    private const string SuseKernel = "/etc/sysconfig/kernel";

    public override string Id => "initramfs-configuration";

    public override string Title => "Drivers for the guest's next initramfs";

    public override string Description =>
        "The next kernel update makes a new initramfs in the guest. Its generator is told to include the target's disk drivers, in its own configuration: " +
        "initramfs-tools, dracut, mkinitcpio or SUSE's mkinitrd.";

    public override ImmutableArray<string> Requirements => ["S1.24", "S1.25"];

    public override ImmutableArray<string> Reads => [InitramfsToolsModules, DracutDirectory, "/etc/dracut.conf", Mkinitcpio, SuseKernel];

    public override void Plan(PlanningContext context)
    {
        var drivers = context.Target.BootDrivers;
        const string reason = "The guest's next kernel update makes a new initramfs, which needs the target's disk drivers too.";
        if (context.Text(InitramfsToolsModules) is { } modules)
        {
            var missing = drivers.Where(driver => !Lines.Of(modules).Any(line => line.Trim().Split(' ')[0].Replace('-', '_') == driver));
            context.SetText(InitramfsToolsModules, Lines.Append(modules, missing), reason);
        }

        if (context.Exists(DracutDirectory) || context.Exists("/etc/dracut.conf"))
        {
            context.SetText(DracutFile, $"# Drivers of the hypervisor that this machine was moved to.\nadd_drivers+=\" {string.Join(' ', drivers)} \"\n", reason);
        }

        if (context.Text(Mkinitcpio) is { } mkinitcpio)
        {
            context.SetText(Mkinitcpio, ArrayAssignment().Replace(mkinitcpio, match => EditModules(match, drivers)), reason);
        }

        if (context.Text(SuseKernel) is { } suse)
        {
            context.SetText(SuseKernel, SuseAssignment().Replace(suse, match => EditModules(match, drivers)), reason);
        }

        context.Skip("the generators found are configured already, or none was found");
    }

    // Xen's front ends make mkinitcpio and mkinitrd fail where the kernel has none of them, so they leave the list (S1.24).
    private static string EditModules(Match match, ImmutableArray<string> drivers)
    {
        var kept = match.Groups["list"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(name => !IsXen(name)).ToList();
        kept.AddRange(drivers.Where(driver => !kept.Contains(driver)));
        return match.Groups["head"].Value + string.Join(' ', kept) + match.Groups["tail"].Value;
    }

    private static bool IsXen(string module) => module.Replace('_', '-') is "xen-blkfront" or "xen-netfront" or "xen-fbfront" or "xen-kbdfront" or "xenblk" or "xennet" or "xenbus" or "xen-vbd" or "xen-vnif";

    [GeneratedRegex("""^(?<head>MODULES=[("])(?<list>[^)"\n]*)(?<tail>[)"])""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ArrayAssignment();

    [GeneratedRegex("""^(?<head>(DOMU_)?INITRD_MODULES=")(?<list>[^"\n]*)(?<tail>")""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex SuseAssignment();
}
