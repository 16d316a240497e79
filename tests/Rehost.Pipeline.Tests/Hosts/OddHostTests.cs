using System.Globalization;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Hostile;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hosts;

/// <summary>Hosts that are not as a developer's: read-only sources, no home, no /tmp, memory as a disk, no holes, small files only, sectors of 4096 bytes. What mounts needs root.</summary>
public sealed class OddHostTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF;
    private readonly ScratchDirectory _scratch = new();

    /// <summary>As an ordinary user: root would be let through by any mode.</summary>
    [Fact]
    public void A_source_on_a_read_only_file_system_is_enough_with_no_home_and_no_temporary_directory()
    {
        var root = MakeGuest();
        Directory.CreateDirectory(_scratch["ro"]);
        Directory.CreateDirectory(_scratch["rw"]);
        File.SetUnixFileMode(_scratch["rw"], Everybody);
        File.SetUnixFileMode(_scratch.Path, Everybody);
        Directory.CreateDirectory(_scratch["source"]);
        Tool.MustRun("cp", "--sparse=always", root, _scratch["source/root.img"]);
        Tool.MustRun("cp", root, _scratch["source/old.img"]);
        Tool.MustRun("chmod", "-R", "a+rX", _scratch["source"]);
        using (new Mounted(_scratch["source"], _scratch["ro"], "--bind", "-o", "ro"))
        {
            string[] nobody = ["env", "-i", "PATH=/usr/bin:/bin", $"TMPDIR={_scratch["rw"]}", .. Unprivileged()];
            CommandLine.MustRunIn(nobody, "inspect", _scratch["ro/root.img"]);
            CommandLine.MustRunIn(nobody, "convert", _scratch["ro/root.img"], "--device-name", "xvda1", "--to", "kvm", "--output", _scratch["rw/out"]);
            CommandLine.MustRunIn(nobody, "verify", _scratch["rw/out"]);
            CommandLine.MustRunIn(nobody, "files", "diff", _scratch["ro/root.img"], _scratch["ro/old.img"]);
            CommandLine.MustRunIn(nobody, "image", "convert", _scratch["ro/root.img"], _scratch["rw/copy.qcow2"]);
        }

        // Where nothing can be written at all, it is said where and what to do.
        var refused = Tool.Run("env", ["-i", "PATH=/usr/bin:/bin", "TMPDIR=/proc/nowhere", CommandLine.Program, "inspect", root]);
        Assert.True(refused.ExitCode is 0 or 5, refused.Error);
        Assert.True(refused.ExitCode == 0 || refused.Error.Contains("/proc/nowhere", StringComparison.Ordinal), refused.Error);
    }

    [Fact]
    public void Memory_serves_as_a_disk()
    {
        var root = MakeGuest();
        Directory.CreateDirectory(_scratch["memory"]);
        using (new Mounted("rehost", _scratch["memory"], "-t", "tmpfs", "-o", "size=256M"))
        {
            foreach (var format in (string[])["raw", "qcow2"])
            {
                CommandLine.MustRun("convert", root, "--device-name", "xvda1", "--to", "kvm", "--disk-format", format, "--output", _scratch[$"memory/{format}"]);
                CommandLine.MustRun("verify", _scratch[$"memory/{format}"]);
            }

            CommandLine.MustRun("image", "convert", root, _scratch["memory/copy.raw"], "--verify", "--resume");
            Tool.MustRun("cmp", root, _scratch["memory/copy.raw"]);
        }
    }

    /// <summary>NTFS by FUSE stands for what tells of no holes, reserves nothing, keeps no modes, and is no place for O_DIRECT.</summary>
    [Fact]
    public void A_file_system_that_knows_no_holes_takes_everything()
    {
        var root = MakeGuest();
        Tool.MustRun("truncate", "-s", "512M", _scratch["ntfs.img"]);
        Tool.MustRun("mkntfs", "-F", "-Q", "-q", _scratch["ntfs.img"]);
        Directory.CreateDirectory(_scratch["ntfs"]);
        using (new Mounted(_scratch["ntfs.img"], _scratch["ntfs"], "-t", "ntfs-3g"))
        {
            CommandLine.MustRun("convert", root, "--device-name", "xvda1", "--to", "kvm", "--disk-format", "raw", "--output", _scratch["ntfs/out"]);
            CommandLine.MustRun("verify", _scratch["ntfs/out"]);
            CommandLine.MustRun("image", "convert", root, _scratch["ntfs/copy.raw"], "--verify", "--resume");
            Tool.MustRun("cmp", root, _scratch["ntfs/copy.raw"]);
            CommandLine.MustRun("image", "convert", _scratch["ntfs/copy.raw"], _scratch["back.qcow2"]);
            Assert.Equal(0, CommandLine.Run("image", "compare", root, _scratch["back.qcow2"]).ExitCode);
            CommandLine.MustRun("files", "get", root, "/etc/hostname", _scratch["ntfs"]);
            Assert.Equal("small\n", File.ReadAllText(_scratch["ntfs/hostname"]));
        }
    }

    /// <summary>ext2 with blocks of 1 KiB has files of 16 GiB at most, as FAT has of 4 GiB.</summary>
    [Fact]
    public void A_file_that_is_too_large_for_its_file_system_is_told()
    {
        Tool.MustRun("truncate", "-s", "64M", _scratch["ext2.img"]);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", _scratch["ext2.img"]);
        Directory.CreateDirectory(_scratch["ext2"]);
        using (new Mounted(_scratch["ext2.img"], _scratch["ext2"], "-o", "loop"))
        {
            Tool.MustRun("qemu-img", "create", "-q", "-f", "qcow2", _scratch["large.qcow2"], "20G");
            var refused = CommandLine.Run("image", "convert", _scratch["large.qcow2"], _scratch["ext2/large.raw"]);
            Assert.Equal(5, refused.ExitCode);
            Assert.Contains("BLK004", refused.Error, StringComparison.Ordinal);
            Assert.Contains("too large", refused.Error, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Directory.GetFiles(_scratch["ext2"]), file => Path.GetFileName(file).StartsWith("large", StringComparison.Ordinal));
        }
    }

    /// <summary>Devices with sectors of 4096 bytes: as source, as target, and with the guest's own table in that unit.</summary>
    [Fact]
    public void Sectors_of_4096_bytes_are_read_and_written()
    {
        var root = MakeGuest();
        using (var source = new LoopDevice(root, 4096))
        {
            CommandLine.MustRun("inspect", source.Path, "--device-name", "xvda1");
            CommandLine.MustRun("image", "convert", source.Path, _scratch["copy.qcow2"], "--verify");
            Assert.Equal(0, CommandLine.Run("image", "compare", root, _scratch["copy.qcow2"]).ExitCode);
            CommandLine.MustRun("convert", source.Path, "--device-name", "xvda1", "--to", "kvm", "--output", _scratch["from4k"]);
            CommandLine.MustRun("verify", _scratch["from4k"]);
        }

        Tool.MustRun("truncate", "-s", "96M", _scratch["device.img"]);
        LvmDisks.Junk(_scratch["device.img"], 96 << 20, 7);
        using (var target = new LoopDevice(_scratch["device.img"], 4096))
        {
            CommandLine.MustRun("image", "convert", root, target.Path, "--overwrite-device", "--verify");
            Tool.MustRun("cmp", "-n", new FileInfo(root).Length.ToString(CultureInfo.InvariantCulture), root, target.Path);
        }
    }

    [Fact]
    public void A_guest_whose_table_counts_in_4096_bytes_is_read()
    {
        var root = MakeGuest();
        var disk = SmallGuest.Junk(_scratch["disk4k.img"], 80, 9);
        using (var device = new LoopDevice(disk, 4096))
        {
            var made = Tool.RunWithInput("sfdisk", "label: gpt\nstart=256,size=16384,type=L\n"u8.ToArray(), "-q", "--wipe", "always", device.Path);
            Assert.True(made.ExitCode == 0, made.Error);
        }

        Tool.MustRun("dd", $"if={root}", $"of={disk}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        var inspected = CommandLine.MustRun("inspect", disk, "--device-name", "xvda");
        Assert.Contains("bookworm", inspected.Output, StringComparison.Ordinal);
        Assert.Equal("small\n", CommandLine.MustRun("files", "cat", disk, "/etc/hostname").Output);

        // A machine on KVM gets disks with sectors of 512 bytes, and no firmware would find this table there: refused by name, or written so that it is found.
        var converted = CommandLine.Run("convert", disk, "--device-name", "xvda", "--to", "kvm", "--output", _scratch["out"]);
        Assert.True(converted.ExitCode == 4, $"{converted.ExitCode} {converted.Output} {converted.Error}");
        Assert.Contains("4096", converted.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _scratch.Dispose();

    private static string[] Unprivileged() => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--bounding-set=-all"] : [];

    private string MakeGuest()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n");
        var root = SmallGuest.Junk(_scratch["root.img"], 64, 31);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        return root;
    }
}
