using System.Text;
using Rehost.Fuzz.Engine;
using Rehost.Inspection.Tests;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;

namespace Rehost.Fuzz.Seeds;

/// <summary>Configuration files as distributions write them, alone and as a guest: "=== path" before the content of each.</summary>
internal static class GuestSeeds
{
    private const string Mark = "=== ";
    private const int MostFiles = 60;

    /// <summary>The files, in Samples beside the assembly: one text in which each file begins with a line "=== path".</summary>
    public static IReadOnlyList<(string Path, string Text)> Files { get; } = [.. Split(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Samples", "linux-files.txt")))];

    /// <summary>Guests of several families.</summary>
    public static IEnumerable<FuzzSeed> Linux
    {
        get
        {
            foreach (var (name, wanted) in ((string, string[])[])
                [
                    ("Debian", ["/etc/fstab", "/etc/os-release", "/boot/grub/grub.cfg", "/etc/network/interfaces", "/etc/inittab", "/etc/securetty", "/etc/default/grub", "/etc/crypttab", "/etc/initramfs-tools", "/etc/modules", "/etc/mdadm", "/lib/modules", "/etc/udev", "/etc/machine-id"]),
                    ("Red Hat", ["/etc/fstab", "/etc/redhat-release", "/boot/grub/menu.lst", "/boot/grub2", "/boot/loader", "/etc/sysconfig", "/etc/modprobe", "/etc/dracut", "/etc/selinux", "/etc/securetty", "/lib/modules", "/boot/grub/device.map", "/etc/init/", "/etc/event.d"]),
                    ("others", ["/etc/fstab", "/etc/os-release", "/etc/SuSE", "/etc/netplan", "/etc/systemd", "/etc/NetworkManager", "/boot/extlinux", "/etc/lilo.conf", "/etc/conf.d", "/etc/netctl", "/etc/rc.conf", "/etc/X11", "/etc/cloud", "/etc/mkinitcpio", "/etc/kernel", "/lib/modules"]),
                    ("everything", ["/"]),
                ])
            {
                yield return FuzzSeed.Of(name, string.Concat(Files.Where(file => wanted.Any(prefix => file.Path.StartsWith(prefix, StringComparison.Ordinal))).Select(file => $"{Mark}{file.Path}\n{file.Text}")));
            }
        }
    }

    /// <summary>Disks with a guest of all the files: in a file system alone, and in a partition.</summary>
    public static IEnumerable<FuzzSeed> Disks(SeedRoom room)
    {
        void Put(string path, byte[] content)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(room["tree" + path]) ?? "");
            File.WriteAllBytes(room["tree" + path], content);
        }

        foreach (var (path, text) in Files.Where(file => file.Path is not ("/etc/crypttab" or "/etc/sysconfig/network")))
        {
            Put(path, GuestText.Encode(text));
        }

        Put("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n"u8.ToArray());
        Put("/bin/sh", GuestImage.Elf64);
        Put("/boot/vmlinuz-6.1.0-50-amd64", GuestImage.Kernel("6.1.0-50-amd64"));
        Put("/boot/initrd.img-6.1.0-50-amd64", GuestImage.Initramfs(("init", "#!/bin/sh\n"), ("lib/modules/6.1.0-50-amd64/virtio_blk.ko", "x")));
        yield return room.Make("partition", "truncate -s 10M out; printf 'label: dos\nstart=2048,type=83,bootable\n' | sfdisk -q out; mke2fs -q -F -t ext4 -b 1024 -O ^metadata_csum,^64bit -E offset=1048576,root_owner=0:0 -d tree out 8M 2> /dev/null");
        yield return room.Make("whole disk", "mke2fs -q -F -t ext3 -b 1024 -J size=1 -E root_owner=0:0 -d tree out 8M");
    }

    /// <summary>Whether a sample is of the kind that a parser reads, by the name of the file.</summary>
    public static bool IsLike(string path, string wanted)
        => path == wanted || (Path.GetDirectoryName(path) == Path.GetDirectoryName(wanted) && Path.GetExtension(path) == Path.GetExtension(wanted) && wanted.Split('/')[^1].StartsWith('a'));

    /// <summary>The tree that a text describes, with kernels that can be found.</summary>
    public static MemoryGuest Build(string text)
    {
        var guest = new MemoryGuest();
        guest.File("/bin/sh", GuestImage.Elf64);
        guest.File("/boot/vmlinuz-6.1.0-50-amd64", GuestImage.Kernel("6.1.0-50-amd64"));
        guest.File("/boot/vmlinuz-2.6.18-128.el5xen", GuestImage.Kernel("2.6.18-128.el5xen"));
        foreach (var (path, content) in Split(text).Take(MostFiles))
        {
            try
            {
                guest.File(path, GuestText.Encode(content));
            }
            catch (Exception e) when (e is DiagnosticException or ArgumentException or InvalidOperationException)
            {
                // A name that no file system takes, or a file below a file: the tree of the test says no, not what is tested.
            }
        }

        return guest;
    }

    private static IEnumerable<(string Path, string Text)> Split(string text)
    {
        string? path = null;
        var content = new StringBuilder();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                if (path is not null)
                {
                    yield return (path, content.ToString());
                }

                path = line[Mark.Length..].Trim();
                path = path.StartsWith('/') ? path : "/" + path;
                content.Clear();
            }
            else
            {
                content.Append(line).Append('\n');
            }
        }

        if (path is not null)
        {
            yield return (path, content.ToString());
        }
    }
}
