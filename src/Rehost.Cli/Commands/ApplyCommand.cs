using System.CommandLine;
using System.Globalization;
using Rehost.Cli.Output;
using Rehost.Pipeline;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Sources;

namespace Rehost.Cli.Commands;

/// <summary>rehost apply.</summary>
internal static class ApplyCommand
{
    public static Command Create(TimeProvider time)
    {
        var plan = new Argument<string>("plan") { Description = "A plan document (rehost plan --output), which is carried out exactly as it stands." };
        var source = new Option<string?>("--source") { Description = "The guest to convert to a copy; with --output." };
        var inPlace = new Option<string[]>("--in-place") { Description = "The guest's own raw disks, files or block devices, in the machine's order: they are written to themselves.", AllowMultipleArgumentsPerToken = true };
        var output = new Option<string?>("--output") { Description = "Directory for the result; with --in-place, for the machine's configuration." };
        var journal = new Option<string?>("--journal") { Description = $"The undo journal; default: beside the first disk, named like it with {InPlaceRequest.JournalSuffix} at the end." };
        var resume = new Option<bool>("--resume") { Description = "Go on with an --in-place that was stopped." };
        var keys = SourceArguments.KeyOption();
        var target = new TargetArguments();
        var required = new PlanArguments().Required;
        var command = new Command("apply",
            "Carries out a plan document: on a copy, or with --in-place on the guest's own raw disks, for those without room for a copy. What --in-place does can be taken back with rehost undo until the guest has run.\n\n" +
            "Examples:\n  rehost apply plan.json --source web01.xva --output out/\n  rehost apply plan.json --in-place disk.raw\n  rehost apply plan.json --in-place root.raw swap.raw --output config/");
        command.Arguments.Add(plan);
        foreach (var option in new Option[] { source, inPlace, output, journal, resume, keys, required })
        {
            command.Options.Add(option);
        }

        target.AddBesidePlanTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var document = PlanArguments.Load(parsed.GetRequiredValue(plan), parsed.GetValue(required));
            var migration = new Migration(context.Progress) { AskForKey = KeyPrompt.Ask };
            var given = SourceArguments.ReadKeys(parsed, keys);
            var request = target.ReadBesidePlan(parsed, document, parsed.GetValue(output));
            if (parsed.GetValue(inPlace) is not { Length: > 0 } disks)
            {
                var from = parsed.GetValue(source) ?? throw PipelineDiagnostics.BadOption.ToException("neither --in-place nor --source was given", "--in-place");
                if (parsed.GetValue(output) is null)
                {
                    throw PipelineDiagnostics.BadOption.ToException("--source needs --output for the copy", "--output");
                }

                context.Print(migration.Convert(new SourceRequest(from) { Keys = given }, request, document, cancellationToken), ReportPrinter.Print);
                return ExitCode.Success;
            }

            if (parsed.GetValue(source) is not null)
            {
                throw PipelineDiagnostics.BadOption.ToException("with --in-place the disks are the source", "--source");
            }

            try
            {
                context.Print(migration.ApplyInPlace(new InPlaceRequest([.. disks]) { JournalPath = parsed.GetValue(journal), Resumes = parsed.GetValue(resume), OutputDirectory = parsed.GetValue(output), Keys = given }, request, document, cancellationToken), Print);
                return ExitCode.Success;
            }
            catch (OperationCanceledException)
            {
                Console.Error.WriteLine("rehost: stopped. Where an undo journal is beside the disk, go on with --resume or take it back with rehost undo before the guest is started");
                return ExitCode.Cancelled;
            }
        });
    }

    private static void Print(TextWriter writer, InPlaceRecord record)
    {
        foreach (var disk in record.Disks)
        {
            writer.WriteLine(TerminalText.Clean($"{disk.DeviceName} = {disk.Path}: {TerminalText.Bytes(disk.WrittenBytes)} written{(disk.MovedBytes > 0 ? $", {TerminalText.Bytes(disk.MovedBytes)} moved up" : "")}"));
            writer.WriteLine(TerminalText.Clean($"  SHA-256 before {disk.Sha256Before}"));
        }

        foreach (var file in record.Files)
        {
            writer.WriteLine(TerminalText.Clean($"configuration: {file}"));
        }

        writer.WriteLine(TerminalText.Clean(string.Create(CultureInfo.InvariantCulture, $"{record.Machine}: applied{(record.WasResumed ? ", going on with an earlier run" : "")}; to take it back before the guest is started: rehost undo {record.Journal}")));
    }
}
