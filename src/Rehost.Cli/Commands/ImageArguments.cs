using System.CommandLine;
using Rehost.Pipeline;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>The argument and options that name an image to read, the same for every verb.</summary>
internal sealed class ImageArguments(string description = "A disk image, a block device, or a container of disks such as an XVA.")
{
    private readonly Argument<string> _path = new("file") { Description = description };
    private readonly Option<string?> _format = new("--format") { Description = "Format of the image, when the guess is wrong; an image whose format was only guessed may not refer to other files." };
    private readonly Option<string?> _disk = new("--disk") { Description = "Disk of a container that holds several: its number from 1, its id, or its name." };
    private readonly Option<string?> _snapshot = new("--snapshot") { Description = "Internal snapshot, by name or id." };

    public static Option<string[]> AllowPath { get; } = new("--allow-path") { Description = "A directory or file outside of the image's own directory that it may refer to; may be repeated." };

    public static Option<int?> Parallel { get; } = new("--parallel") { Description = "Threads; default: one for each processor." };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_path);
        command.Options.Add(_format);
        command.Options.Add(_disk);
        command.Options.Add(_snapshot);
        command.Options.Add(AllowPath);
    }

    public ImageRequest Read(ParseResult parsed) => new(parsed.GetRequiredValue(_path))
    {
        Format = parsed.GetValue(_format),
        Disk = parsed.GetValue(_disk),
        Snapshot = parsed.GetValue(_snapshot),
        AllowedPaths = [.. parsed.GetValue(AllowPath) ?? []],
    };

    public static int? ReadParallel(ParseResult parsed) => parsed.GetValue(Parallel) switch
    {
        null => null,
        >= 1 and <= 64 and var count => count,
        var other => throw PipelineDiagnostics.BadOption.ToException($"{other} is not between 1 and 64", "--parallel"),
    };
}
