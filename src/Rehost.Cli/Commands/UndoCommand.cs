using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;
using Rehost.Pipeline.InPlace;

namespace Rehost.Cli.Commands;

/// <summary>rehost undo.</summary>
internal static class UndoCommand
{
    public static Command Create(TimeProvider time)
    {
        var journal = new Argument<string>("journal") { Description = "The undo journal, the directory that it is in, or the first disk." };
        var disks = new Option<string[]>("--disk") { Description = "Where a disk is now, when it was moved; once for each, in the machine's order." };
        var discard = new Option<bool>("--discard-what-the-guest-wrote") { Description = "Write the old bytes back although the disk is not as it was left. What the guest wrote since is damaged by that; only for a disk that is lost otherwise." };
        var command = new Command("undo", "Takes back what rehost apply --in-place did: the disks become byte for byte what they were, proved by their SHA-256. Goes on where an apply or an undo was stopped. Refused once the guest has run.\n\nExamples:\n  rehost undo disk.raw.rehost-undo\n  rehost undo disk.raw\n  rehost undo /backup/disk.raw.rehost-undo --disk /images/disk.raw");
        command.Arguments.Add(journal);
        command.Options.Add(disks);
        command.Options.Add(discard);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            try
            {
                var report = new Migration(context.Progress).UndoInPlace(parsed.GetRequiredValue(journal), [.. parsed.GetValue(disks) ?? []], parsed.GetValue(discard), cancellationToken);
                context.Print(report, Print);
                return report.IsRestored ? ExitCode.Success : ExitCode.Proof;
            }
            catch (OperationCanceledException)
            {
                Console.Error.WriteLine("rehost: stopped; the same command goes on with it");
                return ExitCode.Cancelled;
            }
        });
    }

    private static void Print(TextWriter writer, UndoReport report)
    {
        foreach (var disk in report.Disks)
        {
            writer.WriteLine(TerminalText.Clean($"{disk.DeviceName} = {disk.Path}"));
            writer.WriteLine($"  SHA-256 before the undo {disk.Sha256Before}");
            writer.WriteLine($"  SHA-256 now             {disk.Sha256After}");
            writer.WriteLine($"  SHA-256 originally      {disk.Sha256Original}");
        }

        writer.WriteLine(TerminalText.Clean($"{report.Machine}: {(!report.IsRestored ? "NOT what it was" : report.WasUndoneBefore ? "was undone already, and is byte for byte what it was" : "undone, byte for byte what it was")}"));
    }
}
