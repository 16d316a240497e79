using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Model;
using Rehost.Pipeline;
using Spectre.Console;

namespace Rehost.Cli.Commands;

/// <summary>What every verb shares: the options for output, and the one place that turns findings into messages and exit codes.</summary>
internal static class VerbRunner
{
    public static Option<bool> Json { get; } = new("--json") { Description = "Print the result as JSON on standard output; progress goes to standard error.", Recursive = true };

    public static Option<bool> Quiet { get; } = new("--quiet") { Description = "No progress." };

    /// <summary>Adds the common options and runs a verb.</summary>
    /// <param name="command">The command.</param>
    /// <param name="time">Clock for progress.</param>
    /// <param name="run">Does the work and returns the exit code.</param>
    public static Command With(this Command command, TimeProvider time, Func<ParseResult, VerbContext, CancellationToken, int> run)
    {
        command.Options.Add(Json);
        command.Options.Add(Quiet);
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, time, run, cancellationToken), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, TimeProvider time, Func<ParseResult, VerbContext, CancellationToken, int> run, CancellationToken cancellationToken)
    {
        var json = parsed.GetValue(Json);
        var context = new VerbContext(Console.Out, json, ProgressFor(parsed, json, time));
        try
        {
            return run(parsed, context, cancellationToken);
        }
        catch (DiagnosticException e)
        {
            Fail(e.Diagnostic, json);
            return ExitCode.Of(e.Diagnostic.Fault);
        }
        catch (OperationCanceledException e)
        {
            var by = StopSignals.Received is { } signal ? $" by {signal}" : "";
            Say($"rehost: stopped{by}; nothing that looks finished was left behind");
            if (e is StoppedException)
            {
                Say($"        {TerminalText.Clean(e.Message)}");
            }

            return StopSignals.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var fault = PipelineDiagnostics.HostFault.Create(e.Message);
            Fail(fault, json);
            return ExitCode.Of(fault.Fault);
        }
        catch (Exception e) when (e is not DiagnosticException)
        {
            // A fault of ours, perhaps brought about by what was read: told like everything else that may hold a stranger's words, and without a core dump of the guest's data.
            var fault = PipelineDiagnostics.OwnFault.Create($"{e.GetType().Name}: {e.Message}");
            Fail(fault, json);
            Console.Error.WriteLine(TerminalText.Clean(e.StackTrace ?? "", keepLines: true));
            return ExitCode.Internal;
        }
    }

    // After a hangup there may be no terminal to say it on.
    private static void Say(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (IOException)
        {
        }
    }

    private static void Fail(Diagnostic diagnostic, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(ModelJson.Serialize(new { error = diagnostic }));
        }

        Console.Error.WriteLine($"rehost: {TerminalText.Clean(diagnostic.ToString())}");
        Console.Error.WriteLine($"        {TerminalText.Clean(diagnostic.NextStep)}");
    }

    private static IProgressSink ProgressFor(ParseResult parsed, bool json, TimeProvider time)
    {
        if (parsed.GetValue(Quiet))
        {
            return new SilentProgress();
        }

        if (Console.IsErrorRedirected || json)
        {
            return new PlainProgress(Console.Error, time);
        }

        return new LiveProgress(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }));
    }
}

/// <summary>What a verb works with.</summary>
/// <param name="Output">Standard output.</param>
/// <param name="Json">Whether the result is wanted as JSON.</param>
/// <param name="Progress">Progress, on standard error.</param>
internal sealed record VerbContext(TextWriter Output, bool Json, IProgressSink Progress)
{
    /// <summary>Prints a result: as JSON, or through a printer for people.</summary>
    public void Print<T>(T result, Action<TextWriter, T> forPeople)
    {
        if (Json)
        {
            Output.WriteLine(ModelJson.Serialize(result));
        }
        else
        {
            forPeople(Output, result);
        }
    }
}
