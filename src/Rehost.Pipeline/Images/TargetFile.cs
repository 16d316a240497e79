using System.Globalization;
using System.Reflection;
using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>Where a new image goes: a file that gets its name at the end, or a block device.</summary>
internal sealed class TargetFile : IDisposable
{
    private readonly CommittedFile? _file;
    private readonly BlockDeviceFile? _device;
    private readonly ResumableFile? _resumable;

    private TargetFile(CommittedFile? file, BlockDeviceFile? device, ResumableFile? resumable, IImageFile image)
    {
        _file = file;
        _device = device;
        _resumable = resumable;
        File = image;
    }

    /// <summary>What the writer writes to.</summary>
    public IImageFile File { get; }

    /// <summary>The journal of the copy; null when none is kept.</summary>
    public ICopyJournal? Journal => _resumable?.Journal;

    /// <summary>Bytes of the disk that an earlier run had written.</summary>
    public long ResumedBytes => _resumable?.Journal.ResumedBytes ?? 0;

    /// <summary>What the operator should know.</summary>
    public Diagnostic? Finding { get; private init; }

    /// <summary>A name under which it can be read before it is committed.</summary>
    public string ReadablePath => _file?.PartialPath ?? File.Name;

    /// <summary>Opens it.</summary>
    /// <exception cref="DiagnosticException">It exists (BLK004), is in use (BLK007), or overwriting was not asked for (PIP012).</exception>
    public static TargetFile Open(ImageConversionRequest request, OpenImage source, IDiskFormat format, long length)
    {
        var options = new CommittedFileOptions { IsDurable = request.IsDurable, LeavesCache = HostMemory.IsLarge(length) };
        if (BlockDeviceFile.IsBlockDevice(request.TargetPath))
        {
            var device = OpenDevice(request, source, options);
            return new TargetFile(null, device, null, device);
        }

        // Who does not wait for the disk has no durable records to go on from.
        return request.Resumes || request.IsDurable ? OpenResumable(request, source, format, options) : OpenFile(request.TargetPath, options);
    }

    /// <summary>Length of the file, and what it takes on the host.</summary>
    public (long FileBytes, long StoredBytes) Sizes() => _file is null ? (_device?.Capacity ?? 0, _device?.Capacity ?? 0) : (_file.Length, _file.StoredBytes);

    /// <summary>Makes it likely that who reads it next reads the disk.</summary>
    public void ForgetCache()
    {
        _file?.Synchronize();
        _file?.DropCache();
    }

    /// <summary>Gives the file its name.</summary>
    public void Commit()
    {
        _file?.Commit();
        _resumable?.Journal.Remove();
    }

    /// <summary>Keeps what is done when what stopped the run may be over later.</summary>
    /// <returns>The fault with a word on how to go on; null when nothing is kept.</returns>
    public Exception? Keep(Exception e)
        => _resumable is not null && ResumableFile.MayPass(e) && _resumable.KeepWhatIsDone() is > 0 and var kept ? ResumableFile.Explain(e, kept, _resumable.File.PartialPath) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _resumable?.Journal.Dispose();
        _file?.Dispose();
        _device?.Dispose();
    }

    private static TargetFile OpenFile(string path, CommittedFileOptions options)
    {
        var file = CommittedFile.Create(path, options);
        return new TargetFile(file, null, null, file);
    }

    private static BlockDeviceFile OpenDevice(ImageConversionRequest request, OpenImage source, CommittedFileOptions options)
    {
        if (!request.OverwritesDevice)
        {
            throw PipelineDiagnostics.OverwriteNotAllowed.ToException("it is a block device, and what it holds would be lost", request.TargetPath);
        }

        if (source.Files.Any(file => RealPath(file.Path) == RealPath(request.TargetPath)))
        {
            throw PipelineDiagnostics.BadOption.ToException("the source lies on it", request.TargetPath);
        }

        return request.Resumes
            ? throw PipelineDiagnostics.BadOption.ToException("a copy to a block device has no place for a journal", "--resume")
            : BlockDeviceFile.Open(request.TargetPath, options);
    }

    private static TargetFile OpenResumable(ImageConversionRequest request, OpenImage source, IDiskFormat format, CommittedFileOptions options)
    {
        // A raw disk lies where it will lie, so the rest of it can be written alone. Every other writer keeps tables in memory.
        var resumption = new Resumption(request.Resumes, request.JournalInterval, request.Witness);
        var file = ResumableFile.Open(request.TargetPath, Identity(request, source, format), isReplayed: format.Name != "raw", resumption, options);
        return new TargetFile(file.File, null, file, file.Journal.File) { Finding = file.Finding };
    }

    private static string RealPath(string path) => System.IO.File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);

    /// <summary>All that decides what is written. Another version may write the same image in another way.</summary>
    private static string Identity(ImageConversionRequest request, OpenImage source, IDiskFormat format)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{typeof(TargetFile).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}\n");
        text.Append(CultureInfo.InvariantCulture, $"{source.Format.Name} {request.Source.Disk} {request.Source.Snapshot} {source.File.FileNumber}\n");
        text.Append(CultureInfo.InvariantCulture, $"{format.Name} {ImageTarget.OptionsOf(request)}\n");
        foreach (var file in source.Files)
        {
            text.Append(CultureInfo.InvariantCulture, $"{file.Path} {file.Length} {file.Modified.UtcTicks} {file.Number}\n");
        }

        return text.ToString();
    }
}
