using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Rehost.Cli.Output;
using Rehost.Pipeline;
using Rehost.Proof.Qemu;
using TerminalText = Rehost.Cli.Output.TerminalText;

namespace Rehost.Cli.Commands;

/// <summary>rehost boot.</summary>
internal static class BootCommand
{
    public static Command Create(TimeProvider time)
    {
        var targets = new Argument<string[]>("target")
        {
            Description = "What rehost convert wrote: a libvirt domain description, an OVA or OVF (on hardware as VMware's), an xl configuration, or the directory of one. Of xl configurations there may be several: they are started one after the other under one Xen.",
            Arity = ArgumentArity.OneOrMore,
        };
        var hypervisor = new Option<string?>("--hypervisor") { Description = "kvm: QEMU alone, also for Xen's guests with firmware (HVM). xen: a real Xen with xl in its dom0, in QEMU (the laboratory). Default: by the kind of configuration." };
        hypervisor.AcceptOnlyFromAmong("kvm", "xen");
        var laboratory = new Option<string?>("--xen-lab") { Description = "Directory of the Xen laboratory, as build/fixtures/xen-lab.sh makes it; default: REHOST_XEN_LAB, then artifacts/fixtures/xen-dom0." };
        var evidence = new Option<string?>("--evidence") { Description = "Directory for the serial log, the screenshot and the report; default: boot-NAME beside the description." };
        var timeout = new Option<int>("--timeout") { Description = "Seconds to wait for the login prompt.", DefaultValueFactory = _ => 600 };
        var until = new Option<string[]>("--until") { Description = "Stage at which a proof under Xen is complete: bootLoader, kernel, rootMounted, init, login; once for all guests, or once for each in their order. Default: login." };
        until.AcceptOnlyFromAmong("bootLoader", "kernel", "rootMounted", "init", "login");
        var command = new Command("boot", "Boots a converted machine in QEMU, or under a real Xen, on a throw-away overlay and without network, and says how far it came. Needs no KVM.\n\nExamples:\n  rehost boot out/web01.xml\n  rehost boot out/ --timeout 1200 --evidence proof/\n  rehost boot out/web01.ova\n  rehost boot --hypervisor xen out/web01.cfg");
        command.Arguments.Add(targets);
        foreach (var option in new Option[] { hypervisor, laboratory, until, evidence, timeout })
        {
            command.Options.Add(option);
        }

        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var seconds = parsed.GetValue(timeout);
            if (seconds is < 1 or > 86400)
            {
                throw PipelineDiagnostics.BadOption.ToException($"{seconds} is not between 1 and 86400", "--timeout");
            }

            var paths = parsed.GetRequiredValue(targets);
            var isXen = parsed.GetValue(hypervisor) is { } named ? named == "xen" : BootTarget.IsXen(paths[0]);
            if (!isXen && paths.Length > 1)
            {
                throw PipelineDiagnostics.BadOption.ToException("several machines are started one after the other under Xen only", paths[1]);
            }

            ImmutableArray<BootMilestone> goals = [.. (parsed.GetValue(until) ?? []).Select(name => Enum.Parse<BootMilestone>(name, ignoreCase: true))];
            if (goals.Length > 1 && goals.Length != paths.Length)
            {
                throw PipelineDiagnostics.BadOption.ToException($"{goals.Length} stages for {paths.Length} machines", "--until");
            }

            if (!isXen && !goals.IsEmpty)
            {
                throw PipelineDiagnostics.BadOption.ToException("QEMU alone is watched until the login prompt", "--until");
            }

            void Tell(int machine, BootMilestoneReached milestone)
            {
                if (!context.Json)
                {
                    var which = paths.Length == 1 ? "" : $"{TerminalText.Clean(Path.GetFileName(paths[machine]))}  ";
                    context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{milestone.Seconds,7:0.0} s  {which}{milestone.Milestone,-13} {TerminalText.Clean(milestone.Line)}"));
                }
            }

            ImmutableArray<BootReport> reports = isXen
                ? BootTarget.RunXen(paths, parsed.GetValue(evidence), parsed.GetValue(laboratory), TimeSpan.FromSeconds(seconds), goals, context.Progress, Tell, cancellationToken)
                : [BootTarget.Run(paths[0], parsed.GetValue(evidence), TimeSpan.FromSeconds(seconds), context.Progress, milestone => Tell(0, milestone), cancellationToken)];
            if (reports.Length == 1)
            {
                context.Print(reports[0], Print);
            }
            else
            {
                context.Print(reports, (writer, all) => all.ToList().ForEach(report => Print(writer, report)));
            }

            return reports.All(report => report.Verdict == BootVerdict.Booted) ? ExitCode.Success : ExitCode.Proof;
        });
    }

    private static void Print(TextWriter writer, BootReport report)
    {
        if (report.Cause is { } cause)
        {
            foreach (var line in report.LastLines.TakeLast(12))
            {
                writer.WriteLine($"          | {TerminalText.Clean(line)}");
            }

            FindingsPrinter.Print(writer, [cause]);
        }

        writer.WriteLine(TerminalText.Clean(string.Create(CultureInfo.InvariantCulture, $"{report.Machine}: {report.Verdict} after {report.Seconds:0.0} s with {report.Accelerator}; evidence in {report.EvidenceDirectory}")));
    }
}
