using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Lvm2;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Stack;

/// <summary>Collects physical volumes and makes the volume groups that they are parts of.</summary>
internal sealed class GroupAssembler(StackAssembler stack)
{
    /// <summary>Kinds of logical volumes that hold others' data and are no volumes to the guest.</summary>
    private static readonly HashSet<string> Pools = new(StringComparer.Ordinal) { "thin-pool", "cache-pool", "vdo-pool" };

    private readonly Dictionary<string, List<VolumeNode>> _physical = new(StringComparer.Ordinal);
    private readonly Dictionary<string, VolumeGroup> _found = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);
    private readonly ImmutableArray<VolumeGroupNode>.Builder _assembled = ImmutableArray.CreateBuilder<VolumeGroupNode>();

    /// <summary>The groups made so far.</summary>
    public ImmutableArray<VolumeGroupNode> Assembled => _assembled.ToImmutable();

    /// <summary>Takes a physical volume and reads the copies of the metadata on it.</summary>
    public void Add(VolumeNode node, PhysicalVolume physical)
    {
        if (!_physical.TryGetValue(physical.Id, out var same))
        {
            _physical[physical.Id] = same = [];
        }

        same.Add(node);
        foreach (var area in physical.MetadataAreas)
        {
            try
            {
                if (MetadataArea.Read(node.Device, area) is { } text)
                {
                    var group = VolumeGroup.Read(text);

                    // A disk that was away has an older copy: the one with the highest number counts.
                    if (!_found.TryGetValue(group.Id, out var known) || known.SequenceNumber < group.SequenceNumber)
                    {
                        _found[group.Id] = group;
                    }
                }
            }
            catch (DiagnosticException e)
            {
                stack.Findings.Add(e.Diagnostic with { Where = $"{node.Name}, {e.Diagnostic.Where}" });
            }
        }
    }

    /// <summary>Makes one group that is ready; false when there is none.</summary>
    public bool AssembleOne(bool isCompleteOnly)
    {
        var group = _found.Values.FirstOrDefault(group => !_done.Contains(group.Id) && (!isCompleteOnly || group.PhysicalVolumes.All(IsThere)));
        if (group is null)
        {
            return false;
        }

        _done.Add(group.Id);
        Make(group);
        return true;
    }

    private bool IsThere(GroupPhysicalVolume physical) => _physical.TryGetValue(physical.Id, out var nodes) && nodes.Count == 1;

    private void Make(VolumeGroup group)
    {
        foreach (var problem in group.Problems)
        {
            stack.Findings.Add(problem);
        }

        var present = new Dictionary<string, IBlockDevice>(StringComparer.Ordinal);
        var members = new List<(GroupPhysicalVolume Physical, VolumeNode Node)>();
        var missing = new List<string>();
        foreach (var physical in group.PhysicalVolumes)
        {
            var nodes = _physical.GetValueOrDefault(physical.Id) ?? [];
            nodes.ForEach(node => node.PartOf = group.Name);
            if (nodes.Count == 1)
            {
                present[physical.Name] = nodes[0].Device;
                members.Add((physical, nodes[0]));
                continue;
            }

            missing.Add(LvmId.ToPrinted(physical.Id));
            stack.Findings.Add(nodes.Count == 0
                ? VolumeDiagnostics.Incomplete.Create($"the volume group lacks {physical.Name} (UUID {LvmId.ToPrinted(physical.Id)})", group.Name)
                : VolumeDiagnostics.Duplicate.Create($"{string.Join(", ", nodes.Select(node => node.Name))} are all {physical.Name} (UUID {LvmId.ToPrinted(physical.Id)})", group.Name));
        }

        var below = members.Select(member => member.Node).ToImmutableArray();
        var builder = new LogicalVolumeBuilder(group, present);
        var volumes = group.LogicalVolumes.Where(volume => volume.IsVisible && !volume.Segments.Any(segment => Pools.Contains(segment.Type))).Select(volume => MakeVolume(group, volume, builder, below)).ToImmutableArray();
        foreach (var volume in volumes)
        {
            stack.Add(volume);
        }

        var free = FreeExtents.Of(group, [.. members.Select(member => member.Physical)]);
        var length = Saturated(() => builder.Bytes(group.PhysicalVolumes.Sum(physical => physical.Extents)));
        _assembled.Add(new VolumeGroupNode(group.Name, group.Id, length, below, [.. missing], volumes, free));
    }

    private VolumeNode MakeVolume(VolumeGroup group, LogicalVolume volume, LogicalVolumeBuilder builder, ImmutableArray<VolumeNode> below)
    {
        var built = builder.Build(volume.Name);
        if (built.Problem is { } problem)
        {
            stack.Findings.Add(problem);
        }

        // The metadata keep a snapshot under a name of their own (snapshot0); the guest knows it by the name of its store.
        var shown = volume.Segments is [{ Type: "snapshot" } snapshot] ? snapshot.Section.Text("cow_store") ?? volume.Name : volume.Name;
        var snapshotOf = volume.Segments is [{ Type: "snapshot" } segment] ? segment.Section.Text("origin") : null;
        var name = stack.Unused($"mapper/{Mangle(group.Name)}-{Mangle(shown)}");
        var device = built.Device ?? new RefusedVolume(Saturated(() => builder.Bytes(volume.Extents)), built.Problem ?? VolumeDiagnostics.Damaged.Create("it cannot be made", name));
        return new VolumeNode(name, VolumeKind.LogicalVolume, device, below)
        {
            Layout = string.Join(", ", volume.Segments.Select(LayoutOf).Distinct().Take(4)),
            Uuid = volume.Id,
            LogicalName = (group.Name, shown),
            Problem = built.Problem,

            // A copy of what its origin was: opened as a volume of its own, it would be a second root with the same UUIDs. It can be read all the same.
            MemberType = snapshotOf is null ? null : "LVM2 snapshot",
            PartOf = snapshotOf is null ? null : $"mapper/{Mangle(group.Name)}-{Mangle(snapshotOf)}",
        };
    }

    private static string LayoutOf(LogicalSegment segment)
        => segment.Type == "striped" ? segment.Section.Values("stripe_count") is [{ Number: > 1 } count] ? $"striped over {count.Number}" : "linear" : segment.Type;

    /// <summary>The device-mapper's name doubles a hyphen, because a single one stands between group and volume.</summary>
    private static string Mangle(string name) => name.Replace("-", "--", StringComparison.Ordinal);

    private static long Saturated(Func<long> bytes)
    {
        try
        {
            return bytes();
        }
        catch (DiagnosticException)
        {
            return LinearVolume.MaximumLength;
        }
    }
}
