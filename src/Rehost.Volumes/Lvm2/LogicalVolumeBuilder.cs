using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Lvm2.Snapshots;
using Rehost.Volumes.Lvm2.Thin;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Lvm2;

/// <summary>
/// Makes devices of a group's logical volumes. Each volume stands for itself: one of a kind that is not known, or that lies on a missing disk, is refused by name, and
/// the others are there.
/// </summary>
internal sealed class LogicalVolumeBuilder
{
    private const int MaximumDepth = 16;
    private const int Sector = 512;
    private const int MaximumLegs = 256;
    private const long MaximumChunkSectors = 1 << 22;

    private readonly VolumeGroup _group;
    private readonly Dictionary<string, GroupPhysicalVolume> _physical;
    private readonly Dictionary<string, LogicalVolume> _logical;
    private readonly IReadOnlyDictionary<string, IBlockDevice> _present;
    private readonly Dictionary<string, BuiltVolume> _built = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LinearVolume> _plain = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ExceptionStore> _stores = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ThinPool> _pools = new(StringComparer.Ordinal);
    private int _depth;

    /// <summary>Prepares a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="present">Devices of its physical volumes by their names in the metadata.</param>
    public LogicalVolumeBuilder(VolumeGroup group, IReadOnlyDictionary<string, IBlockDevice> present)
    {
        _group = group;
        _present = present;
        _physical = group.PhysicalVolumes.DistinctBy(one => one.Name).ToDictionary(one => one.Name, StringComparer.Ordinal);
        _logical = group.LogicalVolumes.DistinctBy(one => one.Name).ToDictionary(one => one.Name, StringComparer.Ordinal);
    }

    /// <summary>Makes one volume, or says why it cannot be made.</summary>
    public BuiltVolume Build(string name)
    {
        if (_built.TryGetValue(name, out var known))
        {
            return known;
        }

        // Marked before it is made: a volume that is a part of itself meets this.
        _built[name] = new BuiltVolume(null, VolumeDiagnostics.Damaged.Create("it is a part of itself", Place(name)));
        BuiltVolume built;
        _depth++;
        try
        {
            built = _depth > MaximumDepth
                ? throw VolumeDiagnostics.TooMany.ToException($"volumes are nested deeper than {MaximumDepth}")
                : new BuiltVolume(Make(Named(name)), null);
        }
        catch (DiagnosticException e)
        {
            built = new BuiltVolume(null, e.Diagnostic with { Where = e.Diagnostic.Where is { } where && where != Place(name) ? $"{Place(name)}, {where}" : Place(name) });
        }
        finally
        {
            _depth--;
        }

        return _built[name] = built;
    }

    /// <summary>Bytes of a number of extents.</summary>
    public long Bytes(long extents) => extents <= LinearVolume.MaximumLength / _group.ExtentBytes
        ? extents * _group.ExtentBytes
        : throw VolumeDiagnostics.TooMany.ToException($"{extents} extents of {_group.ExtentBytes} bytes are more than {LinearVolume.MaximumLength} bytes");

    private string Place(string name) => $"{_group.Name}/{name}";

    private IBlockDevice Make(LogicalVolume volume)
    {
        if (volume.Status.Contains("PVMOVE"))
        {
            throw VolumeDiagnostics.Unsupported.ToException("pvmove is under way");
        }

        if (Snapshots().Any(one => (one.Segment.Section.Text("cow_store") ?? one.Segment.Section.Text("merging_store")) == volume.Name))
        {
            throw VolumeDiagnostics.Unsupported.ToException("it is a snapshot's store");
        }

        var device = volume.Segments is [{ Type: "snapshot" } snapshot] ? MakeSnapshot(volume, snapshot.Section) : WithSnapshots(volume);
        return volume.Status.Contains("WRITE") || device is ReadOnlyVolume
            ? device
            : new ReadOnlyVolume(device, VolumeDiagnostics.ReadOnly.Create("the group has it as read-only", Place(volume.Name)));
    }

    private IEnumerable<(LogicalVolume Volume, LogicalSegment Segment)> Snapshots()
        => _group.LogicalVolumes.SelectMany(one => one.Segments, (volume, segment) => (volume, segment)).Where(one => one.segment.Type == "snapshot");

    /// <summary>A volume without regard to its snapshots, which must be the same device for all of them.</summary>
    private LinearVolume Plain(LogicalVolume volume)
    {
        if (!_plain.TryGetValue(volume.Name, out var device))
        {
            _plain[volume.Name] = device = new LinearVolume(Place(volume.Name), [.. volume.Segments.SelectMany(Parts)]);
        }

        return device;
    }

    /// <summary>A volume as it may be written: what its snapshots show must not change with it.</summary>
    private IBlockDevice WithSnapshots(LogicalVolume volume)
    {
        var snapshots = Snapshots().Where(one => one.Segment.Section.Text("origin") == volume.Name).ToList();
        if (snapshots.Any(one => one.Segment.Section.Text("merging_store") is not null))
        {
            throw VolumeDiagnostics.Unsupported.ToException("a snapshot is being merged into it: start it in the guest and wait until lvs shows no merge");
        }

        var device = Plain(volume);
        if (snapshots.Count == 0)
        {
            return device;
        }

        try
        {
            // One that the kernel has given up shows nothing any more, and nothing is kept for it.
            return new SnapshotOriginVolume(device, [.. snapshots.Select(one => Store(one.Volume, one.Segment.Section)).Where(store => store.IsValid)]);
        }
        catch (DiagnosticException e)
        {
            var which = string.Join(" and ", snapshots.Select(one => Place(one.Segment.Section.Text("cow_store") ?? "?")));
            return new ReadOnlyVolume(device, VolumeDiagnostics.ReadOnly.Create(
                $"it is the origin of {which}, which cannot be kept as it is ({e.Diagnostic.Message}): remove the snapshot (lvremove) in the guest, and shut it down", Place(volume.Name)));
        }
    }

    private SnapshotVolume MakeSnapshot(LogicalVolume volume, MetadataSection section)
    {
        if (section.Text("merging_store") is not null)
        {
            throw VolumeDiagnostics.Unsupported.ToException("it is being merged into its origin");
        }

        var store = Store(volume, section);
        var origin = Plain(Named(section.NeedText("origin")));
        var length = Bytes(volume.Extents);
        return store.IsValid
            ? new SnapshotVolume(Place(volume.Name), origin, store, length <= origin.Length ? length : throw VolumeDiagnostics.Damaged.ToException($"it has {length} bytes, its origin {origin.Length}"))
            : throw VolumeDiagnostics.NothingReadable.ToException("the snapshot ran full and the kernel gave it up: remove it (lvremove)");
    }

    private ExceptionStore Store(LogicalVolume snapshot, MetadataSection section)
    {
        if (!_stores.TryGetValue(snapshot.Name, out var store))
        {
            var name = section.NeedText("cow_store");
            _stores[snapshot.Name] = store = new ExceptionStore(Place(name), Plain(Named(name)), Bytes(snapshot.Extents), section.NeedNumber("chunk_size", 1, MaximumChunkSectors) * Sector);
        }

        return store;
    }

    private LogicalVolume Named(string name) => _logical.GetValueOrDefault(name) ?? throw VolumeDiagnostics.Damaged.ToException($"the group has no volume '{name}'");

    private IEnumerable<VolumePart> Parts(LogicalSegment segment)
    {
        var length = Bytes(segment.Extents);
        var section = segment.Section;
        switch (segment.Type)
        {
            case "striped" or "linear":
                return MakeStriped(section, length);
            case "mirror":
                var legs = Areas(section, "mirrors", length);
                return Whole(new MirroredVolume("mirror", [.. legs.Select(leg => new MirrorLeg(new LinearVolume("leg", [leg])))], length));
            case "thin":
                return Whole(MakeThin(section, length));
            case "zero":
                return Whole(new ZeroDevice(length));
            default:
                return segment.Type.StartsWith("raid", StringComparison.Ordinal)
                    ? Whole(MakeRaid(segment, length), length)
                    : throw VolumeDiagnostics.Unsupported.ToException($"it is of type '{segment.Type}'");
        }
    }

    private static IEnumerable<VolumePart> Whole(IBlockDevice device) => [new VolumePart(device, 0, device.Length)];

    private static IEnumerable<VolumePart> Whole(IBlockDevice device, long length) => [new VolumePart(device, 0, length)];

    private IEnumerable<VolumePart> MakeStriped(MetadataSection section, long length)
    {
        var count = section.NumberOr("stripe_count", 1, 1, MaximumLegs);
        var areas = Areas(section, "stripes", length / count);
        if (areas.Length != count || length % count != 0)
        {
            throw VolumeDiagnostics.Damaged.ToException($"{count} stripes of {length} bytes are given {areas.Length} places");
        }

        if (count == 1)
        {
            return areas;
        }

        var chunk = section.NeedNumber("stripe_size", 1, MaximumChunkSectors) * Sector;
        return Whole(new StripedVolume("stripes", [.. areas.Select(area => new LinearVolume("stripe", [area]))], chunk, length));
    }

    private ThinVolume MakeThin(MetadataSection section, long length)
    {
        if (section.Values("external_origin") is not null || section.Values("merge") is not null)
        {
            throw VolumeDiagnostics.Unsupported.ToException("it has an external origin, or is being merged");
        }

        var name = section.NeedText("thin_pool");
        if (!_pools.TryGetValue(name, out var pool))
        {
            _pools[name] = pool = MakePool(name);
        }

        return new ThinVolume("thin", pool, (ulong)section.NeedNumber("device_id", 0, 1 << 24), length);
    }

    private ThinPool MakePool(string name)
    {
        var section = _logical.GetValueOrDefault(name) is { Segments: [{ Type: "thin-pool" } segment] } ? segment.Section : throw VolumeDiagnostics.Damaged.ToException($"its pool '{name}' is no thin pool");
        var pool = new ThinPool(Place(name), Need(section.NeedText("metadata")), Need(section.NeedText("pool")));
        return pool.ChunkBytes == section.NeedNumber("chunk_size", 1, MaximumChunkSectors) * Sector
            ? pool
            : throw VolumeDiagnostics.Damaged.ToException($"its pool has chunks of {pool.ChunkBytes} bytes; the group says otherwise");
    }

    private IBlockDevice MakeRaid(LogicalSegment segment, long length)
    {
        var section = segment.Section;
        if (section.Values("data_offset") is not null || section.Values("reshape_count") is not null)
        {
            throw VolumeDiagnostics.Unsupported.ToException("it is being reshaped");
        }

        var (metadata, images) = Images(section);
        var health = RaidMetadata.Judge(metadata, Place(segment.Section.Name));
        var chunk = section.NumberOr("stripe_size", 128, 1, MaximumChunkSectors) * Sector;
        var legLength = images.Min(image => image.Length);
        if (segment.Type == "raid1")
        {
            return new MirroredVolume(segment.Type, [.. images.Select((image, index) => new MirrorLeg(image, health[index]))], length);
        }

        if (health.Contains(false))
        {
            throw VolumeDiagnostics.MembersDisagree.ToException($"it is of type '{segment.Type}' and not synchronised");
        }

        return segment.Type switch
        {
            "raid0" or "raid0_meta" => new StripedVolume(segment.Type, images, chunk, legLength / chunk * chunk * images.Length),
            "raid10" or "raid10_near" => new Raid10Volume(
                segment.Type, [.. images], chunk, legLength, new Raid10Layout((int)section.NumberOr("data_copies", 2, 2, images.Length), 1, IsOffset: false, FarSets: 0)),
            _ => LayoutOf(segment.Type) is { } layout
                ? new ParityVolume(segment.Type, images, chunk, legLength, layout, segment.Type.StartsWith("raid6", StringComparison.Ordinal))
                : throw VolumeDiagnostics.Unsupported.ToException($"it is of type '{segment.Type}'"),
        };
    }

    /// <summary>Which of MD's layouts the device-mapper takes for a name (drivers/md/dm-raid.c, raid_types).</summary>
    private static ParityLayout? LayoutOf(string type) => type switch
    {
        "raid4" or "raid5_0" => ParityLayout.ParityFirst,
        "raid5" or "raid5_ls" => ParityLayout.LeftSymmetric,
        "raid5_la" => ParityLayout.LeftAsymmetric,
        "raid5_ra" => ParityLayout.RightAsymmetric,
        "raid5_rs" => ParityLayout.RightSymmetric,
        "raid5_n" => ParityLayout.ParityLast,
        "raid6" or "raid6_zr" => ParityLayout.RotatingZeroRestart,
        "raid6_nr" => ParityLayout.RotatingNRestart,
        "raid6_nc" => ParityLayout.RotatingNContinue,
        "raid6_n_6" => ParityLayout.ParityLast,
        "raid6_0_6" => ParityLayout.ParityFirst6,
        "raid6_la_6" => ParityLayout.LeftAsymmetric6,
        "raid6_ra_6" => ParityLayout.RightAsymmetric6,
        "raid6_ls_6" => ParityLayout.LeftSymmetric6,
        "raid6_rs_6" => ParityLayout.RightSymmetric6,
        _ => null,
    };

    /// <summary>Metadata and data of each leg. RAID 0 has data alone.</summary>
    private (ImmutableArray<IBlockDevice> Metadata, ImmutableArray<IBlockDevice> Images) Images(MetadataSection section)
    {
        var bare = section.Values("raid0_lvs");
        var names = bare ?? section.Values("raids") ?? throw VolumeDiagnostics.Damaged.ToException("'raids' is missing");
        if (names.Length == 0 || names.Length > 2 * MaximumLegs || (bare is null && names.Length % 2 != 0))
        {
            throw VolumeDiagnostics.Damaged.ToException($"it has {names.Length} parts");
        }

        var devices = names.Select(name => Need(name.Text ?? "")).ToList();
        return bare is not null ? ([], [.. devices]) : ([.. devices.Where((_, index) => index % 2 == 0)], [.. devices.Where((_, index) => index % 2 == 1)]);
    }

    /// <summary>Places in a list of names and first extents.</summary>
    private ImmutableArray<VolumePart> Areas(MetadataSection section, string key, long length)
    {
        var values = section.Values(key);
        if (values is null || values.Length == 0 || values.Length % 2 != 0 || values.Length > 2 * MaximumLegs)
        {
            throw VolumeDiagnostics.Damaged.ToException($"'{key}' is no list of places");
        }

        var areas = ImmutableArray.CreateBuilder<VolumePart>();
        for (var i = 0; i < values.Length; i += 2)
        {
            areas.Add(Area(values[i].Text ?? "", values[i + 1].Number, length));
        }

        return areas.ToImmutable();
    }

    private VolumePart Area(string name, long extent, long length)
    {
        if (extent < 0)
        {
            throw VolumeDiagnostics.Damaged.ToException($"a part begins at extent {extent} of {name}");
        }

        if (!_physical.TryGetValue(name, out var physical))
        {
            return new VolumePart(Need(name), Bytes(extent), length);
        }

        return _present.TryGetValue(name, out var device)
            ? new VolumePart(device, physical.Start + Bytes(extent), length)
            : throw VolumeDiagnostics.Incomplete.ToException($"a part of it is on {name} (UUID {LvmId.ToPrinted(physical.Id)}), which is not among the disks");
    }

    private IBlockDevice Need(string name)
    {
        var built = Build(name);
        return built.Device ?? throw new DiagnosticException(built.Problem ?? VolumeDiagnostics.Damaged.Create("it cannot be made", Place(name)));
    }
}
