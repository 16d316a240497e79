using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Stack;

namespace Rehost.Inspection.Storage;

/// <summary>
/// The volumes of some disks, opened one by one, for whoever looks into a disk that need not hold an operating system. <see cref="GuestStorage"/> puts those of a whole
/// guest together. The disks belong to the caller; they should be overlays, because opening a file system that was in use replays its journal.
/// </summary>
public sealed class GuestVolumes : IDisposable
{
    private readonly VolumeStack _stack;

    private GuestVolumes(OpenVolumes opened, IReadOnlyList<Diagnostic> findings)
    {
        _stack = opened.Stack;
        All = [.. opened.Volumes];
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
        return new GuestVolumes(VolumeReader.Read(machine, disks, keys, findings), findings);
    }

    /// <summary>What some bytes of a disk belong to: files by their paths, and what no file has by its name.</summary>
    /// <param name="disk">One of the disks that were opened.</param>
    /// <param name="ranges">Bytes of it.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public IReadOnlyList<BlockOwner> FindOwners(IBlockDevice disk, IEnumerable<ByteRange> ranges, CancellationToken cancellationToken = default)
        => BlockOwners.Find(All, _stack, disk, ranges, cancellationToken);

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
