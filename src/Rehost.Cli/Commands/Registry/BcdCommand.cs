using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Registry;

namespace Rehost.Cli.Commands.Registry;

/// <summary>rehost bcd: looks into boot configuration stores.</summary>
internal static class BcdCommand
{
    public static Command Create(TimeProvider time)
    {
        var command = new Command("bcd", "Looks into boot configuration stores of Windows, in files and in guests.\n\nExamples:\n  rehost bcd show win.ova:BCD --volume ESP\n  rehost bcd show ./BCD");
        command.Subcommands.Add(Show(time));
        return command;
    }

    private static Command Show(TimeProvider time)
    {
        var hive = new HiveArguments();
        var command = new Command("show", "Shows all entries, the boot manager first, with bcdedit's names.");
        hive.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            using var open = hive.Open(parsed, cancellationToken);
            context.Print(RegistryListing.BootEntries(open), (writer, entries) =>
            {
                foreach (var entry in entries)
                {
                    writer.WriteLine($"{entry.Id}  {entry.Type}");
                    foreach (var element in entry.Elements)
                    {
                        writer.WriteLine($"    {element.Name,-24} {TerminalText.Clean(element.Text)}");
                    }

                    writer.WriteLine();
                }
            });
            return ExitCode.Success;
        });
    }
}
