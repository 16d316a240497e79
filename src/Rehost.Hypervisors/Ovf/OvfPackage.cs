using System.Collections.Immutable;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.Model;

namespace Rehost.Hypervisors.Ovf;

/// <summary>
/// A machine as an OVF package: a folder with a descriptor, or an OVA, which is a tar of such a folder and is read in place. The descriptor is compared
/// with the manifest at once, the disks by <see cref="VerifyManifest"/>.
/// </summary>
public sealed class OvfPackage : IDisposable
{
    private readonly IBlockDevice? _archive;
    private readonly OvfFiles _files;
    private readonly OvfEnvelope _envelope;
    private readonly OvfManifest? _manifest;
    private readonly ImmutableArray<OvfDisk> _disks;
    private readonly string _descriptorName;
    private readonly ImmutableArray<Diagnostic>.Builder _findings = ImmutableArray.CreateBuilder<Diagnostic>();

    private OvfPackage(IBlockDevice? archive, IImageDirectory directory, string descriptor, string where, Func<string, string?> findOther)
    {
        _archive = archive;
        var xml = OvfFiles.ReadSmall(directory, descriptor, OvfXmlReader.MaximumLength);
        var file = directory.Open(descriptor);
        file.File.Dispose();
        Where = where;
        _descriptorName = descriptor[(descriptor.LastIndexOf('/') + 1)..];
        _files = new OvfFiles(file.Directory, where);
        if (findOther(".mf") is { } manifest)
        {
            _manifest = OvfManifest.Parse(OvfFiles.ReadSmall(directory, manifest, OvfManifest.MaximumLength), $"{where}: {manifest}");
            foreach (var entry in _manifest.Entries.Where(entry => entry.FileName == _descriptorName))
            {
                Compare(entry, CryptographicOperations.HashData(entry.Hash, xml));
            }
        }

        if (findOther(".cert") is { } certificate)
        {
            _findings.Add(OvfDiagnostics.SignatureNotVerified.Create($"{certificate} signs the manifest", where));
        }

        _envelope = OvfReader.Read(xml, where);
        (Machine, _disks) = OvfMachine.Describe(_envelope, where, _findings);
        ReportUnprotected();
    }

    /// <summary>Name of the descriptor, for messages.</summary>
    public string Where { get; }

    /// <summary>The machine; sizes of its disks as the descriptor says them until they are opened.</summary>
    public VirtualMachine Machine { get; private set; }

    /// <summary>What the operator should know; opening the disks may add to it.</summary>
    public ImmutableArray<Diagnostic> Findings => _findings.ToImmutable();

    /// <summary>The files of the host that were opened, by their paths; empty for an OVA.</summary>
    public IReadOnlyCollection<string> HostFiles => _archive is null ? _files.Opened : [];

    /// <summary>Bytes that <see cref="VerifyManifest"/> reads.</summary>
    public long ManifestBytes => Protected().Sum(entry => _files.LengthOf(entry.FileName));

    /// <summary>Opens an OVA.</summary>
    /// <param name="file">The file; owned by the package, also when opening fails.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="cancellationToken">Stops the listing of the archive.</param>
    /// <exception cref="DiagnosticException">It is no OVA, damaged, or refers to files elsewhere (OVF…, TAR…).</exception>
    public static OvfPackage OpenArchive(IBlockDevice file, string name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        try
        {
            var directory = TarImageDirectory.Open(file, name, cancellationToken);
            var names = directory.Names;
            var descriptor = names.FirstOrDefault(member => member.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase))
                ?? throw OvfDiagnostics.NoDescriptor.ToException($"its {names.Count} members are {string.Join(", ", names.Take(20))}", name);

            // One manifest is the manifest, whatever it is called.
            return new OvfPackage(file, directory, descriptor, $"{name}/{descriptor}", extension => names.Where(member => member.EndsWith(extension, StringComparison.OrdinalIgnoreCase)).ToArray() is [var only] ? only
                : directory.Exists(Path.ChangeExtension(descriptor, extension)) ? Path.ChangeExtension(descriptor, extension) : null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a package in a folder.</summary>
    /// <param name="path">The descriptor.</param>
    /// <param name="allowedPaths">Further directories, or single files, that references may lead to.</param>
    /// <exception cref="DiagnosticException">It is damaged, incomplete, or refers to files elsewhere (OVF…, BLK…).</exception>
    public static OvfPackage OpenFolder(string path, IEnumerable<string>? allowedPaths = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var directory = HostImageDirectory.Of(path, allowedPaths);
        var name = Path.GetFileName(path);
        return new OvfPackage(null, directory, name, path, extension => directory.Exists(Path.ChangeExtension(name, extension)) ? Path.ChangeExtension(name, extension) : null);
    }

    /// <summary>Opens the disks, in the machine's order. A disk in parts is joined, a gzip'ed one is read in place, one without a file is zeros.</summary>
    /// <param name="cancellationToken">Stops the pass over gzip'ed disks.</param>
    /// <returns>The disks; owned by the caller, and usable as long as the package.</returns>
    /// <exception cref="DiagnosticException">A file is missing, lies elsewhere or is damaged.</exception>
    public ImmutableArray<IBlockDevice> OpenDisks(CancellationToken cancellationToken)
    {
        var opened = new List<IBlockDevice>();
        try
        {
            foreach (var disk in _disks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                opened.Add(OpenDisk(disk, cancellationToken));
                if (disk.Capacity is { } capacity && capacity != opened[^1].Length)
                {
                    _findings.Add(OvfDiagnostics.SizeDiffers.Create($"the disk '{disk.Id}' has {opened[^1].Length} bytes, its capacity is said to be {capacity}", Where));
                }
            }

            Machine = Machine with { Disks = [.. Machine.Disks.Select((disk, index) => disk with { LengthBytes = opened[index].Length, Format = (opened[index] as IDiskImage)?.Info.Format ?? disk.Format })] };
            return [.. opened];
        }
        catch
        {
            opened.ForEach(disk => disk.Dispose());
            throw;
        }
    }

    /// <summary>Compares every file that the manifest names with its digest; two files at a time. Without a manifest nothing happens.</summary>
    /// <param name="progress">Told of bytes as they are done, from several threads; null for nobody.</param>
    /// <param name="cancellationToken">Stops the pass.</param>
    /// <exception cref="DiagnosticException">A file is missing (OVF010) or different (OVF009).</exception>
    public void VerifyManifest(Action<long>? progress, CancellationToken cancellationToken)
    {
        var entries = Protected();
        foreach (var entry in entries)
        {
            if (!_files.Exists(entry.FileName))
            {
                throw OvfDiagnostics.BadManifest.ToException($"the manifest names '{entry.FileName}', which is missing", Where);
            }
        }

        try
        {
            Parallel.ForEach(entries, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken }, entry => Compare(entry, _files.Hash(entry.FileName, entry.Hash, progress, cancellationToken)));
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<DiagnosticException>().OrderBy(one => one.Message, StringComparer.Ordinal).FirstOrDefault() is { } first)
        {
            throw new DiagnosticException(first.Diagnostic, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _archive?.Dispose();

    /// <summary>Checks the whole package: every file against the manifest, and the structures of every disk.</summary>
    /// <param name="cancellationToken">Stops the check.</param>
    public ImageCheckReport Check(CancellationToken cancellationToken)
    {
        var found = new List<Diagnostic>(_findings);
        var (leaked, stored) = (0L, 0L);
        foreach (var entry in Protected())
        {
            Note(found, () => Compare(entry, _files.Exists(entry.FileName)
                ? _files.Hash(entry.FileName, entry.Hash, progress: null, cancellationToken)
                : throw OvfDiagnostics.BadManifest.ToException($"the manifest names '{entry.FileName}', which is missing", Where)));
        }

        foreach (var disk in _disks.Where(disk => disk.FileReference is not null))
        {
            Note(found, () =>
            {
                var (file, format) = OpenFile(disk, found.Add, cancellationToken);
                var request = new DiskOpenRequest(file.File, file.Name) { Directory = file.Directory, Report = found.Add };
                var report = (format ?? KnownDiskFormats.Identify(file.File)).Check(request, cancellationToken);
                found.AddRange(report.Findings);
                leaked += report.LeakedBytes;
                stored += report.StoredBytes;
            });
        }

        var distinct = found.Distinct().ToList();
        return new ImageCheckReport([.. distinct.Take(ImageCheckReport.FindingLimit)], distinct.Count(one => one.Severity == Severity.Error), leaked, stored);
    }

    private static void Note(List<Diagnostic> found, Action check)
    {
        try
        {
            check();
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == DiskFormatDiagnostics.NothingToCheck.Id)
        {
            // A raw disk: the manifest is all there is.
        }
        catch (DiagnosticException e)
        {
            found.Add(e.Diagnostic);
        }
    }

    private OvfManifestEntry[] Protected() => [.. (_manifest?.Entries ?? []).Where(entry => entry.FileName != _descriptorName)];

    private void Compare(OvfManifestEntry entry, ReadOnlySpan<byte> digest)
    {
        var found = Convert.ToHexStringLower(digest);
        if (found != entry.Digest)
        {
            throw OvfDiagnostics.ManifestMismatch.ToException($"'{entry.FileName}' has {entry.Hash.Name} {found}, the manifest says {entry.Digest}", Where);
        }
    }

    private void ReportUnprotected()
    {
        if (_manifest is null)
        {
            _findings.Add(OvfDiagnostics.NotInManifest.Create("the package has no manifest", Where));
            return;
        }

        var names = _manifest.Entries.Select(entry => entry.FileName).ToHashSet(StringComparer.Ordinal);
        var missing = _envelope.Files.Where(file => file.ChunkSize is null && !names.Contains(file.Href)).Select(file => file.Href).Concat(names.Contains(_descriptorName) ? [] : [_descriptorName]).ToArray();
        if (missing.Length > 0)
        {
            _findings.Add(OvfDiagnostics.NotInManifest.Create($"the manifest does not name {string.Join(", ", missing.Take(20))}", Where));
        }
    }

    private IBlockDevice OpenDisk(OvfDisk disk, CancellationToken cancellationToken)
    {
        if (disk.FileReference is null)
        {
            return new ZeroDevice(disk.Capacity ?? throw OvfDiagnostics.BadReference.ToException($"the disk '{disk.Id}' has neither a file nor a capacity", Where));
        }

        var (opened, format) = OpenFile(disk, _findings.Add, cancellationToken);
        return KnownDiskFormats.OpenNamed(opened, format, new DiskOpenRequest(opened.File, opened.Name) { Report = _findings.Add });
    }

    private (ReferencedFile File, IDiskFormat? Format) OpenFile(OvfDisk disk, Action<Diagnostic> report, CancellationToken cancellationToken)
    {
        // oVirt refers by group/volume to a file whose id is the volume alone.
        var reference = disk.FileReference ?? "";
        var file = _envelope.Files.FirstOrDefault(candidate => candidate.Id == reference)
            ?? _envelope.Files.FirstOrDefault(candidate => candidate.Href == reference || reference.EndsWith("/" + candidate.Id, StringComparison.Ordinal))
            ?? throw OvfDiagnostics.BadReference.ToException($"the disk '{disk.Id}' refers to the file '{reference}', which is not among the references", Where);
        var opened = _files.Open(file, disk.Capacity, report, cancellationToken);
        try
        {
            return (opened, disk.Format is { } name ? KnownDiskFormats.ByName(name) : null);
        }
        catch
        {
            opened.File.Dispose();
            throw;
        }
    }
}
