using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline.Images;

/// <summary>An image opened for reading, with everything it stands on.</summary>
internal sealed class OpenImage : IDisposable
{
    private readonly List<SourceFile> _files = [];
    private readonly List<Diagnostic> _findings = [];
    private readonly ImageRequest _request;
    private IDiskContainer? _container;

    private OpenImage(ImageRequest request, IDiskFormat format, bool isGuessed)
    {
        _request = request;
        Format = format;
        IsFormatGuessed = isGuessed;
    }

    /// <summary>The file's format.</summary>
    public IDiskFormat Format { get; }

    /// <summary>Whether only the content says so.</summary>
    public bool IsFormatGuessed { get; }

    /// <summary>The file itself, byte for byte; owned by the disk.</summary>
    public required FileDevice File { get; init; }

    /// <summary>The disks of a container; empty for an image of one disk.</summary>
    public ImmutableArray<ContainedDisk> Disks { get; private set; } = [];

    /// <summary>The disk. Null for a container of several of which none was chosen, where that is allowed.</summary>
    public IBlockDevice? Disk { get; private set; }

    /// <summary>Files that were opened.</summary>
    public IReadOnlyList<SourceFile> Files => _files;

    /// <summary>What was found on the way and did not stop the opening.</summary>
    public IReadOnlyList<Diagnostic> Findings => _findings;

    /// <summary>Opens an image.</summary>
    /// <param name="request">Which.</param>
    /// <param name="mustChoose">Whether a container of several disks is refused when none is chosen.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    /// <exception cref="DiagnosticException">It is missing, damaged, or refers to what is not allowed.</exception>
    public static OpenImage Open(ImageRequest request, bool mustChoose, CancellationToken cancellationToken)
    {
        var image = Find(request, out var directory);
        try
        {
            image.OpenDisk(directory, mustChoose, cancellationToken);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Looks at an image without opening its disk: for a check, which opens it in its own way.</summary>
    public static (IDiskFormat Format, DiskOpenRequest Request) Describe(ImageRequest request)
    {
        var image = Find(request, out var directory);
        return (image.Format, image.ToOpenRequest(directory));
    }

    /// <summary>Opens an OVF package as one, all its disks together; null for anything else.</summary>
    public static (IDiskFormat Format, OvfPackage Package)? OpenPackage(ImageRequest request, CancellationToken cancellationToken)
    {
        var image = Find(request, out _);
        if (image.Format is OvaFormat)
        {
            return (image.Format, OvfPackage.OpenArchive(image.File, request.Path, cancellationToken));
        }

        image.File.Dispose();
        return image.Format is OvfFormat ? (image.Format, OvfPackage.OpenFolder(request.Path, request.AllowedPaths)) : null;
    }

    /// <summary>Whether a file is of a format that may hold several disks.</summary>
    public static bool IsContainer(ImageRequest request)
    {
        using var image = Find(request, out _);
        return KnownContainers.Find(image.Format) is not null;
    }

    /// <summary>The disk of an image that must have one.</summary>
    public IBlockDevice RequireDisk() => Disk ?? throw NotChosen();

    /// <summary>Throws when a file changed since it was opened (PIP007), or is not what its checksums say.</summary>
    public void EnsureUnchanged()
    {
        foreach (var file in _files)
        {
            file.EnsureUnchanged();
        }

        _container?.EnsureVerified();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Disk?.Dispose();
        _container?.Dispose();
        File.Dispose();
    }

    private static OpenImage Find(ImageRequest request, out HostImageDirectory directory)
    {
        directory = HostImageDirectory.Of(request.Path, request.AllowedPaths);
        var file = FileDevice.OpenRead(request.Path);
        try
        {
            var format = request.Format is { } declared ? KnownDiskFormats.ByName(declared) : Guess(request.Path, file);
            var isGuessed = request.Format is null && !KnownDiskFormats.HasExtensionOf(request.Path, format);
            return new OpenImage(request, format, isGuessed) { File = file };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>By content; a container that is compressed as a whole says what it is only by its name.</summary>
    private static IDiskFormat Guess(string path, FileDevice file)
    {
        var found = KnownDiskFormats.Identify(file);
        return found.Name != "raw" ? found
            : KnownDiskFormats.All.FirstOrDefault(format => KnownContainers.Find(format) is not null && KnownDiskFormats.HasExtensionOf(path, format)) ?? found;
    }

    private void OpenDisk(HostImageDirectory directory, bool mustChoose, CancellationToken cancellationToken)
    {
        _files.Add(SourceFile.Of(_request.Path));
        ReadOnce(File);
        if (KnownContainers.Find(Format) is { } open)
        {
            _container = open(File, _request, cancellationToken);
            Disks = _container.Disks;
            _files.AddRange(_container.HostFiles.Where(path => path != _request.Path).Select(SourceFile.Of));
            Disk = Choose(mustChoose) is { } disk ? Guard(_container.Open(disk)) : null;
            return;
        }

        if (_request.Disk is not null)
        {
            throw PipelineDiagnostics.BadOption.ToException($"{Format.Name} holds one disk, and nothing to choose from", "--disk");
        }

        Disk = Guard(Format.Open(ToOpenRequest(directory)));
    }

    private IBlockDevice Guard(IBlockDevice disk) => _request.OnReadError == ReadErrorPolicy.Zero ? new BadSectorDevice(_request.Wrap(disk)) : _request.Wrap(disk);

    private DiskOpenRequest ToOpenRequest(IImageDirectory directory) => new(File, _request.Path)
    {
        Snapshot = _request.Snapshot,
        DiskId = _request.Disk,
        Directory = new RecordingDirectory(directory, _files, ReadOnce),
        IsFormatGuessed = IsFormatGuessed,
        Report = _findings.Add,
    };

    private ContainedDisk? Choose(bool mustChoose)
    {
        if (_request.Disk is not { } wanted)
        {
            return Disks.Length == 1 ? Disks[0] : mustChoose ? throw NotChosen() : null;
        }

        var byName = Disks.FirstOrDefault(disk => disk.Id == wanted || disk.Name == wanted);
        return byName ?? (int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= Disks.Length
            ? Disks[number - 1]
            : throw PipelineDiagnostics.BadOption.ToException($"'{wanted}' is none of {List()}", "--disk"));
    }

    private DiagnosticException NotChosen()
        => DiskFormatDiagnostics.DiskNotChosen.ToException(Disks.IsEmpty ? "it holds no disk at all" : $"choose one with --disk: {List()}", _request.Path);

    private string List() => string.Join(", ", Disks.Take(20).Select((disk, index) => $"{index + 1} ({disk.Id}{(disk.Name is null ? "" : $", {disk.Name}")})"));

    private static void ReadOnce(IBlockDevice device)
    {
        if (device is FileDevice file)
        {
            file.ReadOnce(leavesCache: HostMemory.IsLarge(file.Length));
        }
    }
}
