using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Inspection.Windows.Drivers;
using Rehost.Model;

namespace Rehost.Pipeline.Windows;

/// <summary>Drivers and installers that the operator supplied for Windows: an ISO, or a directory (an unpacked ISO, an RPM's tree). Its files are read when they are needed, and checked by hash.</summary>
internal sealed class DriverLibrary : IDisposable
{
    private const int MostFiles = 100_000;
    private readonly Dictionary<string, SuppliedFile> _files = new(StringComparer.Ordinal);
    private readonly List<SuppliedFile> _installers = [];
    private FileDevice? _iso;

    private DriverLibrary()
    {
    }

    /// <summary>Opens what the operator named; nothing where nothing was named.</summary>
    /// <exception cref="DiagnosticException">It is not there (PIP), no ISO, or damaged.</exception>
    public static DriverLibrary Open(string? drivers, IEnumerable<string> installers)
    {
        var library = new DriverLibrary();
        try
        {
            if (drivers is not null)
            {
                library.Add(drivers);
            }

            foreach (var installer in installers)
            {
                library._installers.Add(File.Exists(installer) ? OfFile(Path.GetFileName(installer), installer) : throw PipelineDiagnostics.BadOption.ToException("no such file", installer));
            }

            return library;
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }

    /// <summary>The options with what this library has for a guest.</summary>
    public ConversionOptions Complete(ConversionOptions options, GuestFacts facts, CancellationToken cancellationToken)
        => facts.Windows is { } windows
            ? options with
            {
                Drivers = _files.Count == 0 ? [] : DriverLibraryReader.Read([.. _files.Values], windows.Architecture, cancellationToken),
                FirstBootInstallers = [.. _installers.Select(file => new DriverFile(file.Path, Convert.ToHexStringLower(SHA256.HashData(file.Read())), file.LengthBytes))],
            }
            : options;

    /// <summary>Content of a file of the plan; null when there is none of that path and hash.</summary>
    public byte[]? Find(string path, string sha256)
    {
        var file = _files.GetValueOrDefault(path) ?? _installers.FirstOrDefault(one => one.Path == path);
        return file?.Read() is { } content && Convert.ToHexStringLower(SHA256.HashData(content)) == sha256 ? content : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _iso?.Dispose();

    private void Add(string path)
    {
        if (File.Exists(path))
        {
            _iso = FileDevice.OpenRead(path);
            foreach (var file in DriverLibraryReader.FilesOf(_iso))
            {
                _files[file.Path] = file;
            }

            return;
        }

        if (!Directory.Exists(path))
        {
            throw PipelineDiagnostics.BadOption.ToException("neither a file nor a directory", path);
        }

        // An RPM's tree holds links from one system's directory to another's; each is a file of its own here.
        foreach (var file in Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, MaxRecursionDepth = 16 }).Where(File.Exists).Take(MostFiles + 1))
        {
            var name = Path.GetRelativePath(path, file).Replace('\\', '/');
            _files[name] = OfFile(name, file);
        }
    }

    private static SuppliedFile OfFile(string name, string path) => new(name, new FileInfo(path) is { LinkTarget: not null } link ? (link.ResolveLinkTarget(returnFinalTarget: true) as FileInfo)?.Length ?? 0 : new FileInfo(path).Length, () => File.ReadAllBytes(path));
}
