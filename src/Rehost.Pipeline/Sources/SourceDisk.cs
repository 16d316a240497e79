using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Pipeline.Images;

namespace Rehost.Pipeline.Sources;

/// <summary>Opens the disk images of a machine, with everything that they stand on.</summary>
internal static class SourceDisk
{
    /// <summary>Opens an image.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="declared">Its format as a description or the operator says it; null to look.</param>
    /// <param name="request">What the operator allows and chooses.</param>
    /// <param name="files">Takes every file that was opened.</param>
    /// <param name="findings">Takes what did not stop the opening.</param>
    /// <returns>The disk, and the format that it is stored in.</returns>
    /// <exception cref="DiagnosticException">It is missing, empty, damaged, or refers to what is not allowed.</exception>
    public static (IBlockDevice Disk, IDiskFormat Format) Open(string path, string? declared, SourceRequest request, List<SourceFile> files, List<Diagnostic> findings)
    {
        var file = FileDevice.OpenRead(path);
        IDiskFormat format;
        IImageDirectory directory;
        try
        {
            if (file.Length == 0)
            {
                throw PipelineDiagnostics.UnknownSource.ToException("the file is empty", path);
            }

            format = declared is not null ? KnownDiskFormats.ByName(declared) : KnownDiskFormats.Identify(file);
            files.Add(SourceFile.Of(path));
            directory = new RecordingDirectory(HostImageDirectory.Of(path, request.AllowedPaths), files, _ => { });
        }
        catch
        {
            file.Dispose();
            throw;
        }

        var disk = format.Open(new DiskOpenRequest(file, path)
        {
            Directory = directory,
            IsFormatGuessed = declared is null && !KnownDiskFormats.HasExtensionOf(path, format),
            Snapshot = request.Snapshot,
            Report = findings.Add,
        });
        return (disk, format);
    }
}
