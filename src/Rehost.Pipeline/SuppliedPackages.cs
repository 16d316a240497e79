using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Archives.Packages;
using Rehost.Conversion.Packages;
using Rehost.Inspection;
using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>The packages that the operator gave, open.</summary>
internal sealed class SuppliedPackages : IDisposable
{
    private readonly List<FileStream> _streams = [];
    private readonly List<SuppliedFile> _files = [];

    public bool IsEmpty => _files.Count == 0;

    /// <summary>SHA-256 of each.</summary>
    public ImmutableArray<string> Hashes => [.. _files.Select(file => file.Sha256)];

    /// <summary>What installing them did; null before.</summary>
    public InstalledPackages? Installed { get; private set; }

    /// <summary>Opens files.</summary>
    /// <exception cref="DiagnosticException">One cannot be read (PIP006), or is no package.</exception>
    public static SuppliedPackages Open(ImmutableArray<string> paths, CancellationToken cancellationToken)
    {
        var packages = new SuppliedPackages();
        try
        {
            foreach (var path in paths)
            {
                var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
                packages._streams.Add(stream);
                var name = Path.GetFileName(path);
                var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
                packages._files.Add(new SuppliedFile(name, hash, SoftwarePackage.Open(stream, name, cancellationToken)));
            }

            return packages;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            packages.Dispose();
            throw PipelineDiagnostics.BadOption.ToException(e.Message, "--package", e);
        }
        catch
        {
            packages.Dispose();
            throw;
        }
    }

    /// <summary>Puts them into a guest.</summary>
    public InstalledPackages Install(InspectedGuest guest, CancellationToken cancellationToken)
        => Installed = PackageInstaller.Install(guest.Storage.Tree, guest.Facts, _files, cancellationToken);

    public void Dispose() => _streams.ForEach(stream => stream.Dispose());
}
