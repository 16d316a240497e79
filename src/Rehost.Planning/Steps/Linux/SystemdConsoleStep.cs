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
        "An enabled serial-getty on another hypervisor's console (hvc0, ttyS0) waits 90 seconds for a device that never comes. Its link is removed and the console of the target gets one, as systemctl enable would.";

    public override ImmutableArray<string> Requirements => ["S1.37", "X.6"];

    public override ImmutableArray<string> Reads => [Wants + "/*", .. Templates];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.OperatingSystem.Init != InitSystem.Systemd || Templates.FirstOrDefault(context.Exists) is not { } template)
        {
            context.Skip("the guest does not start with systemd");
            return;
        }

        foreach (var link in context.FilesIn(Wants).Where(file => Terminal(file.Path) is { } terminal && Consoles.IsStale(terminal, context.Target)).ToList())
        {
            context.Delete(link.Path, "The console of the old hypervisor does not exist on the target.");
        }

        if (context.Target.HasSerialConsole)
        {
            context.Link($"{Wants}/serial-getty@{context.Target.SerialConsole}.service", template, "A login is offered on the serial line, even if console= is taken from the kernel's arguments later.");
        }

        context.Skip("the console of the target has its getty already");
    }

    // serial-getty@hvc0.service, getty@ttyS0.service
    private static string? Terminal(string path)
    {
        var at = path.IndexOf("getty@", StringComparison.Ordinal);
        return at < 0 || !path.EndsWith(".service", StringComparison.Ordinal) ? null : path[(at + "getty@".Length)..^".service".Length];
    }
}
