using System.CommandLine;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Registry;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli.Commands.Registry;

/// <summary>The hive, the same for every verb that looks into one, and where a changed one goes.</summary>
internal sealed class HiveArguments
{
    private readonly Argument<string> _hive = new("hive") { Description = "A hive file (its .LOG, .LOG1 and .LOG2 beside it are read too), or IMAGE:HIVE: a hive of a guest in any source that Rehost reads, by its name (SYSTEM, SOFTWARE, SAM, SECURITY, DEFAULT, BCD) or its path." };
    private readonly Option<string?> _volume = new("--volume", "--partition") { Description = "The guest's volume that holds the hive: device name, partition number, UUID or label." };
    private readonly Option<bool> _pending = new("--accept-pending") { Description = "Take a hive that was not written completely and that no log completes. What was pending is lost." };
    private readonly Option<string?> _output = new("--output") { Description = "Write the changed hive as this new file, or the guest's disk as this new image." };
    private readonly Option<string?> _format = new("--target-format") { Description = "Format of the new image; default: what its extension says, else raw." };
    private readonly Option<bool> _inPlace = new("--in-place") { Description = "Replace the hive file, or write into the guest's raw disk." };

    public void AddTo(Command command, params ReadOnlySpan<Argument> more)
    {
        command.Arguments.Add(_hive);
        foreach (var argument in more)
        {
            command.Arguments.Add(argument);
        }

        command.Options.Add(_volume);
        command.Options.Add(_pending);
    }

    public void AddResultTo(Command command)
    {
        command.Options.Add(_output);
        command.Options.Add(_format);
        command.Options.Add(_inPlace);
    }

    public OpenHive Open(ParseResult parsed, CancellationToken cancellationToken, string? other = null)
        => OpenHive.Open(
            HiveLocation.Parse(other ?? parsed.GetRequiredValue(_hive)),
            source => GuestFiles.Open(new SourceRequest(source), parsed.GetValue(_volume), Path.GetTempPath(), KeyPrompt.Ask, cancellationToken),
            parsed.GetValue(_pending));

    /// <summary>Changes a hive and writes it where it was said.</summary>
    public int Edit(ParseResult parsed, VerbContext context, Func<OpenHive, int> edit, CancellationToken cancellationToken)
    {
        var (output, inPlace) = (parsed.GetValue(_output), parsed.GetValue(_inPlace));
        if (output is null != inPlace)
        {
            throw FileDiagnostics.NowhereToWrite.ToException(inPlace ? "both --output and --in-place were given" : "neither --output nor --in-place was given");
        }

        using var hive = Open(parsed, cancellationToken);
        var count = edit(hive);
        hive.Write(output, parsed.GetValue(_format), context.Progress, cancellationToken);
        context.Progress.Complete();
        context.Print(new { changed = count, output }, (writer, result) => writer.WriteLine($"{result.changed} changed, written to {result.output ?? "the source itself"}"));
        return ExitCode.Success;
    }
}
