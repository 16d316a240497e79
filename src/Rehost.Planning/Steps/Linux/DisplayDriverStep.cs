using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>X servers whose configuration names the old hypervisor's graphics.</summary>
internal sealed partial class DisplayDriverStep : ConversionStep
{
    private static readonly string[] Files = ["/etc/X11/xorg.conf", "/etc/X11/XF86Config", "/etc/X11/XF86Config-4"];

    public override string Id => "display-driver";

    public override string Title => "Graphics driver of the X server";

    public override string Description =>
        "The tools of VMware, VirtualBox and Parallels write their graphics driver into xorg.conf, where X then finds no adapter on the target. The driver becomes vesa, which every adapter of a virtual machine answers to; " +
        "their mouse becomes an ordinary one.";

    public override ImmutableArray<string> Requirements => ["S2.29", "X.1"];

    public override ImmutableArray<string> Reads => [.. Files, "/etc/X11/xorg.conf.d/*"];

    public override void Plan(PlanningContext context)
    {
        if (context.Target.IsXenNative)
        {
            context.Skip("a Xen PV guest has no graphics adapter");
            return;
        }

        foreach (var path in Files.Concat(context.FilesIn("/etc/X11/xorg.conf.d").Select(file => file.Path)))
        {
            if (context.Text(path) is { } text)
            {
                var edited = Graphics().Replace(text, match => IsOf(match.Groups["driver"].Value, context.Target) ? match.Value : match.Groups["head"].Value + "\"vesa\"");
                context.SetText(path, context.Target.Hypervisor == Hypervisor.Vmware ? edited : Mouse().Replace(edited, "${head}\"mouse\""), "The driver is for the graphics adapter of the old hypervisor.");
            }
        }

        context.Skip("no configuration of X names a hypervisor's graphics");
    }

    private static bool IsOf(string driver, TargetCapabilities target) => (driver, target.Hypervisor) is ("vmware", Hypervisor.Vmware) or ("qxl", Hypervisor.Kvm);

    [GeneratedRegex("""^(?<head>\s*Driver\s+)"(?<driver>vmware|vboxvideo|prlvideo|qxl|xenfb)"(?=\s*$)""", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Graphics();

    [GeneratedRegex("""^(?<head>\s*Driver\s+)"(vmmouse|vboxmouse|prlmouse)"(?=\s*$)""", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Mouse();
}
