using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Rehost.Cli.Output;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli.Commands.Files;

/// <summary>rehost files: the verbs that look into a guest's files and edit them.</summary>
internal static class FilesCommand
{
    public static Command Create(TimeProvider time)
    {
        var command = new Command("files", "Looks into the files of any guest, in any container and on any volume that Rehost reads, and edits them. Nothing is mounted and nothing of the guest is run.\n\nExamples:\n  rehost files ls web01.xva /etc --long\n  rehost files cat web01.qcow2 /etc/fstab\n  rehost files get web01.ova /var/log ./logs\n  rehost files put disk.vmdk ./resolv.conf /etc/resolv.conf --output fixed.vmdk\n  rehost files diff before.xva after.qcow2");
        foreach (var verb in Verbs(time))
        {
            command.Subcommands.Add(verb);
        }

        return command;
    }

    private static ImmutableArray<Command> Verbs(TimeProvider time) =>
    [
        Tree(time),
        List(time),
        Cat(time),
        Get(time),
        FilesEditCommands.Put(time),
        FilesEditCommands.Remove(time),
        Diff(time),
    ];

    private static Command Tree(TimeProvider time)
    {
        var files = new FilesArguments();
        var path = new Argument<string>("path") { Description = "Where to start.", DefaultValueFactory = _ => "/" };
        var depth = new Option<int?>("--depth") { Description = "Levels that are shown; default: all." };
        var isHashed = new Option<bool>("--sha256") { Description = "Instead, the hash and path of every regular file, as sha256sum prints them." };
        var command = new Command("tree", "Shows a directory with everything below it.");
        files.AddTo(command, path);
        command.Options.Add(depth);
        command.Options.Add(isHashed);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var guest = files.Open(parsed, cancellationToken);
            var (start, levels) = (parsed.GetRequiredValue(path), parsed.GetValue(depth) ?? int.MaxValue);
            if (parsed.GetValue(isHashed))
            {
                PrintListing(context, GuestListing.Hash(guest, start, levels, cancellationToken), FilesPrinter.PrintHash);
            }
            else
            {
                PrintListing(context, GuestListing.Walk(guest, start, levels, cancellationToken), FilesPrinter.PrintTreeLine);
            }

            return ExitCode.Success;
        });
    }

    private static Command List(TimeProvider time)
    {
        var files = new FilesArguments();
        var path = new Argument<string>("path") { Description = "A directory or file.", DefaultValueFactory = _ => "/" };
        var isLong = new Option<bool>("--long", "-l") { Description = "Show kind, mode, owner, size and time." };
        var command = new Command("ls", "Lists a directory.");
        files.AddTo(command, path);
        command.Options.Add(isLong);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var guest = files.Open(parsed, cancellationToken);
            PrintListing(context, GuestListing.List(guest, parsed.GetRequiredValue(path), cancellationToken), parsed.GetValue(isLong) ? FilesPrinter.PrintLongLine : FilesPrinter.PrintName);
            return ExitCode.Success;
        });
    }

    private static Command Cat(TimeProvider time)
    {
        var files = new FilesArguments();
        var path = new Argument<string>("path") { Description = "The file." };
        var command = new Command("cat", "Writes a file's content to standard output, byte for byte; on a terminal, control characters are made visible.");
        files.AddTo(command, path);
        return command.With(time, (parsed, _, cancellationToken) =>
        {
            using var guest = files.Open(parsed, cancellationToken);
            using var output = TerminalStream.OpenOutput();
            FileExtraction.Cat(guest, parsed.GetRequiredValue(path), output, cancellationToken);
            return ExitCode.Success;
        });
    }

    private static Command Get(TimeProvider time)
    {
        var files = new FilesArguments();
        var path = new Argument<string>("path") { Description = "A file, or a directory that is copied with everything below it." };
        var directory = new Argument<string>("directory") { Description = "An existing directory here.", DefaultValueFactory = _ => "." };
        var command = new Command("get", "Copies files out of the guest. Nothing that exists here is overwritten; links are copied as links; device nodes, pipes and sockets are left out.");
        files.AddTo(command, path, directory);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var guest = files.Open(parsed, cancellationToken);
            var (copied, leftOut) = FileExtraction.Get(guest, parsed.GetRequiredValue(path), parsed.GetRequiredValue(directory), cancellationToken);
            context.Print(new { copied, leftOut }, (writer, result) => writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.copied} copied{(result.leftOut == 0 ? "" : $", {result.leftOut} device nodes, pipes or sockets left out")}")));
            return ExitCode.Success;
        });
    }

    private static Command Diff(TimeProvider time)
    {
        var left = new Argument<string>("first") { Description = "A source of any kind." };
        var right = new Argument<string>("second") { Description = "The source it is compared with." };
        var path = new Option<string>("--path") { Description = "Where to start in both.", DefaultValueFactory = _ => "/" };
        var leftVolume = new Option<string?>("--volume") { Description = "The volume meant, in both: device name, partition number, vg/lv, UUID or label." };
        var noTimes = new Option<bool>("--no-times") { Description = "Times of change do not count." };
        var command = new Command("diff", "Lists what differs between two guests, by name, content, kind, owner, mode, time and extended attributes. Exit code 0 when nothing does, 1 otherwise.");
        command.Arguments.Add(left);
        command.Arguments.Add(right);
        command.Options.Add(path);
        command.Options.Add(leftVolume);
        command.Options.Add(noTimes);
        var rightVolume = new Option<string?>("--right-volume") { Description = "The volume of the second guest, when it has another name there; default: that of --volume." };
        var keys = SourceArguments.KeyOption();
        command.Options.Add(rightVolume);
        command.Options.Add(keys);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var given = SourceArguments.ReadKeys(parsed, keys);
            using var first = GuestFiles.Open(new SourceRequest(parsed.GetRequiredValue(left)) { Keys = given }, parsed.GetValue(leftVolume), Path.GetTempPath(), KeyPrompt.Ask, cancellationToken);
            using var second = GuestFiles.Open(new SourceRequest(parsed.GetRequiredValue(right)) { Keys = given }, parsed.GetValue(rightVolume) ?? parsed.GetValue(leftVolume), Path.GetTempPath(), KeyPrompt.Ask, cancellationToken);
            var differs = false;
            PrintListing(context, FileComparison.Run(first, second, parsed.GetRequiredValue(path), !parsed.GetValue(noTimes), cancellationToken).Select(difference =>
            {
                differs = true;
                return difference;
            }), FilesPrinter.PrintDifference);
            return differs ? ExitCode.Different : ExitCode.Success;
        });
    }

    /// <summary>Prints while walking: a guest of a million files does not wait in memory. As JSON, one array.</summary>
    private static void PrintListing<T>(VerbContext context, IEnumerable<T> items, Action<TextWriter, T> forPeople)
    {
        if (!context.Json)
        {
            foreach (var item in items)
            {
                forPeople(context.Output, item);
            }

            return;
        }

        context.Print(items.ToList(), (_, _) => { });
    }
}
