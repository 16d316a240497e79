using Rehost.Inspection.Linux;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>
/// Finds the volume that a device specification of the guest means. Xen's names are ambiguous by history: the same disk was sda1 for a kernel of 2006 and is xvda1
/// today, and a disk configured as xvda1 has no disk xvda around it.
/// </summary>
internal sealed class VolumeResolver(VirtualMachine machine, IReadOnlyList<GuestVolume> volumes)
{
    private static readonly string[] Tags = ["UUID", "LABEL", "PARTUUID", "PARTLABEL"];

    private readonly Dictionary<string, GuestVolume> _mappings = new(StringComparer.Ordinal);

    /// <summary>Whether a specification is a tag as blkid knows them: UUID=…, LABEL=….</summary>
    public static bool IsTag(string specification) => Tags.Any(tag => specification.StartsWith(tag + "=", StringComparison.Ordinal));

    /// <summary>The volume; null when none is meant that is here.</summary>
    public GuestVolume? Resolve(string specification) => Resolve(specification, out _);

    /// <summary>The volume; null when none is meant that is here.</summary>
    /// <param name="specification">/dev/xvda1, UUID=…, LABEL=…, /dev/disk/by-uuid/….</param>
    /// <param name="evidence">Why, when the name alone does not say it; null when it does.</param>
    public GuestVolume? Resolve(string specification, out string? evidence)
    {
        evidence = null;
        var equals = specification.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && IsTag(specification))
        {
            return ByTag(specification[..equals], specification[(equals + 1)..].Trim('"', '\''));
        }

        if (!specification.StartsWith("/dev/", StringComparison.Ordinal))
        {
            return null;
        }

        var name = specification["/dev/".Length..];
        foreach (var (folder, tag) in ((string, string)[])[("disk/by-uuid/", "UUID"), ("disk/by-label/", "LABEL"), ("disk/by-partuuid/", "PARTUUID"), ("disk/by-partlabel/", "PARTLABEL")])
        {
            if (name.StartsWith(folder, StringComparison.Ordinal))
            {
                return ByTag(tag, UnescapeUdev(name[folder.Length..]));
            }
        }

        return volumes.FirstOrDefault(volume => volume.Name == name) ?? _mappings.GetValueOrDefault(name) ?? ByVolumeName(name) ?? ByHardwareName(name, out evidence) ?? ByEquivalentName(name, out evidence);
    }

    /// <summary>
    /// Names by hardware that is gone with the old machine, as SUSE's installer writes them (disk/by-id/scsi-3600…-part2, disk/by-path/…-part2): they say the partition, and where only one disk
    /// has a partition of that number, the volume.
    /// </summary>
    private GuestVolume? ByHardwareName(string name, out string? evidence)
    {
        const string part = "-part";
        evidence = null;
        var dash = name.LastIndexOf(part, StringComparison.Ordinal);
        if (!(name.StartsWith("disk/by-id/", StringComparison.Ordinal) || name.StartsWith("disk/by-path/", StringComparison.Ordinal)) || name.StartsWith("disk/by-id/dm-", StringComparison.Ordinal) || dash < 0
            || !int.TryParse(name.AsSpan(dash + part.Length), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        var found = volumes.Where(volume => volume.Facts is { Kind: VolumeKind.Partition, BuiltOn.IsEmpty: true } && volume.Facts.PartitionNumber == number).ToList();
        if (found.Count != 1)
        {
            return null;
        }

        evidence = $"/dev/{name} was taken for {found[0].Name}: no other disk has a partition {number}";
        return found[0];
    }

    /// <summary>Learns the guest's own names of its encrypted volumes (crypttab(5)): known only once its root is.</summary>
    public void LearnMappings(string crypttab)
    {
        foreach (var fields in GuestLines.Effective(crypttab).Select(line => GuestLines.Words(line.Text)).Where(fields => fields.Length >= 2).Take(1024))
        {
            if (Resolve(fields[1]) is { Facts.PartOf: { } inside } && volumes.FirstOrDefault(volume => volume.Name == inside) is { Facts.Kind: VolumeKind.EncryptedVolume } volume)
            {
                _mappings.TryAdd("mapper/" + fields[0], volume);
            }
        }
    }

    private GuestVolume? ByTag(string tag, string value) => value.Length == 0 ? null : tag switch
    {
        "UUID" => volumes.FirstOrDefault(volume => string.Equals(volume.Facts.Uuid, value, StringComparison.OrdinalIgnoreCase)),
        "LABEL" => volumes.FirstOrDefault(volume => volume.Facts.Label == value),
        "PARTUUID" => volumes.FirstOrDefault(volume => string.Equals(volume.Facts.PartitionUuid, value, StringComparison.OrdinalIgnoreCase)),
        _ => volumes.FirstOrDefault(volume => volume.PartitionLabel == value),
    };

    /// <summary>Names of volumes that are put together: /dev/group/volume beside /dev/mapper/group-volume, /dev/disk/by-id/md-uuid-… beside /dev/md0.</summary>
    private GuestVolume? ByVolumeName(string name)
    {
        const string byLvmId = "disk/by-id/dm-uuid-LVM-";
        const string byArrayId = "disk/by-id/md-uuid-";
        if (name.StartsWith(byArrayId, StringComparison.Ordinal))
        {
            return volumes.FirstOrDefault(volume => volume.Facts.Kind == VolumeKind.MdArray && volume.Node?.Uuid == name[byArrayId.Length..]);
        }

        if (name.StartsWith(byLvmId, StringComparison.Ordinal))
        {
            // The group's id and the volume's, without hyphens.
            var ids = name[byLvmId.Length..];
            return volumes.FirstOrDefault(volume => volume.Node is { LogicalName: not null, Uuid: { } uuid } && ids.EndsWith(uuid.Replace("-", "", StringComparison.Ordinal), StringComparison.Ordinal));
        }

        return volumes.FirstOrDefault(volume => volume.Node?.LogicalName is { } logical && name == $"{logical.Group}/{logical.Volume}");
    }

    private GuestVolume? ByEquivalentName(string name, out string? evidence)
    {
        evidence = null;
        if (DeviceName.Parse(name) is not { } wanted)
        {
            return null;
        }

        // Another driver's name for the same letter: /dev/sda1 of an old kernel for the disk that Xen calls xvda1.
        var parsed = volumes.Select(volume => (Volume: volume, Name: DeviceName.Parse(volume.Name))).ToList();
        if (parsed.FirstOrDefault(item => item.Name is { } other && other.Letters == wanted.Letters && other.Number == wanted.Number).Volume is { } alias)
        {
            evidence = $"/dev/{name} was taken for {alias.Name}: the same disk under another driver's name";
            return alias;
        }

        // A whole disk xvda whose guest says xvda1, as toolstacks differ in how they name a disk without partitions.
        if (wanted.Number == 1
            && parsed.FirstOrDefault(item => item.Name is { Number: 0 } other && other.Letters == wanted.Letters && item.Volume.Facts.PartitionNumber == 0).Volume is { } whole)
        {
            evidence = $"/dev/{name} was taken for {whole.Name}, which has no partition table";
            return whole;
        }

        return ByPosition(wanted, out evidence);
    }

    /// <summary>By the position of the disk, when no disk of the machine has that letter: hda in the guest, and the image came without a name.</summary>
    private GuestVolume? ByPosition(DeviceName wanted, out string? evidence)
    {
        evidence = null;
        if (machine.Disks.Any(disk => DeviceName.Parse(disk.DeviceName) is { } other && other.Letters == wanted.Letters) || wanted.DiskIndex >= machine.Disks.Length)
        {
            return null;
        }

        var disk = machine.Disks[wanted.DiskIndex];
        var found = volumes.FirstOrDefault(volume => volume.Facts.DiskId == disk.Id && volume.Facts.PartitionNumber == wanted.Number)
            ?? (wanted.Number == 1 ? volumes.FirstOrDefault(volume => volume.Facts.DiskId == disk.Id && volume.Facts.PartitionNumber == 0) : null);
        evidence = found is null ? null : $"/dev/{wanted.Driver}{wanted.Letters}{(wanted.Number == 0 ? "" : wanted.Number)} was taken for {found.Name} by the order of the disks";
        return found;
    }

    /// <summary>udev writes what it does not like in a file name as \x20.</summary>
    private static string UnescapeUdev(string name)
    {
        var text = new System.Text.StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] == '\\' && i + 3 < name.Length && name[i + 1] == 'x' && char.IsAsciiHexDigit(name[i + 2]) && char.IsAsciiHexDigit(name[i + 3]))
            {
                text.Append((char)Convert.FromHexString(name.AsSpan(i + 2, 2))[0]);
                i += 3;
            }
            else
            {
                text.Append(name[i]);
            }
        }

        return text.ToString();
    }
}
