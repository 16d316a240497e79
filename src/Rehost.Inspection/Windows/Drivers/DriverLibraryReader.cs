using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Archives.Iso9660;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Inspection.Windows.Drivers;

/// <summary>A file of what the operator supplied.</summary>
/// <param name="Path">Path in it, with slashes.</param>
/// <param name="LengthBytes">Bytes.</param>
/// <param name="Read">Reads it.</param>
public sealed record SuppliedFile(string Path, long LengthBytes, Func<byte[]> Read);

/// <summary>Finds the driver packages in a tree of files: every .inf with the files beside it that it names.</summary>
public static class DriverLibraryReader
{
    // Object identifiers 1.3.14.3.2.26 and 2.16.840.1.101.3.4.2.1 in DER.
    private static readonly byte[] s_sha1 = [0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a];
    private static readonly byte[] s_sha256 = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

    private const int MaximumFiles = 100_000;
    private const long MaximumPackageFile = 256 << 20;

    /// <summary>The files of an ISO image, which must stay open while they are read.</summary>
    /// <exception cref="DiagnosticException">It is none (ISO001), or damaged (ISO002).</exception>
    public static ImmutableArray<SuppliedFile> FilesOf(IBlockDevice iso)
    {
        var image = IsoImage.Open(iso);
        return [.. image.Files.Select(file => new SuppliedFile(file.Path, file.LengthBytes, () => image.Read(file)))];
    }

    /// <summary>Reads all packages that are for an architecture.</summary>
    /// <param name="files">All files.</param>
    /// <param name="architecture">x86, amd64 or arm64.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">There is no .inf at all (DRV002), or far too many files (DRV003).</exception>
    public static ImmutableArray<DriverPackage> Read(IReadOnlyList<SuppliedFile> files, string architecture, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (files.Count > MaximumFiles)
        {
            throw DriverDiagnostics.TooMuch.ToException($"{files.Count} files; the most is {MaximumFiles}");
        }

        var infs = files.Where(file => file.Path.EndsWith(".inf", StringComparison.OrdinalIgnoreCase) && !NameOf(file.Path).Equals("autorun.inf", StringComparison.OrdinalIgnoreCase)).OrderBy(file => file.Path, StringComparer.Ordinal).ToList();
        if (infs.Count == 0)
        {
            throw DriverDiagnostics.NoDrivers.ToException($"none of {files.Count} files is an .inf");
        }

        var byDirectory = files.ToLookup(file => DirectoryOf(file.Path), StringComparer.Ordinal);
        var packages = ImmutableArray.CreateBuilder<DriverPackage>();
        foreach (var file in infs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var inf = InfFile.Parse(file.Read());
            var reader = new InfPackageReader(inf);
            var package = reader.Read(DirectoryOf(file.Path), NameOf(file.Path));
            if (package.Architectures.Contains(architecture))
            {
                packages.Add(WithFiles(package with { Models = [.. package.Models.Where(model => model.Architecture == architecture)] }, reader, file, [.. byDirectory[package.Directory]]));
            }
        }

        return packages.ToImmutable();
    }

    private static DriverPackage WithFiles(DriverPackage package, InfPackageReader reader, SuppliedFile inf, IReadOnlyList<SuppliedFile> beside)
    {
        var named = reader.SourceFiles().Concat(reader.Catalogs()).Concat(package.Models.SelectMany(model => model.DriverFiles)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var members = beside.Where(file => file != inf && named.Contains(NameOf(file.Path)) && file.LengthBytes <= MaximumPackageFile).OrderBy(file => file.Path, StringComparer.Ordinal);
        var catalog = package.CatalogFile is null ? null : beside.FirstOrDefault(file => NameOf(file.Path).Equals(package.CatalogFile, StringComparison.OrdinalIgnoreCase));
        return package with
        {
            Files = [.. members.Prepend(inf).Select(file => new DriverFile(NameOf(file.Path), Convert.ToHexStringLower(SHA256.HashData(file.Read())), file.LengthBytes))],
            CatalogDigests = catalog is null ? [] : DigestsOf(catalog.Read()),
        };
    }

    /// <summary>Digest algorithms that a catalogue names (PKCS #7, algorithm identifiers in DER).</summary>
    private static ImmutableArray<string> DigestsOf(ReadOnlySpan<byte> catalog)
    {
        var digests = ImmutableArray.CreateBuilder<string>();
        if (catalog.IndexOf(s_sha1) >= 0)
        {
            digests.Add("SHA-1");
        }

        if (catalog.IndexOf(s_sha256) >= 0)
        {
            digests.Add("SHA-256");
        }

        return digests.ToImmutable();
    }

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string DirectoryOf(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";
}
