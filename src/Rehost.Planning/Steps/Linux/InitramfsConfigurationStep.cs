using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Tells the guest's own initramfs generator about the target's drivers, for its next kernel update.</summary>
internal sealed partial class InitramfsConfigurationStep : ConversionStep
{
    private const string InitramfsToolsModules = "/etc/initramfs-tools/modules";
    private const string DracutDirectory = "/etc/dracut.conf.d";
    private const string DracutFile = "/etc/dracut.conf.d/90-rehost.conf";
    private const string Mkinitcpio = "/etc/mkinitcpio.conf";
    private const string Kernel = "/etc/sysconfig/kernel";
    private const string Mkinitfs = "/etc/mkinitfs/mkinitfs.conf";

    public override string Id => "initramfs-configuration";

    public override string Title => "Drivers for the guest's next initramfs";

    public override string Description =>
        "The next kernel update makes a new initramfs in the guest. Its generator is told to include the target's disk drivers, in its own configuration: initramfs-tools, dracut, mkinitcpio, " +
        "SUSE's mkinitrd (INITRD_MODULES, and DOMU_INITRD_MODULES on Xen), mkinitfs; mkinitrd of Red Hat reads module aliases, which are a step of their own. " +
        "DEFAULTKERNEL of Red Hat names the kind of kernel that runs on the target, so that an update makes that one the default.";

    public override ImmutableArray<string> Requirements => ["S1.24", "S1.25", "S2.10"];

    public override ImmutableArray<string> Reads => [InitramfsToolsModules, DracutDirectory, DracutFile, "/etc/dracut.conf", Mkinitcpio, Kernel, Mkinitfs];

    public override void Plan(PlanningContext context)
    {
        var kernel = TargetFit.DefaultKernel(context.Facts, context.Target);
        ImmutableArray<string> drivers = [.. context.Target.BootDrivers.Select(name => kernel?.Driver(name).Name ?? name)];
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
            context.SetText(Mkinitcpio, ArrayAssignment().Replace(mkinitcpio, match => EditModules(match, drivers, context)), reason);
        }

        if (context.Text(Kernel) is { } sysconfig)
        {
            context.SetText(Kernel, DefaultKernel().Replace(SuseAssignment().Replace(sysconfig, match => EditModules(match, drivers, context)), match => match.Groups["head"].Value + KindOf(match.Groups["kind"].Value, kernel, context)), reason);
        }

        if (context.Text(Mkinitfs) is { } mkinitfs && Feature(context.Target) is { } feature)
        {
            context.SetText(Mkinitfs, Features().Replace(mkinitfs, match => match.Groups["list"].Value.Split(' ').Contains(feature)
                ? match.Value : match.Groups["head"].Value + match.Groups["list"].Value.TrimEnd() + " " + feature + match.Groups["tail"].Value), reason);
        }

        context.Skip("the generators found are configured already, or none was found");
    }

    // Xen's front ends make mkinitcpio and mkinitrd fail where the kernel has none of them, so they leave the list (S1.24). DOMU_INITRD_MODULES is for Xen's kernels alone.
    private static string EditModules(Match match, ImmutableArray<string> drivers, PlanningContext context)
    {
        var isXen = context.Target.IsXenNative;
        var isForXen = match.Groups["head"].Value.StartsWith("DOMU_", StringComparison.Ordinal);
        var kept = match.Groups["list"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(name => isXen || isForXen || !IsXen(name)).ToList();
        kept.AddRange(drivers.Where(driver => isForXen == isXen || !isForXen).Where(driver => !kept.Exists(name => name.Replace('-', '_') == driver)));
        return match.Groups["head"].Value + string.Join(' ', kept) + match.Groups["tail"].Value;
    }

    // kernel, kernel-smp, kernel-xen, kernel-xenU: what new kernel packages compare themselves with to become the default.
    private static string KindOf(string kind, InstalledKernel? kernel, PlanningContext context)
    {
        var isXenKind = kind.StartsWith("kernel-xen", StringComparison.Ordinal);
        return kernel is { RequiresXen: true } && !isXenKind ? KernelVersion.IsBefore(kernel.Version, 2, 6, 18) ? "kernel-xenU" : "kernel-xen"
            : isXenKind && !context.Target.IsXenNative ? kernel?.Version.EndsWith("smp", StringComparison.Ordinal) == true ? "kernel-smp" : "kernel" : kind;
    }

    private static string? Feature(TargetCapabilities target) => target.Hypervisor switch
    {
        Hypervisor.Kvm => "virtio",
        Hypervisor.Vmware => "scsi",
        _ => null,
    };

    private static bool IsXen(string module) => module.Replace('_', '-') is "xen-blkfront" or "xen-netfront" or "xen-fbfront" or "xen-kbdfront" or "xenblk" or "xennet" or "xenbus" or "xen-vbd" or "xen-vnif";

    [GeneratedRegex("""^(?<head>MODULES=[("])(?<list>[^)"\n]*)(?<tail>[)"])""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ArrayAssignment();

    [GeneratedRegex("""^(?<head>(DOMU_)?INITRD_MODULES=")(?<list>[^"\n]*)(?<tail>")""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex SuseAssignment();

    [GeneratedRegex("""^(?<head>DEFAULTKERNEL=)(?<kind>[A-Za-z0-9-]+)""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex DefaultKernel();

    [GeneratedRegex("""^(?<head>features=")(?<list>[^"\n]*)(?<tail>")""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Features();
}
