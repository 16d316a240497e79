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
    private readonly CopyJournal? _journal;

    private TargetFile(CommittedFile? file, BlockDeviceFile? device, CopyJournal? journal, IImageFile image)
    {
        _file = file;
        _device = device;
        _journal = journal;
        File = image;
    }

    /// <summary>What the writer writes to.</summary>
    public IImageFile File { get; }

    /// <summary>The journal of the copy; null when none is kept.</summary>
    public ICopyJournal? Journal => _journal;

    /// <summary>Bytes of the disk that an earlier run had written.</summary>
    public long ResumedBytes => _journal?.ResumedBytes ?? 0;

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

        return request.Resumes ? OpenResumable(request, source, format, options) : OpenFile(request.TargetPath, options);
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
        _journal?.Remove();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _journal?.Dispose();
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
        var identity = Identity(request, source, format);
        var canContinue = CopyJournal.CanContinue(request.TargetPath, identity);
        var finding = canContinue || !CopyJournal.Exists(request.TargetPath) ? null
            : PipelineDiagnostics.BeganAgain.Create("what an earlier run left is of other sources or options, or it had hardly begun", request.TargetPath);
        var file = CommittedFile.Create(request.TargetPath, options with { KeepsPartial = true, ContinuesPartial = canContinue });
        try
        {
            // A raw disk lies where it will lie, so the rest of it can be written alone. Every other writer keeps tables in memory.
            var journal = CopyJournal.Open(file, identity, isReplayed: format.Name != "raw", request.JournalInterval);
            return new TargetFile(file, null, journal, journal.File) { Finding = finding };
        }
        catch
        {
            file.Dispose();
            throw;
        }
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
            text.Append(CultureInfo.InvariantCulture, $"{file.Path} {file.Length} {file.Modified.UtcTicks}\n");
        }

        return text.ToString();
    }
}
