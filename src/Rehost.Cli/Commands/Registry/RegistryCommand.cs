using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using Rehost.Cli.Output;
using Rehost.Pipeline.Registry;

namespace Rehost.Cli.Commands.Registry;

/// <summary>rehost registry: the verbs that look into hives and edit them.</summary>
internal static class RegistryCommand
{
    public static Command Create(TimeProvider time)
    {
        var command = new Command("registry", "Looks into registry hives of Windows, in files and in guests, and edits them. Changes that wait in a hive's logs are taken first, as Windows takes them.\n\nExamples:\n  rehost registry ls win.ova:SYSTEM 'Select'\n  rehost registry get SYSTEM 'ControlSet001\\Services\\viostor' Start\n  rehost registry set SYSTEM 'ControlSet001\\Services\\viostor' Start dword 0 --in-place\n  rehost registry export win.vmdk:SOFTWARE 'Microsoft\\Windows NT\\CurrentVersion' > version.reg\n  rehost registry diff before/SYSTEM after/SYSTEM");
        foreach (var verb in Verbs(time))
        {
            command.Subcommands.Add(verb);
        }

        return command;
    }

    private static ImmutableArray<Command> Verbs(TimeProvider time) => [List(time), Get(time), Set(time), Remove(time), Export(time), Import(time), Diff(time)];

    private static Argument<string> Key(string defaultValue = "") => new("key") { Description = "The key's path below the hive's root, with backslashes.", DefaultValueFactory = _ => defaultValue };

    private static Command List(TimeProvider time)
    {
        var (hive, key) = (new HiveArguments(), Key());
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Also what is below the subkeys." };
        var command = new Command("ls", "Lists a key's values and subkeys.");
        hive.AddTo(command, key);
        command.Options.Add(recursive);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var open = hive.Open(parsed, cancellationToken);
            context.Print(RegistryListing.List(open, parsed.GetRequiredValue(key), parsed.GetValue(recursive)).ToList(), (writer, items) =>
            {
                foreach (var item in items)
                {
                    writer.WriteLine(TerminalText.Clean(item.Name is null ? $"[{item.Key}]" : $"{(item.Name.Length == 0 ? "(default)" : item.Name)}  {item.Type}  {item.Text?.Replace("\n", ", ", StringComparison.Ordinal)}"));
                }
            });
            return ExitCode.Success;
        });
    }

    private static Command Get(TimeProvider time)
    {
        var (hive, key) = (new HiveArguments(), Key());
        var name = new Argument<string>("name") { Description = "The value's name; empty for the default value.", DefaultValueFactory = _ => "" };
        var command = new Command("get", "Prints a value: text as it is, several texts a line each, numbers in decimal, bytes in hexadecimal.");
        hive.AddTo(command, key, name);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var open = hive.Open(parsed, cancellationToken);
            context.Print(RegistryListing.Get(open, parsed.GetRequiredValue(key), parsed.GetRequiredValue(name)), (writer, item) => writer.WriteLine(TerminalText.Clean(item.Text ?? "", keepLines: true)));
            return ExitCode.Success;
        });
    }

    private static Command Set(TimeProvider time)
    {
        var (hive, key) = (new HiveArguments(), Key());
        var name = new Argument<string>("name") { Description = "The value's name; empty for the default value." };
        var type = new Argument<string>("type") { Description = "REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD, REG_QWORD, REG_BINARY or REG_NONE; REG_ may be left out." };
        var words = new Argument<string[]>("value") { Description = "The value; several words for REG_MULTI_SZ." };
        var command = new Command("set", "Sets a value; keys on the way are made.");
        hive.AddTo(command, key, name, type, words);
        hive.AddResultTo(command);
        return command.With(time, (parsed, context, cancellationToken) => hive.Edit(parsed, context,
            open => RegistryEditing.Set(open, parsed.GetRequiredValue(key), parsed.GetRequiredValue(name), parsed.GetRequiredValue(type), parsed.GetValue(words) ?? []), cancellationToken));
    }

    private static Command Remove(TimeProvider time)
    {
        var (hive, key) = (new HiveArguments(), Key());
        var name = new Option<string?>("--value") { Description = "Remove this value of the key, not the key." };
        var command = new Command("rm", "Removes a key with all that is below it, or one value.");
        hive.AddTo(command, key);
        command.Options.Add(name);
        hive.AddResultTo(command);
        return command.With(time, (parsed, context, cancellationToken) => hive.Edit(parsed, context, open => RegistryEditing.Remove(open, parsed.GetRequiredValue(key), parsed.GetValue(name)), cancellationToken));
    }

    private static Command Export(TimeProvider time)
    {
        var (hive, key) = (new HiveArguments(), Key());
        var prefix = Prefix();
        var command = new Command("export", "Writes a key with all that is below it to standard output, as regedit exports it (UTF-8).");
        hive.AddTo(command, key);
        command.Options.Add(prefix);
        return command.With(time, (parsed, _, cancellationToken) =>
        {
            using var open = hive.Open(parsed, cancellationToken);
            using var output = new StreamWriter(TerminalStream.OpenOutput(), new UTF8Encoding(false)) { NewLine = "\r\n" };
            foreach (var line in RegistryListing.Export(open, parsed.GetRequiredValue(key), parsed.GetValue(prefix)))
            {
                output.WriteLine(line);
            }

            return ExitCode.Success;
        });
    }

    private static Command Import(TimeProvider time)
    {
        var hive = new HiveArguments();
        var file = new Argument<string>("file") { Description = "A .reg file of version 5, UTF-16 or UTF-8." };
        var prefix = Prefix();
        var command = new Command("import", "Carries out a .reg file on a hive.");
        hive.AddTo(command, file);
        command.Options.Add(prefix);
        hive.AddResultTo(command);
        return command.With(time, (parsed, context, cancellationToken) => hive.Edit(parsed, context, open => RegistryEditing.Import(open, File.ReadAllBytes(parsed.GetRequiredValue(file)), parsed.GetValue(prefix)), cancellationToken));
    }

    private static Command Diff(TimeProvider time)
    {
        var hive = new HiveArguments();
        var second = new Argument<string>("second") { Description = "The hive it is compared with, given in the same ways." };
        var key = new Option<string>("--key-path") { Description = "Where to start in both.", DefaultValueFactory = _ => "" };
        var command = new Command("diff", "Lists what differs between two hives: keys and values, not times. Exit code 0 when nothing does, 1 otherwise.");
        hive.AddTo(command, second);
        command.Options.Add(key);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var left = hive.Open(parsed, cancellationToken);
            using var right = hive.Open(parsed, cancellationToken, parsed.GetRequiredValue(second));
            var differences = RegistryListing.Compare(left, right, parsed.GetRequiredValue(key)).ToList();
            context.Print(differences, (writer, items) =>
            {
                foreach (var item in items)
                {
                    writer.WriteLine(TerminalText.Clean($"{item.What}: [{item.Key}]{(item.Name is null ? "" : $" {(item.Name.Length == 0 ? "(default)" : item.Name)}: {item.First ?? "-"} | {item.Second ?? "-"}")}"));
                }
            });
            return differences.Count > 0 ? ExitCode.Different : ExitCode.Success;
        });
    }

    private static Option<string?> Prefix() => new("--prefix") { Description = "What the .reg file calls the hive's root; default: HKEY_LOCAL_MACHINE\\ and the hive's name." };
}
