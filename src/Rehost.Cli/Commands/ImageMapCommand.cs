using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image map.</summary>
internal static class ImageMapCommand
{
    public static Command Create(TimeProvider time)
    {
        var image = new ImageArguments();
        var command = new Command("map", "Lists what a disk holds: data, zeros and holes, and where in which file data lies as it is.\n\nExamples:\n  rehost image map disk.qcow2\n  rehost image map disk.vmdk --json");
        image.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            context.Print(ImageInspection.Map(image.Read(parsed), cancellationToken), ImagePrinter.Print);
            return ExitCode.Success;
        });
    }
}
