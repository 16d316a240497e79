using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Lvm2;
using Rehost.Volumes.Mapping;
using Rehost.Volumes.MdRaid;

namespace Rehost.Volumes.Stack;

/// <summary>
/// Looks at every volume and puts together what can be, until nothing new appears. What is complete goes first; only when nothing else moves is an array or a group put
/// together with parts missing, because the part may have been inside a volume that was not opened yet.
/// </summary>
internal sealed class StackAssembler
{
    private const int MaximumNodes = 16384;
    private const int MaximumDepth = 12;

    private readonly List<VolumeNode> _nodes = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Queue<VolumeNode> _pending = [];
    private readonly List<Diagnostic> _findings = [];
    private readonly Dictionary<string, List<(VolumeNode Node, MdMember Member)>> _arrays = new(StringComparer.Ordinal);
    private readonly GroupAssembler _groups;

    private readonly VolumeKeys? _keys;

    public StackAssembler(VolumeKeys? keys)
    {
        _keys = keys;
        _groups = new GroupAssembler(this);
    }

    /// <summary>What the operator should know.</summary>
    public ICollection<Diagnostic> Findings => _findings;

    public VolumeStack Assemble(IReadOnlyList<StackDisk> disks)
    {
        foreach (var disk in disks)
        {
            Add(new VolumeNode(Unused(disk.Name), VolumeKind.Disk, disk.Device, []));
            Classify(_pending.Dequeue());

            // Partitions of one disk before the next disk, as they are listed.
            foreach (var partition in _pending.ToList())
            {
                Classify(_pending.Dequeue());
            }
        }

        do
        {
            while (_pending.TryDequeue(out var node))
            {
                Classify(node);
            }
        }
        while (AssembleArray(MdArray.IsComplete) || _groups.AssembleOne(isCompleteOnly: true) || AssembleArray(_ => true) || _groups.AssembleOne(isCompleteOnly: false));

        return new VolumeStack([.. _nodes], _groups.Assembled, [.. _findings]);
    }

    /// <summary>Takes a new volume into the stack, to be looked at in its turn.</summary>
    public void Add(VolumeNode node)
    {
        if (_nodes.Count >= MaximumNodes)
        {
            if (_nodes.Count == MaximumNodes)
            {
                _findings.Add(VolumeDiagnostics.TooMany.Create($"there are more than {MaximumNodes} volumes", node.Name));
            }

            return;
        }

        _nodes.Add(node);
        _pending.Enqueue(node);
    }

    /// <summary>A name that no volume has yet: hostile metadata may give two the same.</summary>
    public string Unused(string name)
    {
        var unique = name;
        for (var i = 2; !_names.Add(unique); i++)
        {
            unique = string.Create(CultureInfo.InvariantCulture, $"{name}#{i}");
        }

        return unique;
    }

    private void Classify(VolumeNode node)
    {
        if (node.MemberType is not null || (node.Problem is { Severity: not Severity.Information } && node.Device is RefusedVolume))
        {
            return;
        }

        if (node.Depth > MaximumDepth)
        {
            _findings.Add(VolumeDiagnostics.TooMany.Create($"volumes are stacked deeper than {MaximumDepth}", node.Name));
            return;
        }

        try
        {
            if (IsDivisible(node))
            {
                node.Table = PartitionTable.Read(node.Device);
                _findings.AddRange(node.Table.Diagnostics.Select(one => one with { Where = one.Where is null ? node.Name : $"{node.Name}, {one.Where}" }));
            }

            if (!ClassifyMember(node) && node.Table is { Kind: not PartitionTableKind.None } table)
            {
                node.IsDivided = true;
                AddPartitions(node, table);
            }
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == VolumeDiagnostics.Damaged.Id || e.Diagnostic.Id == VolumeDiagnostics.Unsupported.Id)
        {
            // One damaged member must not stand in the way of a machine that boots without it.
            node.Problem = e.Diagnostic with { Where = e.Diagnostic.Where is null ? node.Name : $"{node.Name}, {e.Diagnostic.Where}" };
            _findings.Add(node.Problem);
        }
    }

    /// <summary>The kernel looks for partitions on disks and arrays, not on logical or encrypted volumes.</summary>
    private static bool IsDivisible(VolumeNode node) => node.Kind is VolumeKind.Disk or VolumeKind.MdArray;

    private bool ClassifyMember(VolumeNode node)
    {
        // Before anything else: a mirror's halves with the superblock at their end look like what is inside the array.
        if (MdSuperblock.Read(node.Device) is { } member && !BelongsToPartition(node, member))
        {
            node.MemberType = "mdraid";
            node.MemberUuid = member.ArrayId;
            if (!_arrays.TryGetValue(member.ArrayId, out var members))
            {
                _arrays[member.ArrayId] = members = [];
            }

            members.Add((node, member));
            return true;
        }

        if (node.Table is { Kind: not PartitionTableKind.None })
        {
            return false;
        }

        if (PhysicalVolumeLabel.IsThere(node.Device))
        {
            node.MemberType = "LVM2";

            // LVM does not look for physical volumes on its own volumes: on a host of virtual machines those are the machines'.
            if (node.Kind != VolumeKind.LogicalVolume && PhysicalVolumeLabel.Read(node.Device) is { } physical)
            {
                node.MemberUuid = physical.Uuid;
                _groups.Add(node, physical);
            }

            return true;
        }

        if (LuksFormat.Read(node.Device) is { } luks)
        {
            Unlock(node, luks);
            return true;
        }

        if (VolumeSign.Recognize(node) is { } sign)
        {
            node.MemberType = sign.Type;
            _findings.Add(sign.Finding);
            return true;
        }

        return false;
    }

    private void Unlock(VolumeNode node, LuksHeader header)
    {
        node.MemberType = "crypto_LUKS";
        node.MemberUuid = header.Uuid;
        var given = _keys?.For(header.Uuid, node.Name) ?? [];
        if (given.Count == 0)
        {
            node.Problem = LuksDiagnostics.Locked.Create($"it is LUKS{header.Version}, UUID {header.Uuid}, and no key was given for it", node.Name);
            _findings.Add(node.Problem);
            return;
        }

        try
        {
            // The name that installers give; the guest's crypttab may have another, which is known only when its root is.
            var volume = LuksOpener.Open(node.Device, header, given, node.Name);
            var name = Unused($"mapper/luks-{header.Uuid}");
            node.PartOf = name;
            Add(new VolumeNode(name, VolumeKind.EncryptedVolume, volume, [node]) { Layout = $"LUKS{header.Version}, {header.Cipher}", Uuid = header.Uuid });
        }
        catch (DiagnosticException e)
        {
            node.Problem = e.Diagnostic;
            _findings.Add(e.Diagnostic);
        }
    }

    /// <summary>
    /// Whether a superblock found on a divided disk is its last partition's. With 0.90 it would use less than that partition; 1.1 and 1.2 stand where partition tables
    /// and boot loaders are, so a table wins over them.
    /// </summary>
    private static bool BelongsToPartition(VolumeNode node, MdMember member)
    {
        if (node.Table is not { Kind: not PartitionTableKind.None } table)
        {
            return false;
        }

        return member.Version switch
        {
            "0.90" => table.Partitions.Any(partition => partition.End.Value > node.Device.Length - (1 << 20) && member.UsedBytes <= partition.Length),
            "1.0" => false,
            _ => true,
        };
    }

    private void AddPartitions(VolumeNode node, PartitionTable table)
    {
        foreach (var partition in table.Partitions.Where(partition => !partition.IsExtended && partition.Length > 0))
        {
            var digit = node.Name.Length > 0 && char.IsAsciiDigit(node.Name[^1]) ? "p" : "";
            var name = Unused(string.Create(CultureInfo.InvariantCulture, $"{node.Name}{digit}{partition.Number}"));
            Add(new VolumeNode(name, VolumeKind.Partition, new LinearVolume(name, node.Device, partition.Start.Value, partition.Length), [node]) { Partition = partition });
        }
    }

    private bool AssembleArray(Func<IReadOnlyCollection<MdMember>, bool> isReady)
    {
        var (id, members) = _arrays.FirstOrDefault(array => isReady([.. array.Value.Select(one => one.Member)]));
        if (members is null)
        {
            return false;
        }

        _arrays.Remove(id);
        var first = members[0].Member;
        var name = Unused(NameOf(first));
        var layout = $"RAID {MdArray.LevelName(first.Level)} of {first.RaidDevices}";
        var below = members.Select(one => one.Node).ToImmutableArray();
        VolumeNode node;
        try
        {
            var device = MdArray.Assemble(name, [.. members.Select(one => (one.Node.Name, one.Member))], _findings);
            node = new VolumeNode(name, VolumeKind.MdArray, device, below) { Layout = layout, Uuid = id };
        }
        catch (DiagnosticException e)
        {
            _findings.Add(e.Diagnostic);
            node = new VolumeNode(name, VolumeKind.MdArray, new RefusedVolume(Math.Max(first.UsedBytes, first.DataBytes), e.Diagnostic), below) { Layout = layout, Uuid = id, Problem = e.Diagnostic };
        }

        foreach (var (member, _) in members)
        {
            member.PartOf = name;
        }

        Add(node);
        return true;
    }

    /// <summary>mdadm names an array by what follows the host in its name: a number makes md0, anything else md/name.</summary>
    private static string NameOf(MdMember member)
    {
        var name = member.ArrayName[(member.ArrayName.LastIndexOf(':') + 1)..];
        return name.Length == 0 ? "md127" : name.Length < 5 && name.All(char.IsAsciiDigit) ? "md" + name : "md/" + name;
    }
}
