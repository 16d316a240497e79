using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Volumes.Luks;

namespace Rehost.Pipeline.Files;

/// <summary>The files of a guest, or of one volume, opened from any source. The source is never written: edits and replayed journals stay in overlays.</summary>
public sealed class GuestFiles : IDisposable
{
    private readonly OpenSource _source;
    private readonly OverlaidDisks _disks;
    private readonly IDisposable _storage;

    private GuestFiles(OpenSource source, OverlaidDisks disks, IDisposable storage, GuestTree tree, ImmutableArray<Diagnostic> findings)
    {
        _source = source;
        _disks = disks;
        _storage = storage;
        Tree = tree;
        Findings = findings;
    }

    /// <summary>The directory tree.</summary>
    public GuestTree Tree { get; }

    /// <summary>What the operator should know.</summary>
    public ImmutableArray<Diagnostic> Findings { get; }

    internal OpenSource Source => _source;

    internal ImmutableArray<OverlayDevice> Overlays => _disks.Overlays;

    /// <summary>Opens a source.</summary>
    /// <param name="request">The source.</param>
    /// <param name="volume">
    /// The volume whose files are meant: a device name (xvda2), a number of the first disk's partition (2), vg/lv, a UUID or a label. Null for the whole guest as its
    /// fstab puts it together, or for the only file system of a disk that holds no guest.
    /// </param>
    /// <param name="scratch">Directory for what is changed.</param>
    /// <param name="askForKey">Asks the operator for a key; null when nobody can be asked.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">The source cannot be read, or there is no such volume (FLE001).</exception>
    public static GuestFiles Open(SourceRequest request, string? volume, string scratch, Func<KeySource, byte[]>? askForKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var source = KnownSources.Open(request, cancellationToken);
        OverlaidDisks? disks = null;
        try
        {
            disks = OverlaidDisks.Over(source, scratch);
            using var keys = KeyReader.Read(request, askForKey);
            return volume is null ? OpenGuest(source, disks, keys) : OpenVolume(source, disks, keys, volume);
        }
        catch
        {
            disks?.Dispose();
            source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _storage.Dispose();
        _disks.Dispose();
        _source.Dispose();
    }

    private static GuestFiles OpenGuest(OpenSource source, OverlaidDisks disks, VolumeKeys? keys)
    {
        try
        {
            var storage = GuestStorage.Open(source.Machine, disks.Devices, keys);
            return new GuestFiles(source, disks, storage, storage.Tree, [.. source.Findings, .. storage.Findings]);
        }
        catch (DiagnosticException noGuest)
        {
            // Not an operating system, or two: a disk of data with one file system is still evident.
            var volumes = GuestVolumes.Open(source.Machine, disks.Devices, keys);
            if (volumes.All.Where(volume => volume.FileSystem is not null).ToList() is [var only])
            {
                return Of(source, disks, volumes, only);
            }

            var listed = Describe(volumes);
            volumes.Dispose();
            throw new DiagnosticException(FileDiagnostics.NoSuchVolume.Create($"{noGuest.Diagnostic.Message}; volumes: {listed}", source.Machine.Name), noGuest);
        }
    }

    private static GuestFiles OpenVolume(OpenSource source, OverlaidDisks disks, VolumeKeys? keys, string name)
    {
        var volumes = GuestVolumes.Open(source.Machine, disks.Devices, keys);
        var found = volumes.All.Where(volume => IsCalled(volume, name)).ToList();
        if (found is [{ FileSystem: not null } one])
        {
            return Of(source, disks, volumes, one);
        }

        var problem = found switch
        {
            [] => $"no volume is called '{name}'",
            [{ Problem: { } cause }] => $"'{name}' cannot be opened: {cause}",
            [_] => $"'{name}' holds no file system that Rehost reads",
            _ => $"{found.Count} volumes are called '{name}'",
        };
        var listed = Describe(volumes);
        volumes.Dispose();
        throw FileDiagnostics.NoSuchVolume.ToException($"{problem}; volumes: {listed}", source.Machine.Name);
    }

    private static GuestFiles Of(OpenSource source, OverlaidDisks disks, GuestVolumes volumes, GuestVolume volume)
        => new(source, disks, volumes, new GuestTree(volume.FileSystem ?? throw FileDiagnostics.NoSuchVolume.ToException("it holds no file system", volume.Name)), [.. source.Findings, .. volumes.Findings]);

    private static bool IsCalled(GuestVolume volume, string name)
    {
        var facts = volume.Facts;
        var plain = name.StartsWith("/dev/", StringComparison.Ordinal) ? name["/dev/".Length..] : name;
        return facts.DeviceName == plain || (volume.Node?.LogicalName is { } logical && plain == $"{logical.Group}/{logical.Volume}") || facts.DeviceName == name || (facts.PartitionNumber > 0 && facts.PartitionNumber.ToString(System.Globalization.CultureInfo.InvariantCulture) == name)
            || string.Equals(facts.Uuid, name, StringComparison.OrdinalIgnoreCase) || (facts.Label is { Length: > 0 } label && label == name);
    }

    private static string Describe(GuestVolumes volumes)
        => string.Join(", ", volumes.All.Take(50).Select(volume => $"{volume.Name} ({volume.Facts.Type ?? "nothing known"})"));
}
