using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Inspection;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline;

/// <summary>The source's disks under overlays, which take every write: journals that are replayed, files that are edited.</summary>
internal sealed class OverlaidDisks : IDisposable
{
    private OverlaidDisks(ImmutableArray<string> ids, ImmutableArray<IBlockDevice> below, ImmutableArray<OverlayDevice> overlays)
    {
        Below = below;
        Overlays = overlays;
        Targets = [.. ids.Zip(overlays, (id, overlay) => new TargetDisk(id, overlay))];
    }

    /// <summary>The source's disks.</summary>
    public ImmutableArray<IBlockDevice> Below { get; }

    /// <summary>The overlays, in the machine's order.</summary>
    public ImmutableArray<OverlayDevice> Overlays { get; }

    /// <summary>The disks on their way to the target.</summary>
    public ImmutableArray<TargetDisk> Targets { get; }

    /// <summary>The overlays as devices.</summary>
    public IReadOnlyList<IBlockDevice> Devices => [.. Overlays];

    /// <summary>Puts overlays over a source's disks.</summary>
    /// <param name="source">The source; its disks belong to it.</param>
    /// <param name="scratch">Directory for what is written; the files have no name there and go with the process.</param>
    public static OverlaidDisks Over(OpenSource source, string scratch)
    {
        var overlays = new List<OverlayDevice>();
        try
        {
            foreach (var disk in source.Disks)
            {
                overlays.Add(new OverlayDevice(disk, OverlayStore.InDirectory(scratch)));
            }

            return new OverlaidDisks([.. source.Machine.Disks.Select(disk => disk.Id)], source.Disks, [.. overlays]);
        }
        catch
        {
            overlays.ForEach(overlay => overlay.Dispose());
            throw;
        }
    }

    /// <summary>What the appliers work on.</summary>
    public ApplyContext ToApplyContext(InspectedGuest guest, TargetRequest target, SuppliedPackages packages, Func<string, string, byte[]?> suppliedFile)
        => new(guest.Storage.Tree, Targets) { HostGrubDirectory = target.GrubDirectory, InstalledPackages = packages.Hashes, SuppliedFile = suppliedFile };

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var overlay in Overlays)
        {
            overlay.Dispose();
        }
    }
}
