using System.CommandLine;

namespace Rehost.Cli.Commands;

/// <summary>rehost image: the verbs for single disk images.</summary>
internal static class ImageCommand
{
    public static Command Create(TimeProvider time)
    {
        var command = new Command("image", "Works with single disk images of any format: describes, converts, compares, checks, maps and measures them.\n\nExamples:\n  rehost image info disk.vmdk\n  rehost image convert disk.vmdk disk.qcow2\n  rehost image compare disk.vmdk disk.qcow2");
        command.Subcommands.Add(ImageInfoCommand.Create(time));
        command.Subcommands.Add(ImageConvertCommand.Create(time));
        command.Subcommands.Add(ImageCompareCommand.Create(time));
        command.Subcommands.Add(ImageCheckCommand.Create(time));
        command.Subcommands.Add(ImageMapCommand.Create(time));
        command.Subcommands.Add(ImageMeasureCommand.Create(time));
        return command;
    }
}
