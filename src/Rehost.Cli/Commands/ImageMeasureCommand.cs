using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image measure.</summary>
internal static class ImageMeasureCommand
{
    public static Command Create(TimeProvider time)
    {
        var image = new ImageArguments();
        var target = new ImageTargetArguments();
        var fast = new Option<bool>("--fast") { Description = "Does not read the data, and says what is needed at most." };
        var command = new Command("measure", "Says how large an image would become in another format, by writing it to nowhere.\n\nExamples:\n  rehost image measure disk.vmdk --target-format qcow2\n  rehost image measure disk.raw --target-format qcow2 --compress zstd\n  rehost image measure disk.raw --target-format vmdk --fast");
        image.AddTo(command);
        target.AddTo(command);
        command.Options.Add(fast);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            if (!target.HasFormat(parsed))
            {
                throw PipelineDiagnostics.BadOption.ToException("it says which format is meant, and is needed here", "--target-format");
            }

            var request = target.Read(parsed, image.Read(parsed), "nowhere");
            context.Print(ImageMeasurement.Run(request, parsed.GetValue(fast), context.Progress, cancellationToken), ImagePrinter.Print);
            return ExitCode.Success;
        });
    }
}
