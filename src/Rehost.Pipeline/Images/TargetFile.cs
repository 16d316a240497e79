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

    private TargetFile(CommittedFile? file, BlockDeviceFile? device, IImageFile image)
    {
        _file = file;
        _device = device;
        File = image;
    }

    /// <summary>What the writer writes to.</summary>
    public IImageFile File { get; }

    /// <summary>Bytes of the disk that an earlier run had written.</summary>
    public long ResumedBytes { get; }

    /// <summary>A name under which it can be read before it is committed.</summary>
    public string ReadablePath => _file?.PartialPath ?? File.Name;

    /// <summary>Opens it.</summary>
    /// <exception cref="DiagnosticException">It exists (BLK004), is in use (BLK007), or overwriting was not asked for (PIP012).</exception>
    public static TargetFile Open(ImageConversionRequest request, OpenImage source, IDiskFormat format, long length)
    {
        var options = new CommittedFileOptions { IsDurable = request.IsDurable, LeavesCache = HostMemory.IsLarge(length) };
        if (!BlockDeviceFile.IsBlockDevice(request.TargetPath))
        {
            var file = CommittedFile.Create(request.TargetPath, options);
            return new TargetFile(file, null, file);
        }

        if (!request.OverwritesDevice)
        {
            throw PipelineDiagnostics.OverwriteNotAllowed.ToException("it is a block device, and what it holds would be lost", request.TargetPath);
        }

        var device = BlockDeviceFile.Open(request.TargetPath, options);
        return new TargetFile(null, device, device);
    }

    /// <summary>The journal of the copy; null when none is kept.</summary>
    public ICopyJournal? Journal { get; }

    /// <summary>Length of the file, and what it takes on the host.</summary>
    public (long FileBytes, long StoredBytes) Sizes() => _file is null ? (_device?.Capacity ?? 0, _device?.Capacity ?? 0) : (_file.Length, _file.StoredBytes);

    /// <summary>Makes it likely that who reads it next reads the disk.</summary>
    public void ForgetCache()
    {
        _file?.Synchronize();
        _file?.DropCache();
    }

    /// <summary>Gives the file its name.</summary>
    public void Commit() => _file?.Commit();

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _device?.Dispose();
    }
}
