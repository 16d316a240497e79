using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning;

/// <summary>
/// What a device name in a file of the guest means, and how to say the same on the target. Names bound to a bus (/dev/xvda1) change with the hypervisor;
/// UUIDs do not, because the file system moves as bytes.
/// </summary>
public sealed partial class DeviceNames
{
    private readonly GuestFacts _facts;
    private readonly TargetCapabilities _target;
    private readonly bool _usesTargetNames;
    private readonly List<VolumeFacts> _volumes;

    /// <summary>Names of one guest on one target.</summary>
    public DeviceNames(GuestFacts facts, TargetCapabilities target, bool usesTargetNames = false)
    {
        _usesTargetNames = usesTargetNames;
        _facts = facts;
        _target = target;

        // A BIOS boot partition holds a boot loader; nothing in the guest means it, whatever its number.
        _volumes = [.. facts.Volumes.Where(volume => !facts.Disks.Any(disk => disk.DiskId == volume.DiskId && volume.PartitionNumber > 0 && disk.BiosBootPartitionOffset == volume.Offset))];
    }

    /// <summary>Whether a specification names a device by its bus: /dev/xvda1, /dev/sda, /dev/hda3, /dev/nvme0n1p2, /dev/cciss/c0d0p1, /dev/disk/by-id/… and by-path/….</summary>
    public static bool IsBusName(string specification) => BusName().IsMatch(specification) || NumberedName().IsMatch(specification) || HardwareName().IsMatch(specification);

    /// <summary>The volume that a specification (/dev/xvda1, UUID=…, LABEL=…, PARTUUID=…) means; null when it means none that is there.</summary>
    public VolumeFacts? Resolve(string specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var value = specification.Trim('"');
        if (TryTag(value, "UUID=", out var uuid))
        {
            return _volumes.FirstOrDefault(volume => string.Equals(volume.Uuid, uuid, StringComparison.OrdinalIgnoreCase));
        }

        if (TryTag(value, "LABEL=", out var label))
        {
            return _volumes.FirstOrDefault(volume => volume.Label == label);
        }

        if (TryTag(value, "PARTUUID=", out var partition))
        {
            return _volumes.FirstOrDefault(volume => string.Equals(volume.PartitionUuid, partition, StringComparison.OrdinalIgnoreCase));
        }

        if (BusName().Match(value) is { Success: true } match)
        {
            return ResolveBusName(value["/dev/".Length..], match);
        }

        if (NumberedName().Match(value) is { Success: true } numbered)
        {
            var index = int.Parse(numbered.Groups["disk"].Value, CultureInfo.InvariantCulture);
            return index < _facts.Disks.Length ? OnDisk(_facts.Disks[index].DiskId, Number(numbered)) : null;
        }

        return HardwareName().Match(value) is { Success: true } hardware ? ResolveHardwareName(Number(hardware)) : Assembled(value);
    }

    // /dev/mapper/vg-lv, /dev/vg/lv, /dev/md0: names that stay.
    private VolumeFacts? Assembled(string value)
        => value.StartsWith("/dev/", StringComparison.Ordinal) ? _volumes.FirstOrDefault(volume => !volume.BuiltOn.IsEmpty && "/dev/" + volume.DeviceName == value) : null;

    // The name says which hardware, and that is gone: but it says the partition, and often only one disk has that one.
    private VolumeFacts? ResolveHardwareName(int partition)
    {
        var found = _volumes.Where(volume => volume.BuiltOn.IsEmpty && volume.PartitionNumber == partition).ToList();
        if (found.Count > 1 && Root is { BuiltOn.IsEmpty: true } root)
        {
            found = [.. found.Where(volume => volume.DiskId == root.DiskId)]; // Installers name the disk with the root that way.
        }

        return found.Count == 1 ? found[0] : null;
    }

    private VolumeFacts? OnDisk(string disk, int partition) => _volumes.FirstOrDefault(volume => volume.BuiltOn.IsEmpty && volume.DiskId == disk && volume.PartitionNumber == partition);

    private static int Number(Match match) => match.Groups["partition"].Value is { Length: > 0 } digits ? int.Parse(digits, CultureInfo.InvariantCulture) : 0;

    /// <summary>
    /// How to name a volume on the target so that it holds whatever the bus: by UUID. Falls back to the target's own name where there is no UUID, where a copy has the same (disks
    /// that were cloned, swap made by one image), and where the operator wants those.
    /// </summary>
    public string StableName(VolumeFacts volume) => volume.Uuid is { } uuid && !_usesTargetNames && !HasTwin(volume) ? $"UUID={uuid}" : TargetName(volume);

    /// <summary>Whether the operator wants the target's own names.</summary>
    internal bool UsesTargetNames => _usesTargetNames;

    // The disks of one Btrfs have its UUID each, and mean the same.
    private bool HasTwin(VolumeFacts volume) => volume.Type != "btrfs" && _volumes.Count(other => other.Type == volume.Type && string.Equals(other.Uuid, volume.Uuid, StringComparison.OrdinalIgnoreCase)) > 1;

    /// <summary>The name that a volume's device will have on the target, for kernels that must find their root without an initramfs: /dev/vda1.</summary>
    public string TargetName(VolumeFacts volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        if (!volume.BuiltOn.IsEmpty)
        {
            return "/dev/" + volume.DeviceName; // Arrays, logical and encrypted volumes have names that no bus changes.
        }

        var index = _facts.Disks.ToList().FindIndex(disk => disk.DiskId == volume.DiskId);
        var partition = volume.PartitionNumber;
        if (partition == 0 && _target.Firmware != Firmware.None && IsBootVolume(volume))
        {
            partition = 1; // The layout step puts the boot disk's file system into partition 1.
        }

        var suffix = partition == 0 ? "" : partition.ToString(CultureInfo.InvariantCulture);
        return $"/dev/{TargetDiskName(index)}{suffix}";
    }

    /// <summary>Index of the disk that a name like /dev/sda means, by its letter; null when the guest has no such disk.</summary>
    internal int? DiskIndex(string name) => BusName().Match(name) is { Success: true } match && match.Groups["partition"].Value.Length == 0 && match.Groups["disk"].Value is [var letter] && letter - 'a' < _facts.Disks.Length
        ? letter - 'a' : null;

    /// <summary>The target's name of the disk with an index: 0 is vda.</summary>
    public string TargetDiskName(int index)
    {
        var letters = "";
        for (var rest = index; rest >= 0; rest = (rest / 26) - 1)
        {
            letters = (char)('a' + (rest % 26)) + letters;
        }

        return _target.DiskPrefix + letters;
    }

    /// <summary>The volume mounted at the root directory.</summary>
    public VolumeFacts? Root => _volumes.FirstOrDefault(volume => volume.MountPath == "/");

    /// <summary>The volume whose file system holds a guest path: the one with the longest mount path.</summary>
    public VolumeFacts? Holding(string path) => _volumes
        .Where(volume => volume.MountPath is { } mount && (mount == "/" || path == mount || path.StartsWith(mount + "/", StringComparison.Ordinal)))
        .MaxBy(volume => volume.MountPath?.Length ?? 0);

    private static bool TryTag(string value, string tag, out string content)
    {
        var matches = value.StartsWith(tag, StringComparison.Ordinal);
        var directory = $"/dev/disk/by-{tag[..^1].ToLowerInvariant()}/";
        if (!matches && value.StartsWith(directory, StringComparison.Ordinal))
        {
            content = value[directory.Length..];
            return true;
        }

        content = matches ? value[tag.Length..].Trim('"') : "";
        return matches;
    }

    private VolumeFacts? ResolveBusName(string name, Match match)
    {
        var exact = _volumes.FirstOrDefault(volume => volume.DeviceName == name);
        if (exact is not null)
        {
            return exact;
        }

        // Old Xen guests say sda1 or hda1 for what newer ones call xvda1: the letter and the number are what counts.
        var position = match.Groups["disk"].Value + match.Groups["partition"].Value;
        var alias = _volumes.FirstOrDefault(volume => BusName().Match("/dev/" + volume.DeviceName) is { Success: true } own
            && own.Groups["disk"].Value + own.Groups["partition"].Value == position);
        if (alias is not null)
        {
            return alias;
        }

        // A file system on the whole disk xvda that the guest knows as xvda1, as pygrub guests on logical volumes do.
        return match.Groups["partition"].Value == "1"
            ? _volumes.FirstOrDefault(volume => volume.PartitionNumber == 0 && BusName().Match("/dev/" + volume.DeviceName) is { Success: true } own
                && own.Groups["disk"].Value == match.Groups["disk"].Value && own.Groups["partition"].Value.Length == 0)
            : null;
    }

    private bool IsBootVolume(VolumeFacts volume) => Holding("/boot/grub") is { } boot && boot.DeviceName == volume.DeviceName;

    [GeneratedRegex(@"^/dev/(xvd|sd|hd|vd)(?<disk>[a-z]{1,2})(?<partition>[0-9]{0,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex BusName();

    [GeneratedRegex(@"^/dev/(nvme(?<disk>[0-9]{1,2})n1(p(?<partition>[0-9]{1,3}))?|cciss/c0d(?<disk>[0-9]{1,2})(p(?<partition>[0-9]{1,3}))?)$", RegexOptions.CultureInvariant)]
    private static partial Regex NumberedName();

    // dm-uuid- and dm-name-, md-uuid- and lvm-pv-uuid- name what does not change.
    [GeneratedRegex(@"^/dev/disk/by-(id|path)/(?!dm-|md-|lvm-)\S+?(-part(?<partition>[0-9]{1,3}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex HardwareName();
}
