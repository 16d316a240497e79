using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Volumes.Stack;

namespace Rehost.Inspection.Storage;

/// <summary>A machine's volumes, opened.</summary>
/// <param name="Stack">How they are put together.</param>
/// <param name="Disks">Partition tables in the machine's order.</param>
/// <param name="Volumes">Every volume that is not divided further.</param>
/// <param name="Groups">Volume groups.</param>
internal sealed record OpenVolumes(VolumeStack Stack, IReadOnlyList<DiskFacts> Disks, IReadOnlyList<GuestVolume> Volumes, ImmutableArray<VolumeGroupFacts> Groups);
