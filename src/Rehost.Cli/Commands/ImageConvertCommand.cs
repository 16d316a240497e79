using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Commands;

/// <summary>rehost image convert.</summary>
internal static class ImageConvertCommand
{
    public static Command Create(TimeProvider time)
    {
        var source = new ImageArguments();
        var target = new ImageTargetArguments();
        var path = new Argument<string>("target") { Description = "The new image, or a block device (see --overwrite-device)." };
        var overwrite = new Option<bool>("--overwrite-device") { Description = "The target is a block device, and what it holds may be lost." };
        var resume = new Option<bool>("--resume") { Description = "Goes on where an earlier run with the same options was stopped; records how far it is every 16 MiB instead of every 256." };
        var onReadError = SourceArguments.OnReadErrorOption();
        var verify = new Option<bool>("--verify") { Description = "Hashes what is copied, reads the finished image again and compares." };
        var noFlush = new Option<bool>("--no-flush") { Description = "Does not wait until the disk has everything, as qemu-img convert does by default: a power cut right after may lose the image." };
        var command = new Command("convert", "Converts an image to another format, or into a block device. The new image appears when it is complete.\n\nExamples:\n  rehost image convert disk.vmdk disk.qcow2\n  rehost image convert disk.raw disk.qcow2 --compress zstd --verify\n  rehost image convert web01.xva disk2.raw --disk 2\n  rehost image convert disk.qcow2 /dev/vg/web01 --overwrite-device");
        source.AddTo(command);
        command.Arguments.Add(path);
        target.AddTo(command);
        foreach (var option in new Option[] { overwrite, resume, verify, noFlush, onReadError })
        {
            command.Options.Add(option);
        }

        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var request = target.Read(parsed, source.Read(parsed) with { OnReadError = SourceArguments.ReadPolicy(parsed, onReadError) }, parsed.GetRequiredValue(path)) with
            {
                OverwritesDevice = parsed.GetValue(overwrite),
                Resumes = parsed.GetValue(resume),
                Verifies = parsed.GetValue(verify),
                IsDurable = !parsed.GetValue(noFlush),
            };
            context.Print(ImageConversion.Run(request, context.Progress, cancellationToken), ImagePrinter.Print);
            return ExitCode.Success;
        });
    }
}
