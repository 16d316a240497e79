using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.MdRaid;

/// <summary>Puts the members of one array together.</summary>
internal static class MdArray
{
    private const uint OriginalRaid0 = 1;
    private const uint AlternateRaid0 = 2;

    /// <summary>Whether all places are taken by members of the newest state, so that nothing better can come.</summary>
    public static bool IsComplete(IReadOnlyCollection<MdMember> members)
    {
        var newest = members.Max(member => member.Events);
        return members.Where(member => member.Role >= 0 && IsCurrent(member, newest)).Select(member => member.Role).Distinct().Count() >= members.First().RaidDevices;
    }

    /// <summary>Makes the array's device.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="members">Its members, with what to call each.</param>
    /// <param name="findings">Takes what is worth knowing.</param>
    /// <exception cref="DiagnosticException">It cannot be made (VOL001, VOL006, VOL007, VOL008).</exception>
    public static IBlockDevice Assemble(string name, IReadOnlyList<(string Name, MdMember Member)> members, ICollection<Diagnostic> findings)
    {
        var newest = members.Max(one => one.Member.Events);
        var first = members.First(one => one.Member.Events == newest).Member;
        var current = members.Where(one => IsCurrent(one.Member, newest) && first.RoleOf(one.Member) == one.Member.Role).ToList();
        var stale = members.Where(one => !current.Contains(one) && one.Member.Role >= 0).ToList();
        if (current.FirstOrDefault(one => one.Member.Shape != first.Shape) is { Member: not null } other)
        {
            throw VolumeDiagnostics.MembersDisagree.ToException($"{current[0].Name} and {other.Name} describe different arrays", name);
        }

        if (current.Select(one => one.Member.Obstacle).FirstOrDefault(obstacle => obstacle is not null) is { } found)
        {
            throw VolumeDiagnostics.Unsupported.ToException(found, name);
        }

        // Each says that the other was gone: both were used alone, and neither half is the right one.
        if (stale.FirstOrDefault(one => current.Any(other => other.Member.Role >= 0 && one.Member.RoleOf(other.Member) < 0)) is { Member: not null } rival)
        {
            throw VolumeDiagnostics.MembersDisagree.ToException(
                $"{rival.Name} ({rival.Member.Events} events) and {string.Join(", ", current.Select(one => one.Name))} ({newest} events) each went on without the other; leave the one that is out of date out of the machine", name);
        }

        if (stale.Count > 0)
        {
            findings.Add(VolumeDiagnostics.MembersDisagree.Create(
                $"{string.Join(", ", stale.Select(one => $"{one.Name} ({one.Member.Events} events)"))} {(stale.Count == 1 ? "is" : "are")} behind {string.Join(", ", current.Select(one => one.Name))} ({newest} events) and not used", name));
        }

        var places = Place(name, current);
        var missing = Enumerable.Range(0, places.Length).Where(place => places[place] is null).ToList();
        if (missing.Count > 0 && first.Level != 1 && first.Level != 10)
        {
            throw VolumeDiagnostics.Incomplete.ToException($"RAID {LevelName(first.Level)} of {places.Length} devices lacks number {string.Join(", ", missing)}", name);
        }

        if (missing.Count > 0)
        {
            findings.Add(VolumeDiagnostics.Incomplete.Create($"RAID {LevelName(first.Level)} of {places.Length} devices lacks number {string.Join(", ", missing)}; what is there is read", name));
        }

        var device = Make(name, first, places);

        // A member that comes back is filled by the map of changed regions alone: what is written here would be missing on it.
        return stale.Count > 0
            ? new ReadOnlyVolume(device, VolumeDiagnostics.ReadOnly.Create($"{string.Join(", ", stale.Select(one => one.Name))} would not get the change when it is added again", name))
            : device;
    }

    /// <summary>How a level is called.</summary>
    public static string LevelName(int level) => level switch
    {
        -1 => "linear",
        -4 => "multipath",
        -5 => "faulty",
        _ => level.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>The kernel, too, takes a member that is one event behind: the count goes up and down when an array turns active and clean.</summary>
    private static bool IsCurrent(MdMember member, ulong newest) => member.Events >= newest - Math.Min(newest, 1);

    private static MdMember?[] Place(string name, IEnumerable<(string Name, MdMember Member)> members)
    {
        MdMember?[] places = [];
        foreach (var (memberName, member) in members)
        {
            places = places.Length == 0 ? new MdMember?[member.RaidDevices] : places;
            if (member.Role < 0)
            {
                continue;
            }

            if (places[member.Role] is not null)
            {
                throw VolumeDiagnostics.Duplicate.ToException($"{memberName} is number {member.Role}, and so is another device", name);
            }

            places[member.Role] = member;
        }

        return places;
    }

    private static IBlockDevice Make(string name, MdMember first, MdMember?[] places)
    {
        switch (first.Level)
        {
            case -1:
                return new LinearVolume(name, [.. All(places).Select(member => new VolumePart(member.Device, member.DataOffset, RoundDown(SizeOf(member), first.ChunkBytes)))]);
            case 0:
                return MakeStripes(name, first, All(places));
            case 1:
                return MakeMirror(name, first, places);
            case 10:
                return MakeRaid10(name, first, places);
            case 4 or 5 or 6:
                var members = All(places);
                if (members.FirstOrDefault(member => !member.IsWhole) is { } filling)
                {
                    throw VolumeDiagnostics.MembersDisagree.ToException($"number {filling.Role} is still being filled", name);
                }

                var layout = first.Level == 4 ? ParityLayout.ParityLast : (ParityLayout)Math.Min(first.Layout, 1000);
                return new ParityVolume(name, [.. members.Select(member => Data(name, member, Used(first)))], Chunk(name, first), RoundDown(Used(first), Chunk(name, first)), layout, first.Level == 6);
            default:
                throw VolumeDiagnostics.Unsupported.ToException($"RAID level {LevelName(first.Level)}", name);
        }
    }

    private static MirroredVolume MakeMirror(string name, MdMember first, MdMember?[] places)
    {
        var legs = places.OfType<MdMember>().Select(member => new MirrorLeg(Data(name, member, Used(first)), member.IsWhole)).ToImmutableArray();
        return legs.Any(leg => leg.IsWhole)
            ? new MirroredVolume(name, legs, Used(first))
            : throw VolumeDiagnostics.Incomplete.ToException("no member that holds everything is there", name);
    }

    private static Raid10Volume MakeRaid10(string name, MdMember first, MdMember?[] places)
    {
        var layout = Raid10Layout.Parse(first.Layout, places.Length)
            ?? throw VolumeDiagnostics.Unsupported.ToException($"RAID 10 with layout {first.Layout:x} on {places.Length} devices", name);
        if (places.OfType<MdMember>().FirstOrDefault(member => !member.IsWhole) is { } filling)
        {
            throw VolumeDiagnostics.MembersDisagree.ToException($"number {filling.Role} is still being filled", name);
        }

        ImmutableArray<IBlockDevice?> legs = [.. places.Select(member => member is null ? null : Data(name, member, Used(first)))];
        return new Raid10Volume(name, legs, Chunk(name, first), Used(first), layout);
    }

    /// <summary>RAID 0 over devices of different sizes has zones: where the smaller ones end, the rest go on alone (drivers/md/raid0.c, create_strip_zones).</summary>
    private static IBlockDevice MakeStripes(string name, MdMember first, IReadOnlyList<MdMember> members)
    {
        var chunk = Chunk(name, first);
        var sizes = members.Select(member => RoundDown(SizeOf(member), chunk)).ToList();
        var steps = sizes.Distinct().Where(size => size > 0).Order().ToList();
        if (steps.Count > 1 && first.Layout is not (OriginalRaid0 or AlternateRaid0))
        {
            throw VolumeDiagnostics.Unsupported.ToException("RAID 0 over devices of different sizes does not say in which of two ways its end is laid out (see raid0.default_layout in the kernel)", name);
        }

        var zones = new List<VolumePart>();
        var start = 0L;
        var chunksBefore = 0L;
        foreach (var step in steps)
        {
            ImmutableArray<IBlockDevice> legs = [.. members.Where((_, index) => sizes[index] >= step)
                .Select(member => new LinearVolume(name, member.Device, member.DataOffset + start, step - start))];
            var length = (step - start) * legs.Length;
            zones.Add(new VolumePart(new StripedVolume(name, legs, chunk, length, first.Layout == OriginalRaid0 ? chunksBefore : 0), 0, length));
            chunksBefore += length / chunk;
            start = step;
        }

        return zones.Count == 1 ? zones[0].Device : new LinearVolume(name, zones);
    }

    private static List<MdMember> All(MdMember?[] places) => [.. places.OfType<MdMember>()];

    private static LinearVolume Data(string name, MdMember member, long length) => new(name, member.Device, member.DataOffset, length);

    private static long Used(MdMember member) => member.UsedBytes > 0 ? member.UsedBytes : member.DataBytes;

    /// <summary>What a device of a level without copies gives: all that it has, with 0.90 up to the superblock.</summary>
    private static long SizeOf(MdMember member) => member.DataBytes;

    private static long Chunk(string name, MdMember member)
        => member.ChunkBytes >= 512 && member.ChunkBytes % 512 == 0 ? member.ChunkBytes : throw VolumeDiagnostics.Damaged.ToException($"chunks of {member.ChunkBytes} bytes", name);

    private static long RoundDown(long value, long unit) => unit > 0 ? value / unit * unit : value;
}
