using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>One point of the feature matrix: how mkfs.btrfs makes it.</summary>
internal sealed record BtrfsProfile(string Name, string Mkfs, int Mebibytes) : ModelledProfile(Name, 4096)
{
    public int Devices { get; init; } = 1;

    /// <summary>Options of the mount in which the kernel makes the subvolume, and its snapshots.</summary>
    public string MountOptions { get; init; } = "";

    /// <summary>Whether the kernel makes a snapshot after each batch, whose content must last.</summary>
    public bool HasSnapshots { get; init; }

    /// <summary>Further commands in the top level, before the operations.</summary>
    public string Setup { get; init; } = "true";

    public static IReadOnlyList<BtrfsProfile> All { get; } =
    [
        new("today", "", 256),
        new("snapshots", "", 320) { HasSnapshots = true },
        new("snapshots-4k", "-n 4096 -s 4096 -O ^no-holes -R ^free-space-tree", 256) { HasSnapshots = true },
        new("quota", "-n 8192", 256) { HasSnapshots = true, Setup = "btrfs quota enable ." },
        new("xxhash-dup", "--csum xxhash -d dup -m dup", 320) { HasSnapshots = true },
        new("sha256-no-skinny", "--csum sha256 -n 4096 -O ^skinny-metadata,^no-holes", 256) { HasSnapshots = true },
        new("blake2-64k", "--csum blake2 -n 65536", 320),
        new("32k-space-cache", "-n 32768 -R ^free-space-tree", 320) { HasSnapshots = true, MountOptions = "space_cache=v1" },
        new("mixed", "--mixed -n 4096 -s 4096", 128) { HasSnapshots = true },
        new("mixed-full", "--mixed -n 4096 -s 4096", 24) { BecomesFull = true },
        new("single", "-d single -m single -O ^no-holes", 256),
        new("compressed", "", 256) { HasSnapshots = true, MountOptions = "compress-force=zstd" },
        new("nodatacow", "", 256) { HasSnapshots = true, Setup = "chattr +C @" },
        new("raid1", "-d raid1 -m raid1", 200) { Devices = 2, HasSnapshots = true },
        new("raid0", "-d raid0 -m raid0", 200) { Devices = 3 },
        new("raid10", "-d raid10 -m raid10", 200) { Devices = 4, HasSnapshots = true },
        new("raid1c3", "-d raid1c3 -m raid1c4", 200) { Devices = 4 },
    ];

    public override int Batches => 2;

    public override ImageUnderTest Make(ScratchDirectory scratch) => new BtrfsUnderTest(this, scratch);

    public override string ToString() => Name;
}
