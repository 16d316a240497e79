using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Upstart: jobs that run a getty on Xen's console.</summary>
internal sealed class UpstartConsoleStep : ConversionStep
{
    private static readonly string[] Consoles = ["hvc0", "xvc0"];

    public override string Id => "upstart-console";

    public override string Title => "Login terminals in upstart";

    public override string Description => "An upstart job with a getty on Xen's console is switched off by an override file, and a job of the same form is made for the serial line.";

    public override ImmutableArray<string> Requirements => ["S1.37", "X.6"];

    public override ImmutableArray<string> Reads => ["/etc/init/hvc0.conf", "/etc/init/xvc0.conf", "/etc/init/hvc0.override", "/etc/init/xvc0.override", "/etc/init/ttyS0.conf"];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.OperatingSystem.Init != InitSystem.Upstart)
        {
            context.Skip("the guest does not start with upstart");
            return;
        }

        foreach (var console in Consoles)
        {
            if (context.Text($"/etc/init/{console}.conf") is { } job)
            {
                context.SetText($"/etc/init/{console}.override", "manual\n", "Xen's console does not exist on the target.");
                if (!context.Exists($"/etc/init/{context.Target.SerialConsole}.conf"))
                {
                    context.SetText($"/etc/init/{context.Target.SerialConsole}.conf", job.Replace(console, context.Target.SerialConsole, StringComparison.Ordinal), "A login is offered on the serial line.");
                }
            }
        }

        context.Skip("no job runs on Xen's console");
    }
}
