using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Luks;

namespace Rehost.Inspection.Storage;

/// <summary>
/// The volumes of some disks, opened one by one, for whoever looks into a disk that need not hold an operating system. <see cref="GuestStorage"/> puts those of a whole
/// guest together. The disks belong to the caller; they should be overlays, because opening a file system that was in use replays its journal.
/// </summary>
public sealed class GuestVolumes : IDisposable
{
    private GuestVolumes(IReadOnlyList<GuestVolume> all, IReadOnlyList<Diagnostic> findings)
    {
        All = [.. all];
        Findings = findings;
    }

    /// <summary>Partitions, unpartitioned disks and what lies in them.</summary>
    public ImmutableArray<GuestVolume> All { get; }

    /// <summary>What the operator should know.</summary>
    public IReadOnlyList<Diagnostic> Findings { get; }

    /// <summary>Opens what the disks hold.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="disks">Its disks, in the machine's order.</param>
    /// <param name="keys">Passphrases and keys for encrypted volumes; null for none.</param>
    public static GuestVolumes Open(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, VolumeKeys? keys = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(disks);
        var findings = new List<Diagnostic>();
        return new GuestVolumes(VolumeReader.Read(machine, disks, keys, findings).Volumes, findings);
    }

    /// <summary>Closes the file systems; the disks stay open.</summary>
    public void Dispose()
    {
        foreach (var volume in All)
        {
            volume.FileSystem?.Dispose();
            volume.FileSystem = null;
        }
    }
}
