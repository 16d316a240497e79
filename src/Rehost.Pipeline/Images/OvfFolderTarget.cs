using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>One disk as an OVF package in a folder: the descriptor that was asked for, and beside it the disk and the manifest.</summary>
internal static class OvfFolderTarget
{
    /// <summary>Writes the package.</summary>
    /// <exception cref="DiagnosticException">A file is there already (BLK004), or what is asked for is not to be had in a package (DSK003, PIP010).</exception>
    public static WrittenImage Write(ImageConversionRequest request, OpenImage source, IBlockDevice disk, IProgressSink progress, CancellationToken cancellationToken)
    {
        if (request.Resumes)
        {
            throw PipelineDiagnostics.BadOption.ToException("a package of several files has no journal; an .ova or a .vmdk can be continued", "--resume");
        }

        ImageTarget.DemandNoOptions(request, "the disk of an OVF package");
        var path = Path.GetFullPath(request.TargetPath);
        var machine = OvfImageMachine.Of(Path.GetFileNameWithoutExtension(path), disk.Length);
        using var package = new OvfFolderWriter(Path.GetDirectoryName(path) ?? "/", machine, new OvfWriterOptions());
        if (package.DescriptorPath != path)
        {
            throw PipelineDiagnostics.BadOption.ToException($"the files of a package have plain names; this one would be {Path.GetFileName(package.DescriptorPath)}", request.TargetPath);
        }

        using var writer = package.BeginDisk(disk.Length);
        var digest = ImageConversion.Copy(request, disk, writer, journal: null, progress, cancellationToken);
        source.EnsureUnchanged();
        if (digest is not null)
        {
            ImageConversion.Verify(request, package.DiskPaths[0] + CommittedFile.PartialSuffix, KnownDiskFormats.ByName("vmdk"), digest, progress, cancellationToken);
        }

        package.Complete(cancellationToken);
        var bytes = package.DiskPaths.Append(path).Sum(file => new FileInfo(file).Length);
        return new WrittenImage(digest, (bytes, bytes), 0, []);
    }
}
