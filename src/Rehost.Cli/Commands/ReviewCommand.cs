using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Plans;

namespace Rehost.Cli.Commands;

/// <summary>rehost review and rehost sign-off: plan documents between being made and being applied.</summary>
internal static class ReviewCommand
{
    public static Command CreateReview(TimeProvider time)
    {
        var plan = new Argument<string>("plan") { Description = "A plan document." };
        var command = new Command("review", "Shows a plan document as rehost plan shows a plan, and what was edited since it was made. Reads nothing else.\n\nExamples:\n  rehost review plan.json");
        command.Arguments.Add(plan);
        return command.With(time, (parsed, context, _) =>
        {
            context.Print(PlanReview.Of(PlanDocumentFile.Load(parsed.GetRequiredValue(plan))), PlanPrinter.Print);
            return ExitCode.Success;
        });
    }

    public static Command CreateSignOff(TimeProvider time)
    {
        var plan = new Argument<string>("plan") { Description = "A plan document; it is replaced by one with the sign-off." };
        var by = new Option<string>("--by") { Description = "Who answers for the plan as it stands.", Required = true };
        var note = new Option<string?>("--note") { Description = "What is to be remembered with it: a ticket, a reason." };
        var command = new Command("sign-off", "Writes into a plan document who answers for it as it stands; edited afterwards, it is refused. A signature of your own (gpg --detach-sign) can stand beside it.\n\nExamples:\n  rehost sign-off plan.json --by \"Jane Doe\" --note \"CHG-1234\"");
        command.Arguments.Add(plan);
        command.Options.Add(by);
        command.Options.Add(note);
        return command.With(time, (parsed, context, _) =>
        {
            context.Print(PlanReview.Of(PlanDocumentFile.SignOff(parsed.GetRequiredValue(plan), parsed.GetRequiredValue(by), parsed.GetValue(note))), PlanPrinter.PrintState);
            return ExitCode.Success;
        });
    }
}
