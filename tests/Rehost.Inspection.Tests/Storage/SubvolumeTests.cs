using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Inspection.Tests.Storage;

/// <summary>Guests on Btrfs: with all their subvolumes and snapshots, and on all their devices, they are one system.</summary>
public sealed class SubvolumeTests
{
    /// <summary>One for each test and run: mkfs.btrfs and the kernel know no two file systems of one id, be it another run's.</summary>
    private readonly string _uuid = Guid.NewGuid().ToString();

    [Fact]
    public void A_layout_of_at_and_home_over_two_devices_with_snapshots_beside_it() // X.5
    {
        using var guest = Guest($"UUID={_uuid} / btrfs defaults,subvol=@ 0 1\nUUID={_uuid} /home btrfs subvol=/@home 0 2\nUUID={_uuid} /old btrfs subvolid=999 0 0\n");
        guest.File("/boot/grub/grub.cfg", $"set default=0\nmenuentry 'Ubuntu' {{\n linux /@/boot/vmlinuz-6.1.0 root=UUID={_uuid} ro rootflags=subvol=@ console=hvc0\n}}\n").Folder("/home").Folder("/old");

        // A writable snapshot holds the same system, and its fstab says that it is another one.
        var disks = guest.MakeBtrfs("ubuntu", 2, $"-U {_uuid} -d raid1 -m raid1", """
            btrfs -q subvolume create @; btrfs -q subvolume create @home
            cp -a "$TREE"/. @; mkdir @home/user; echo mine > @home/user/file
            mkdir -p timeshift/1; btrfs -q subvolume snapshot @ timeshift/1/@; echo old > timeshift/1/@/etc/hostname
            """);
        using var inspected = guest.Inspect(("xvda", disks[0]), ("xvdb", disks[1]));
        var facts = inspected.Facts;
        Assert.Equal(("xvda", "@", "/"), (facts.Volumes[0].DeviceName, facts.Volumes[0].Subvolume, facts.Volumes[0].MountPath));
        Assert.Equal(("on xvda, xvdb", "xvda"), (facts.Volumes[0].Layout, facts.Volumes[1].PartOf));
        Assert.Equal("new\n", inspected.Storage.Tree.ReadText("/etc/hostname", 100));
        Assert.Equal("mine\n", inspected.Storage.Tree.ReadText("/home/user/file", 100));
        Assert.Equal(["/", "/home"], inspected.Storage.Tree.Mounts.Select(mount => mount.Path));
        Assert.Contains(facts.Findings, finding => finding.Where == "/etc/fstab, line 3" && finding.Message.Contains("subvolid=999", StringComparison.Ordinal));
        Assert.Equal("6.1.0", Assert.Single(facts.Kernels).Version);
        var entry = Assert.Single(Assert.Single(facts.BootConfigurations).Entries);
        Assert.Equal("6.1.0", entry.KernelVersion);
        Assert.Contains("rootflags=subvol=@", entry.Arguments, StringComparison.Ordinal);

        // Both devices say what is free on them: with all of it overwritten, btrfs still finds every checksum right.
        foreach (var (device, path) in guest.Devices.Zip(disks))
        {
            var free = inspected.Storage.GetFreeRanges(device);
            Assert.True(free.Sum(range => range.Length) > 40 << 20);
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            foreach (var range in free)
            {
                file.Position = range.Offset;
                file.Write(new byte[range.Length]);
            }
        }

        Tool.MustRun("bash", "-c", $"set -e; a=$(losetup -f --show {disks[0]}); b=$(losetup -f --show {disks[1]}); trap 'losetup -d $a; losetup -d $b' EXIT; btrfs device scan $a >/dev/null; btrfs device scan $b >/dev/null; btrfs check --readonly --check-data-csum $a");
    }

    [Fact]
    public void A_layout_of_snapper_is_one_system()
    {
        using var guest = Guest($"UUID={_uuid} / btrfs defaults 0 0\nUUID={_uuid} /home btrfs subvol=/@/home 0 0\nUUID={_uuid} /.snapshots btrfs subvol=/@/.snapshots 0 0\n").Folder("/home").Folder("/.snapshots");
        guest.File("/boot/grub2/grub.cfg", $"menuentry 'openSUSE' {{\n linux /boot/vmlinuz-6.1.0 root=UUID={_uuid} splash\n}}\nmenuentry 'from the top' {{\n linux /@/.snapshots/3/snapshot/boot/vmlinuz-6.1.0 root=UUID={_uuid}\n}}\n");
        var disk = guest.MakeBtrfs("suse", 1, $"-U {_uuid}", """
            btrfs -q subvolume create @; btrfs -q subvolume create @/home; btrfs -q subvolume create @/.snapshots
            mkdir @/.snapshots/1 @/.snapshots/2 @/.snapshots/3; echo mine > @/home/file
            btrfs -q subvolume create @/.snapshots/1/snapshot; cp -a "$TREE"/. @/.snapshots/1/snapshot
            btrfs -q subvolume snapshot -r @/.snapshots/1/snapshot @/.snapshots/2/snapshot
            btrfs -q subvolume snapshot @/.snapshots/1/snapshot @/.snapshots/3/snapshot; echo newer > @/.snapshots/3/snapshot/etc/hostname
            btrfs subvolume set-default $(btrfs subvolume list . | awk '$NF == "@/.snapshots/3/snapshot" { print $2 }') .
            """);
        using var inspected = guest.Inspect(("xvda", disk[0]));
        Assert.Equal("@/.snapshots/3/snapshot", Assert.Single(inspected.Facts.Volumes).Subvolume);
        Assert.Equal("newer\n", inspected.Storage.Tree.ReadText("/etc/hostname", 100));
        Assert.Equal("mine\n", inspected.Storage.Tree.ReadText("/home/file", 100));
        Assert.Equal("new\n", inspected.Storage.Tree.ReadText("/.snapshots/2/snapshot/etc/hostname", 100));
        Assert.Equal(["/", "/home", "/.snapshots"], inspected.Storage.Tree.Mounts.Select(mount => mount.Path));

        // Both names, SUSE's own and from the top of the file system, are of one kernel, although the second leads there through /.snapshots as well.
        Assert.Equal("/boot/vmlinuz-6.1.0", Assert.Single(inspected.Facts.Kernels).ImagePath);
        Assert.All(Assert.Single(inspected.Facts.BootConfigurations).Entries, entry => Assert.Equal("6.1.0", entry.KernelVersion));

        // What the toolstack tells the kernel overrules the default.
        using var told = guest.Inspect("root=/dev/xvda rootflags=subvol=@/.snapshots/1/snapshot", ("xvda", disk[0]));
        Assert.Equal("new\n", told.Storage.Tree.ReadText("/etc/hostname", 100));
    }

    [Fact]
    public void Two_systems_in_one_file_system_are_not_guessed_between()
    {
        using var guest = Guest("");
        var disk = guest.MakeBtrfs("two", 1, $"-U {_uuid}", """
            for system in debian fedora; do
                btrfs -q subvolume create $system; cp -a "$TREE"/. $system; echo "UUID=<id> / btrfs subvol=$system 0 1" > $system/etc/fstab
            done
            """.Replace("<id>", _uuid, StringComparison.Ordinal));
        var error = Assert.Throws<DiagnosticException>(() => guest.Inspect(("xvda", disk[0]))).Diagnostic;
        Assert.Equal("INS003", error.Id);
        Assert.Contains("debian, fedora", error.Message, StringComparison.Ordinal);
        using var told = guest.Inspect("root=/dev/xvda rootflags=subvol=fedora", ("xvda", disk[0]));
        Assert.Equal("fedora", Assert.Single(told.Facts.Volumes).Subvolume);
    }

    private static GuestImage Guest(string fstab)
        => new GuestImage().File("/etc/fstab", fstab).File("/etc/hostname", "new\n").File("/etc/debian_version", "12.1\n").File("/bin/sh", GuestImage.Elf64).File("/boot/vmlinuz-6.1.0", GuestImage.Kernel("6.1.0"));
}
