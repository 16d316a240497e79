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
        var target = new Argument<string>("target") { Description = "A libvirt domain description, such as rehost convert writes, or its directory." };
        var evidence = new Option<string?>("--evidence") { Description = "Directory for the serial log, the screenshot and the report; default: boot-NAME beside the description." };
        var timeout = new Option<int>("--timeout") { Description = "Seconds to wait for the login prompt.", DefaultValueFactory = _ => 600 };
        var command = new Command("boot", "Boots a converted machine in QEMU, on a throw-away overlay and without network, and says how far it came. Needs no KVM.\n\nExamples:\n  rehost boot out/web01.xml\n  rehost boot out/ --timeout 1200 --evidence proof/");
        command.Arguments.Add(target);
        command.Options.Add(evidence);
        command.Options.Add(timeout);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var seconds = parsed.GetValue(timeout);
            if (seconds is < 1 or > 86400)
            {
                throw PipelineDiagnostics.BadOption.ToException($"{seconds} is not between 1 and 86400", "--timeout");
            }

            var report = BootTarget.Run(parsed.GetRequiredValue(target), parsed.GetValue(evidence), TimeSpan.FromSeconds(seconds), context.Progress, milestone =>
            {
                if (!context.Json)
                {
                    context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{milestone.Seconds,7:0.0} s  {milestone.Milestone,-13} {TerminalText.Clean(milestone.Line)}"));
                }
            }, cancellationToken);
            context.Print(report, Print);
            return report.Verdict == BootVerdict.Booted ? ExitCode.Success : ExitCode.Proof;
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

        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Machine}: {report.Verdict} after {report.Seconds:0.0} s with {report.Accelerator}; evidence in {report.EvidenceDirectory}"));
    }
}
