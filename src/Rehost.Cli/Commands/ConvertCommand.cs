using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;

namespace Rehost.Cli.Commands;

/// <summary>rehost convert.</summary>
internal static class ConvertCommand
{
    public static Command Create(TimeProvider time)
    {
        var source = new SourceArguments();
        var target = new TargetArguments();
        var output = new Option<string>("--output") { Description = "Directory for disks, configuration and report; made when missing.", Required = true };
        var resume = new Option<bool>("--resume") { Description = "Goes on where the same conversion was stopped: by a signal, a full disk, a power cut. The result is that of a run nobody disturbed." };
        var command = new Command("convert", "Converts a machine. The source is only read; the result appears when it is complete.\n\nExamples:\n  rehost convert web01.xva --to kvm --output out/\n  rehost convert web01.cfg --to kvm --output out/ --compress zstd\n  rehost convert root.img --device-name xvda1 --disk xvda2=swap.img --memory 2048 --mac 00:16:3e:01:02:03 --to kvm --output out/\n  rehost convert web01.xva --plan plan.json --output out/");
        var plan = new PlanArguments();
        source.AddTo(command);
        target.AddTo(command, isTargetRequired: false);
        command.Options.Add(output);
        command.Options.Add(resume);
        plan.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var document = plan.Read(parsed);
            var wanted = document is null ? target.Read(parsed, parsed.GetRequiredValue(output)) : target.ReadBesidePlan(parsed, document, parsed.GetRequiredValue(output));
            var report = new Migration(context.Progress) { AskForKey = KeyPrompt.Ask }.Convert(source.Read(parsed, target.Name(parsed)), wanted with { Resumes = parsed.GetValue(resume) }, document, cancellationToken);
            context.Print(report, ReportPrinter.Print);
            return ExitCode.Success;
        });
    }
}
