using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>What this code does not write, though it reads it.</summary>
internal static class BtrfsWritability
{
    private const ulong KnownReadOnlyFlags = 0xF; // free-space-tree, its validity, verity, block-group-tree
    private const ulong UsualFlags = 3; // WRITTEN, and RELOC, which mkfs sets
    private const ulong ErrorFlag = 4;
    private const ulong SeedingFlag = 1UL << 32;

    /// <summary>Why a file system cannot be written, with the way out; null when it can.</summary>
    public static string? FindObstacle(BtrfsVolume volume, BtrfsRoots roots)
    {
        var superblock = volume.Superblock;
        if ((superblock.ReadOnlyFlags & ~KnownReadOnlyFlags) is not 0 and var unknown)
        {
            return $"it has features that this version does not write (compat_ro 0x{unknown:x}); edit the guest before it is exported";
        }

        if (superblock.HasBlockGroupTree)
        {
            return "its block groups stand in a tree of their own (block-group-tree); 'btrfstune --convert-from-block-group-tree' on the unmounted file system turns that back, or edit it with a libguestfs on a host with Linux 6.1 or newer";
        }

        if (!superblock.HasBackReferences)
        {
            return "it was made before Linux 2.6.31 and has never been converted (mixed-backref); mount it once with a newer kernel";
        }

        if ((superblock.Flags & ~UsualFlags) is not 0 and var flags)
        {
            return (flags & SeedingFlag) != 0 ? "it is a seed device, which is never written; 'btrfstune -S 0' makes it writable"
                : (flags & ErrorFlag) != 0 ? "the kernel noted an error in it; run 'btrfs check' and mount it in the guest first"
                : $"an offline change of it was not finished (superblock flags 0x{flags:x}); finish it with btrfstune";
        }

        if (volume.Chunks.Select(chunk => chunk.Profile & (BtrfsProfile.Raid5 | BtrfsProfile.Raid6)).FirstOrDefault(profile => profile != 0) is not 0 and var parity)
        {
            return $"it has chunks of {parity}, whose parity this version does not write; 'btrfs balance start -dconvert=raid1 -mconvert=raid1' in the guest turns them into what it does, or a libguestfs on the host edits it";
        }

        if ((ulong)volume.Devices.Count != superblock.DeviceCount)
        {
            var missing = volume.Chunks.SelectMany(chunk => chunk.Stripes).Select(stripe => stripe.DeviceId).Where(id => !volume.Devices.ContainsKey(id)).Distinct().Order().Select(id => $"device {id}").ToList();
            return $"{volume.Devices.Count} of its {superblock.DeviceCount} devices are there, and all must be written (missing: {(missing.Count > 0 ? string.Join(", ", missing) : "one that holds nothing")}); give all disks of the machine";
        }

        if (volume.Devices.Values.Select(device => BtrfsSuperblock.Read(device).Generation).Any(generation => generation != superblock.Generation || generation > long.MaxValue))
        {
            // A device that was away would be taken for one that has everything.
            return "its devices are not of the same generation; mount it in the guest with all of them and run 'btrfs scrub'";
        }

        if (volume.Devices.Values.Any(device => !device.CanWrite))
        {
            return "a device of it cannot be written";
        }

        return FindUnfinished(volume, roots);
    }

    private static string? FindUnfinished(BtrfsVolume volume, BtrfsRoots roots)
    {
        const int started = 1;
        const int suspended = 4;
        if (roots.Find(BtrfsRoots.RelocationTree) is not null)
        {
            return "a balance was interrupted in it; let it finish in the guest ('btrfs balance resume') or cancel it";
        }

        if (roots.Find(BtrfsRoots.ExtentTree) is null || roots.Find(BtrfsRoots.ChecksumTree) is null || roots.Find(BtrfsRoots.DeviceTree) is not { } devices)
        {
            return "a tree that it needs is missing; run 'btrfs check'";
        }

        // struct btrfs_dev_replace_item: four numbers of 64 bits, then the state.
        return devices.Open(volume).Get(new BtrfsKey(0, BtrfsKey.DevReplace, 0)) is { Data.Length: >= 40 } replace
            && BinaryPrimitives.ReadUInt64LittleEndian(replace.Data.Span[32..]) is started or suspended
            ? "a device of it is being replaced; let 'btrfs replace' finish in the guest or cancel it"
            : null;
    }
}
