using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Plans;

namespace Rehost.Cli.Commands;

/// <summary>rehost plan.</summary>
internal static class PlanCommand
{
    public static Command Create(TimeProvider time)
    {
        var source = new SourceArguments();
        var target = new TargetArguments();
        var command = new Command("plan", "Shows each change with its reason, as diffs where text is edited, and what it will take. Changes nothing.\n\nExamples:\n  rehost plan web01.xva --to kvm\n  rehost plan web01.cfg --to kvm --output plan.json      the plan as a document: to be reviewed, edited, signed off, and applied later (docs/plans.md)\n  rehost plan web01.cfg --to kvm --json");
        var output = new Option<string?>("--output") { Description = "Write the plan as a document to this new file; rehost convert --plan and rehost apply carry it out, exactly as it stands then." };
        source.AddTo(command);
        target.AddTo(command);
        command.Options.Add(output);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var planned = new Migration(context.Progress) { AskForKey = KeyPrompt.Ask }.Plan(source.Read(parsed, target.Name(parsed)), target.Read(parsed, output: null), parsed.GetValue(output) is not null, cancellationToken);
            if (planned.Document is { } document && parsed.GetValue(output) is { } path)
            {
                PlanDocumentFile.Save(document, path);
            }

            context.Print(planned, PlanPrinter.Print);
            var error = planned.Plan.Findings.Concat(planned.Preflight).FirstOrDefault(finding => finding.Severity == Severity.Error);
            return error is null ? ExitCode.Success : ExitCode.Of(error.Fault);
        });
    }
}
