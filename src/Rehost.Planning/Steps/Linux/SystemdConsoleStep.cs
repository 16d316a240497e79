using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>systemd: a getty on the target's serial line in place of Xen's console.</summary>
internal sealed class SystemdConsoleStep : ConversionStep
{
    private const string Wants = "/etc/systemd/system/getty.target.wants";
    private static readonly string[] Templates = ["/lib/systemd/system/serial-getty@.service", "/usr/lib/systemd/system/serial-getty@.service"];

    public override string Id => "systemd-console";

    public override string Title => "Login terminals in systemd";

    public override string Description =>
        "An enabled serial-getty on hvc0 waits 90 seconds for a device that never comes. Its link is removed and the serial line gets one, as systemctl enable would.";

    public override ImmutableArray<string> Requirements => ["S1.37", "X.6"];

    public override ImmutableArray<string> Reads => [Wants + "/*", .. Templates];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.OperatingSystem.Init != InitSystem.Systemd || Templates.FirstOrDefault(context.Exists) is not { } template)
        {
            context.Skip("the guest does not start with systemd");
            return;
        }

        foreach (var link in context.FilesIn(Wants).Where(file => file.Path.Contains("getty@hvc0", StringComparison.Ordinal) || file.Path.Contains("getty@xvc0", StringComparison.Ordinal)))
        {
            context.Delete(link.Path, "Xen's console does not exist on the target.");
        }

        context.Link($"{Wants}/serial-getty@{context.Target.SerialConsole}.service", template, "A login is offered on the serial line, even if console= is taken from the kernel's arguments later.");
        context.Skip("the serial line has its getty already");
    }
}
