using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;

namespace Rehost.Cli.Commands;

/// <summary>rehost verify.</summary>
internal static class VerifyCommand
{
    public static Command Create(TimeProvider time)
    {
        var target = new Argument<string>("target") { Description = "The configuration that rehost convert wrote, or its directory." };
        var source = new Option<string?>("--source") { Description = "Where the source is now; default: where it was. 'none' checks the target alone." };
        var keys = SourceArguments.KeyOption();
        var command = new Command("verify", "Proves that a converted machine is what was written, that its file systems are sound, and that it differs from the source only where the plan said.\n\nExamples:\n  rehost verify out/web01.xml\n  rehost verify out/ --source /backup/web01.xva\n  rehost verify out/ --key file:passphrase");
        command.Arguments.Add(target);
        command.Options.Add(source);
        command.Options.Add(keys);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var report = new Migration(context.Progress) { AskForKey = KeyPrompt.Ask }.Verify(parsed.GetRequiredValue(target), parsed.GetValue(source), SourceArguments.ReadKeys(parsed, keys), cancellationToken);
            context.Print(report, ReportPrinter.Print);
            return report.IsProved ? ExitCode.Success : ExitCode.Proof;
        });
    }
}
