using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;

namespace Rehost.Cli.Commands;

/// <summary>rehost inspect.</summary>
internal static class InspectCommand
{
    public static Command Create(TimeProvider time)
    {
        var source = new SourceArguments();
        var command = new Command("inspect", "Shows what a machine is and what is in it. Reads only.\n\nExamples:\n  rehost inspect web01.xva\n  rehost inspect web01.cfg --json | jq .kernels\n  rehost inspect root.img --device-name xvda1 --disk xvda2=swap.img");
        source.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var facts = new Migration(context.Progress) { AskForKey = KeyPrompt.Ask }.Inspect(source.Read(parsed), cancellationToken);
            context.Print(facts, FactsPrinter.Print);
            return ExitCode.Success;
        });
    }
}
