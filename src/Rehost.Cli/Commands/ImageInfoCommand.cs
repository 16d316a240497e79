using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image info.</summary>
internal static class ImageInfoCommand
{
    public static Command Create(TimeProvider time)
    {
        var image = new ImageArguments();
        var command = new Command("info", "Shows format, size and the whole chain of an image, and the disks of a container. Reads only.\n\nExamples:\n  rehost image info disk.vmdk\n  rehost image info overlay.qcow2 --allow-path /var/lib/images --json\n  rehost image info web01.xva --disk 2");
        image.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            context.Print(ImageInspection.Describe(image.Read(parsed), cancellationToken), ImagePrinter.Print);
            return ExitCode.Success;
        });
    }
}
