using System.CommandLine;
using System.Globalization;
using Rehost.Pipeline;
using Rehost.Pipeline.Files;

namespace Rehost.Cli.Commands.Files;

/// <summary>rehost files put and rm.</summary>
internal static class FilesEditCommands
{
    public static Command Put(TimeProvider time)
    {
        var files = new FilesArguments();
        var result = new ResultArguments();
        var local = new Argument<string>("file") { Description = "A file or directory here; a directory is copied with everything below it." };
        var path = new Argument<string>("path") { Description = "Its path in the guest; an existing directory, or a path that ends in a slash, takes it under its own name." };
        var owner = new Option<string>("--owner") { Description = "Owner and group of what is new, as UID:GID; files that exist keep theirs.", DefaultValueFactory = _ => "0:0" };
        var command = new Command("put", "Copies files into the guest. A file that exists keeps its owner, mode, names and attributes.\n\nExamples:\n  rehost files put disk.vmdk ./resolv.conf /etc/resolv.conf --output fixed.vmdk\n  rehost files put disk.raw ./keys /root/.ssh/ --in-place");
        files.AddTo(command, local, path);
        result.AddTo(command);
        command.Options.Add(owner);
        return command.With(time, (parsed, context, cancellationToken)
            => result.Run(parsed, context, files, editing => editing.Put(parsed.GetRequiredValue(local), parsed.GetRequiredValue(path), OwnerOf(parsed.GetRequiredValue(owner)), cancellationToken), cancellationToken));
    }

    public static Command Remove(TimeProvider time)
    {
        var files = new FilesArguments();
        var result = new ResultArguments();
        var path = new Argument<string>("path") { Description = "What to remove; a link is removed itself." };
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Remove a directory with everything below it." };
        var command = new Command("rm", "Removes a file of the guest.");
        files.AddTo(command, path);
        result.AddTo(command);
        command.Options.Add(recursive);
        return command.With(time, (parsed, context, cancellationToken)
            => result.Run(parsed, context, files, editing => editing.Remove(parsed.GetRequiredValue(path), parsed.GetValue(recursive), cancellationToken), cancellationToken));
    }

    private static (uint Uid, uint Gid) OwnerOf(string text)
        => text.Split(':') is [var uid, var gid] && uint.TryParse(uid, CultureInfo.InvariantCulture, out var user) && uint.TryParse(gid, CultureInfo.InvariantCulture, out var group)
            ? (user, group)
            : throw PipelineDiagnostics.BadOption.ToException($"'{text}' is not UID:GID, two numbers", "--owner");

    /// <summary>Where the result of an edit goes.</summary>
    private sealed class ResultArguments
    {
        private readonly Option<string?> _output = new("--output") { Description = "Write the edited disk as this new image; the source stays as it is. A directory takes one image for each edited disk, where a file system lies on several." };
        private readonly Option<string?> _format = new("--target-format") { Description = "Format of the new image; default: what its extension says, else raw." };
        private readonly Option<bool> _inPlace = new("--in-place") { Description = "Write into the source itself; raw disks only." };

        public void AddTo(Command command)
        {
            command.Options.Add(_output);
            command.Options.Add(_format);
            command.Options.Add(_inPlace);
        }

        public int Run(ParseResult parsed, VerbContext context, FilesArguments files, Func<FileEditing, int> edit, CancellationToken cancellationToken)
        {
            var (output, inPlace) = (parsed.GetValue(_output), parsed.GetValue(_inPlace));
            if (output is null != inPlace)
            {
                throw FileDiagnostics.NowhereToWrite.ToException(inPlace ? "both --output and --in-place were given" : "neither --output nor --in-place was given");
            }

            var target = output is null ? null : GuestFileTarget.Of(output, parsed.GetValue(_format));
            using var guest = files.Open(parsed, cancellationToken, output is null ? null : Path.GetDirectoryName(Path.GetFullPath(output)));
            var editing = new FileEditing(guest);
            var count = edit(editing);
            if (target is not null)
            {
                editing.WriteImage(target, context.Progress, cancellationToken);
                context.Progress.Complete();
            }
            else
            {
                editing.WriteInPlace();
            }

            context.Print(new { changed = count, output }, (writer, result) => writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.changed} changed, written to {result.output ?? "the source itself"}")));
            return ExitCode.Success;
        }
    }
}
