using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Upstart: jobs that run a getty on Xen's console.</summary>
internal sealed class UpstartConsoleStep : ConversionStep
{
    private static readonly string[] Terminals = ["hvc0", "xvc0", "ttyS0"];

    public override string Id => "upstart-console";

    public override string Title => "Login terminals in upstart";

    public override string Description => "An upstart job with a getty on another hypervisor's console is switched off by an override file, and a job of the same form is made for the console of the target.";

    public override ImmutableArray<string> Requirements => ["S1.37", "X.6"];

    public override ImmutableArray<string> Reads => ["/etc/init/hvc0.conf", "/etc/init/xvc0.conf", "/etc/init/ttyS0.conf", "/etc/init/*.override", "/etc/init/tty1.conf", "/etc/init/serial.conf", "/etc/event.d/*"];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.OperatingSystem.Init != InitSystem.Upstart)
        {
            context.Skip("the guest does not start with upstart");
            return;
        }

        var wanted = $"/etc/init/{context.Target.SerialConsole}.conf";
        foreach (var console in Terminals.Where(console => Consoles.IsStale(console, context.Target)))
        {
            if (context.Text($"/etc/init/{console}.conf") is { } job)
            {
                context.SetText($"/etc/init/{console}.override", "manual\n", "The console of the old hypervisor does not exist on the target.");
                if (context.Target.HasSerialConsole && !context.Exists(wanted))
                {
                    context.SetText(wanted, job.Replace(console, context.Target.SerialConsole, StringComparison.Ordinal), "A login is offered on the console of the target.");
                }
            }
        }

        PlanEventDirectory(context);

        // Ubuntu starts a getty for each job; Red Hat 6 starts one on whatever console= names (serial.conf), and needs none.
        if (context.Target.HasSerialConsole && !context.Exists(wanted) && !context.Exists("/etc/init/serial.conf") && context.Text("/etc/init/tty1.conf") is { } model)
        {
            context.SetText(wanted, model.Replace("tty1", context.Target.SerialConsole, StringComparison.Ordinal), "A login is offered on the console of the target.");
        }

        context.Skip("no job runs on another hypervisor's console");
    }

    // Upstart before 0.6 (Ubuntu 6.10 to 9.04, Fedora 9 to 11) has no overrides, and its jobs have no suffix.
    private static void PlanEventDirectory(PlanningContext context)
    {
        const string directory = "/etc/event.d";
        var wanted = $"{directory}/{context.Target.SerialConsole}";
        var model = context.Text($"{directory}/tty1");
        foreach (var console in Terminals.Where(console => Consoles.IsStale(console, context.Target) && context.Text($"{directory}/{console}") is not null))
        {
            var job = context.Text($"{directory}/{console}") ?? "";
            context.Delete($"{directory}/{console}", "The console of the old hypervisor does not exist on the target.");
            if (context.Target.HasSerialConsole && !context.Exists(wanted))
            {
                context.SetText(wanted, job.Replace(console, context.Target.SerialConsole, StringComparison.Ordinal), "A login is offered on the console of the target.");
            }
        }

        if (model is not null && context.Target.HasSerialConsole && !context.Exists(wanted))
        {
            context.SetText(wanted, model.Replace("tty1", context.Target.SerialConsole, StringComparison.Ordinal), "A login is offered on the console of the target.");
        }
    }
}
