using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Modules of the old hypervisor that the guest loads at each boot by name.</summary>
internal sealed partial class LoadedModulesStep : ConversionStep
{
    private const string Suse = "/etc/sysconfig/kernel";

    public override string Id => "loaded-modules";

    public override string Title => "Modules that are loaded by name";

    public override string Description =>
        "/etc/modules, /etc/modules-load.d and SUSE's MODULES_LOADED_ON_BOOT may name drivers of the old hypervisor (vmw_*, vmhgfs, vboxguest, prl_*, hv_*, xen-*): the service that loads them fails at each boot on another one. Such lines are commented out.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S1.37", "X.1"];

    public override ImmutableArray<string> Reads => ["/etc/modules", "/etc/modules-load.d/*.conf", "/etc/conf.d/modules", Suse];

    public override void Plan(PlanningContext context)
    {
        const string reason = "The module drives devices of the old hypervisor, and loading it fails on the target.";
        foreach (var path in context.FilesIn("/etc/modules-load.d").Select(file => file.Path).Append("/etc/modules"))
        {
            if (context.Text(path) is { } text)
            {
                context.SetText(path, Lines.Map(text, line => IsForeign(line.Trim().Split(' ')[0], context.Target) ? "#" + line : line), reason);
            }
        }

        foreach (var path in (string[])["/etc/conf.d/modules", Suse])
        {
            if (context.Text(path) is { } text)
            {
                context.SetText(path, ModuleList().Replace(text, match => match.Groups["head"].Value + string.Join(' ', match.Groups["list"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(name => !IsForeign(name, context.Target))) + match.Groups["tail"].Value), reason);
            }
        }

        context.Skip("no module of another hypervisor is loaded by name");
    }

    /// <summary>Whether a module is a driver for a hypervisor that is not the target.</summary>
    internal static bool IsForeign(string module, TargetCapabilities target)
    {
        var name = module.Replace('-', '_');
        return (target.Hypervisor != Hypervisor.Vmware && Vmware().IsMatch(name)) || Other().IsMatch(name)
            || (target.Hypervisor is not (Hypervisor.Xen or Hypervisor.XenServer) && name.StartsWith("xen", StringComparison.Ordinal) && name != "xen_acpi_processor");
    }

    [GeneratedRegex(@"^(vmw_[a-z_]+|vmxnet3?|vmhgfs|vmmemctl|vmblock|vmci|vsock|vmsync|pvscsi)$", RegexOptions.CultureInvariant)]
    private static partial Regex Vmware();

    [GeneratedRegex(@"^(vboxguest|vboxsf|vboxvideo|prl_[a-z_]+|hv_[a-z_]+|hyperv_[a-z_]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Other();

    [GeneratedRegex("""^(?<head>(MODULES_LOADED_ON_BOOT|modules[a-z0-9_]*)=")(?<list>[^"\n]*)(?<tail>")""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ModuleList();
}
