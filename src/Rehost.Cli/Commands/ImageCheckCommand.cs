using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image check.</summary>
internal static class ImageCheckCommand
{
    public static Command Create(TimeProvider time)
    {
        var image = new ImageArguments();
        var command = new Command("check", "Verifies the structure and the checksums of an image. Reads only; exits with 3 when it is damaged.\n\nExamples:\n  rehost image check disk.qcow2\n  rehost image check disk.vhdx --json");
        image.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var result = ImageInspection.Check(image.Read(parsed), cancellationToken);
            context.Print(result, ImagePrinter.Print);
            return result.IsSound ? ExitCode.Success : ExitCode.Source;
        });
    }
}
