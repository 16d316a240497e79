using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>The clock: settings for Xen's, and a hardware clock that the guest keeps in local time.</summary>
internal sealed partial class ClockStep : ConversionStep
{
    private static readonly string[] Local = ["/etc/adjtime", "/etc/sysconfig/clock", "/etc/default/rcS", "/etc/conf.d/hwclock", "/etc/conf.d/clock", "/etc/rc.conf"];

    public override string Id => "clock";

    public override string Title => "Clock";

    public override string Description =>
        "Settings of Xen's clock in sysctl.conf fail elsewhere at each boot, and are commented out. Clock arguments of another hypervisor leave the kernel's arguments with the boot menu. The target gives its machines a hardware clock in UTC, as Linux takes it; a guest that keeps it in local time is told of, because " +
        "it would be wrong by the difference until its time service has put it right.";

    public override ImmutableArray<string> Requirements => ["S1.37"];

    public override ImmutableArray<string> Reads => ["/etc/sysctl.conf", "/etc/sysctl.d/*.conf", .. Local];

    public override void Plan(PlanningContext context)
    {
        if (context.Target.Mode != VirtualizationMode.Paravirtual)
        {
            foreach (var path in context.FilesIn("/etc/sysctl.d").Select(file => file.Path).Append("/etc/sysctl.conf"))
            {
                if (context.Text(path) is { } text)
                {
                    context.SetText(path, XenSetting().Replace(text, "#${line}"), "The kernel has this setting on Xen only, and sysctl fails without it.");
                }
            }
        }

        if (Local.FirstOrDefault(path => context.Text(path) is { } text && LocalTime().IsMatch(text)) is { } local)
        {
            context.CheckByHand($"{local} says that the hardware clock is in local time, and the target's is in UTC: let the guest keep it in UTC (timedatectl set-local-rtc 0, hwclock --systohc --utc), or give the target a clock in local time.");
        }

        context.Skip("the guest's clock needs nothing");
    }

    [GeneratedRegex(@"^(?<line>\s*xen\.\S+\s*=.*)$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex XenSetting();

    [GeneratedRegex("""^(LOCAL\s*$|\s*UTC=["']?(no|false)\b|\s*HWCLOCK="--localtime"|\s*(clock|CLOCK|HARDWARECLOCK)=["']?(local|localtime)\b)""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex LocalTime();
}
