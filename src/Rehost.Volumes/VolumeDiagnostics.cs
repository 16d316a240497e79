using Rehost.Model;

namespace Rehost.Volumes;

/// <summary>Findings about volumes that are made of other volumes: arrays, logical volumes, encrypted volumes.</summary>
public static class VolumeDiagnostics
{
    /// <summary>A layout or level that Rehost does not read.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("VOL001", Severity.Warning, FaultKind.Guest,
        "A volume of a kind that Rehost does not read", "Its content is copied as it is. If the guest's root is on it, change it to a supported kind in the guest, or convert the machine another way.");

    /// <summary>A device is shorter than the metadata on it says.</summary>
    public static readonly DiagnosticDescriptor TooShort = new("VOL002", Severity.Warning, FaultKind.Source,
        "A volume is larger than what it is made of", "The image is probably truncated: compare its size with the original disk and copy it again if it is shorter.");

    /// <summary>No copy of a byte is there.</summary>
    public static readonly DiagnosticDescriptor NothingReadable = new("VOL003", Severity.Error, FaultKind.Source,
        "A part of a volume is missing", "Add the missing disks to the machine and run the command again.");

    /// <summary>The stack of volumes is deeper or has more parts than is believed.</summary>
    public static readonly DiagnosticDescriptor TooMany = new("VOL004", Severity.Warning, FaultKind.Source,
        "Too many volumes", "The limit is named in the message; the volumes beyond it are left out. A real machine does not come near it, so check the disks.");

    /// <summary>Metadata of a volume is damaged.</summary>
    public static readonly DiagnosticDescriptor Damaged = new("VOL005", Severity.Warning, FaultKind.Source,
        "The metadata of a volume is damaged", "Check the volume in the guest (pvck, vgck, mdadm --examine, cryptsetup luksDump) or copy the image again if it is incomplete.");

    /// <summary>Devices that make one volume are not all there.</summary>
    public static readonly DiagnosticDescriptor Incomplete = new("VOL006", Severity.Warning, FaultKind.Source,
        "A volume is incomplete", "Add the missing disks to the machine; with all of them there it can be read.");

    /// <summary>Members of an array tell different histories.</summary>
    public static readonly DiagnosticDescriptor MembersDisagree = new("VOL007", Severity.Warning, FaultKind.Source,
        "The members of an array disagree", "Start the array in the guest and let it synchronise (cat /proc/mdstat), then copy all its disks at the same time.");

    /// <summary>Two devices claim to be the same part.</summary>
    public static readonly DiagnosticDescriptor Duplicate = new("VOL008", Severity.Warning, FaultKind.Source,
        "Two devices claim to be the same part of a volume", "One of them is a copy: leave it out of the machine, or give it another identity in the guest (vgimportclone).");

    /// <summary>A volume can be read and must not be changed.</summary>
    public static readonly DiagnosticDescriptor ReadOnly = new("VOL009", Severity.Warning, FaultKind.Guest,
        "A volume can be read but not edited", "The message names what is in the way: remove it in the guest before exporting, and the volume can be edited.");

    /// <summary>Windows dynamic disks.</summary>
    public static readonly DiagnosticDescriptor DynamicDisk = new("VOL010", Severity.Warning, FaultKind.Guest,
        "A Windows dynamic disk is not read", "Its content is copied as it is. Convert it to a basic disk in the guest when Windows is to be changed for the target.");

    /// <summary>An LVM1 volume group.</summary>
    public static readonly DiagnosticDescriptor Lvm1 = new("VOL011", Severity.Warning, FaultKind.Guest,
        "A volume group in the format of LVM 1 is not read", "Convert it in the guest with vgconvert -M2 before exporting; LVM 2 has done that since 2003.");

    /// <summary>A volume encrypted by BitLocker.</summary>
    public static readonly DiagnosticDescriptor BitLocker = new("VOL012", Severity.Warning, FaultKind.Guest,
        "A volume is encrypted by BitLocker", "Its content is copied as it is. To have it changed for the target, decrypt it in Windows (manage-bde -off C:) and wait until that is done; keep the recovery key at hand, because the new machine's TPM will not unlock it.");

    /// <summary>A write to a thin volume would need a new block of its pool.</summary>
    public static readonly DiagnosticDescriptor NotAllocated = new("VOL013", Severity.Error, FaultKind.Guest,
        "A thin pool has no room for a write", "Make room in the guest before exporting: remove files or snapshots and run fstrim, or extend the pool (lvextend; --poolmetadatasize for its metadata).");

    /// <summary>A write to the origin of a snapshot would need more room in the snapshot's store than there is.</summary>
    public static readonly DiagnosticDescriptor SnapshotFull = new("VOL014", Severity.Error, FaultKind.Guest,
        "A snapshot has no room for what a write would change", "Remove the snapshot that the message names (lvremove) in the guest before exporting, merge it (lvconvert --merge), or extend it (lvextend).");
}
