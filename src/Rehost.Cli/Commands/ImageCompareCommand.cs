using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image compare.</summary>
internal static class ImageCompareCommand
{
    public static Command Create(TimeProvider time)
    {
        var left = new Argument<string>("left") { Description = "A disk image, a block device, or a container of disks." };
        var right = new Argument<string>("right") { Description = "The image to compare it with." };
        var leftFormat = new Option<string?>("--format") { Description = "Format of the first image, when the guess is wrong." };
        var rightFormat = new Option<string?>("--right-format") { Description = "Format of the second image, when the guess is wrong." };
        var leftDisk = new Option<string?>("--disk") { Description = "Disk of the first, when it is a container of several." };
        var rightDisk = new Option<string?>("--right-disk") { Description = "Disk of the second, when it is a container of several." };
        var leftSnapshot = new Option<string?>("--snapshot") { Description = "Internal snapshot of the first image." };
        var strict = new Option<bool>("--strict") { Description = "Different sizes are a difference, also when what one has more is zero." };
        var command = new Command("compare", "Compares the content of two images, whatever their formats. Exits with 0 when it is the same, with 1 when it is not.\n\nExamples:\n  rehost image compare disk.vmdk disk.qcow2\n  rehost image compare web01.xva --disk 1 /dev/vg/web01 --strict");
        command.Arguments.Add(left);
        command.Arguments.Add(right);
        foreach (var option in new Option[] { leftFormat, rightFormat, leftDisk, rightDisk, leftSnapshot, strict, ImageArguments.AllowPath, ImageArguments.Parallel })
        {
            command.Options.Add(option);
        }

        return command.With(time, (parsed, context, cancellationToken) =>
        {
            string[] allowed = parsed.GetValue(ImageArguments.AllowPath) ?? [];
            var one = new ImageRequest(parsed.GetRequiredValue(left)) { Format = parsed.GetValue(leftFormat), Disk = parsed.GetValue(leftDisk), Snapshot = parsed.GetValue(leftSnapshot), AllowedPaths = [.. allowed] };
            var two = new ImageRequest(parsed.GetRequiredValue(right)) { Format = parsed.GetValue(rightFormat), Disk = parsed.GetValue(rightDisk), AllowedPaths = [.. allowed] };
            var report = ImageComparison.Run(one, two, parsed.GetValue(strict), ImageArguments.ReadParallel(parsed), context.Progress, cancellationToken);
            context.Print(report, ImagePrinter.Print);
            return report.AreEqual ? ExitCode.Success : ExitCode.Different;
        });
    }
}
