using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Inspection.Tests.Storage;

/// <summary>What Rehost does not read it still calls by its name, UUID and label, and blkid says the same.</summary>
public sealed class RecognitionTests
{
    private const string Uuid = "01234567-89ab-4cde-8f01-23456789abcd";

    [Theory]
    [InlineData("exfat", "mkfs.exfat -L Backup {0}", 8)]
    [InlineData("reiserfs", "mkreiserfs -q -f -l data -u " + Uuid + " {0}", 40)]
    [InlineData("jfs", "mkfs.jfs -q -L data {0}", 20)]
    [InlineData("f2fs", "mkfs.f2fs -q -l data {0}", 64)]
    [InlineData("squashfs", "mksquashfs /etc/apt {0} -quiet -no-progress -noappend", 0)]
    [InlineData("iso9660", "genisoimage -quiet -R -V DISC -o {0} /etc/apt", 0)]
    public void File_systems_that_real_tools_made(string type, string make, int mebibytes)
    {
        using var scratch = new ScratchDirectory();
        if (mebibytes > 0)
        {
            LvmDisks.Junk(scratch["disk"], (long)mebibytes << 20, 3);
            Tool.MustRun("dd", "if=/dev/zero", $"of={scratch["disk"]}", "bs=512", "count=8", "conv=notrunc", "status=none"); // no partition table by chance
        }

        Tool.MustRun("sh", "-c", string.Format(System.Globalization.CultureInfo.InvariantCulture, make, scratch["disk"]));
        Agree(scratch["disk"], type);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pool_of_zfs(bool isBigEndian)
    {
        using var scratch = new ScratchDirectory();
        var disk = new byte[64 << 20]; // less than the smallest vdev, and blkid does not look

        // Uberblocks in a ring of 1 KiB each, in the second half of the labels of 256 KiB: two in front, two at the end (ZFS On-Disk Specification, 1.2).
        foreach (var label in (int[])[0, 256 << 10, disk.Length - (512 << 10), disk.Length - (256 << 10)])
        {
            for (var i = 0; i < 12; i++)
            {
                var at = disk.AsSpan(label + (128 << 10) + (i << 10));
                Write(at, 0x00bab10c, isBigEndian);
                Write(at[8..], 5000, isBigEndian);
                Write(at[16..], (ulong)(i + 1), isBigEndian);
            }
        }

        File.WriteAllBytes(scratch["disk"], disk);
        Agree(scratch["disk"], "zfs_member");
    }

    [Theory]
    [InlineData("-FVE-FS-", "VOL012")] // Windows 7 and later
    [InlineData("MSWIN4.1", "VOL012")] // BitLocker To Go
    public void A_volume_of_bitlocker(string name, string finding)
    {
        using var scratch = new ScratchDirectory();
        var disk = new byte[1 << 20];
        ((byte[])[0xeb, 0x58, 0x90]).CopyTo(disk, 0);
        Encoding.ASCII.GetBytes(name).CopyTo(disk, 3);
        BinaryPrimitives.WriteUInt16LittleEndian(disk.AsSpan(11), 512);
        disk[13] = 8;
        byte[] id = [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01];
        var place = name[0] == '-' ? 160 : 424;
        id.CopyTo(disk, place);
        BinaryPrimitives.WriteUInt64LittleEndian(disk.AsSpan(place + 16), 64 << 10);
        "-FVE-FS-"u8.CopyTo(disk.AsSpan(64 << 10));
        BinaryPrimitives.WriteUInt16LittleEndian(disk.AsSpan((64 << 10) + 10), 2);
        disk[510] = 0x55;
        disk[511] = 0xaa;
        File.WriteAllBytes(scratch["disk"], disk);
        Assert.Equal("BitLocker", Blkid(scratch["disk"], "TYPE"));
        var (facts, findings) = Look(scratch["disk"]);
        Assert.Equal("BitLocker", facts.Type);
        Assert.Equal(finding, Assert.Single(findings, one => one.Id != "PAR008").Id); // a boot sector without partitions
    }

    [Fact]
    public void A_physical_volume_of_lvm_1()
    {
        using var scratch = new ScratchDirectory();
        var disk = new byte[4 << 20];
        "HM\u0001\0"u8.CopyTo(disk);
        uint[] places = [0, 1024, 4096, 4096, 8192, 8192, 16384, 32768, 65536, 65536]; // pv, vg, uuid list, lv, pe: offset and size
        for (var i = 0; i < places.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(disk.AsSpan(4 + (i * 4)), places[i]);
        }

        "abcdefghijklmnopqrstuvwxyz012345"u8.CopyTo(disk.AsSpan(44));
        File.WriteAllBytes(scratch["disk"], disk);
        Assert.Equal("LVM1_member", Blkid(scratch["disk"], "TYPE"));
        var (facts, findings) = Look(scratch["disk"]);
        Assert.Equal("LVM1", facts.Type);
        Assert.Equal("VOL011", Assert.Single(findings).Id);
    }

    [Theory]
    [InlineData("label: dos\nstart=2048,size=8192,type=42\n")]
    [InlineData("label: gpt\nstart=2048,size=4096,type=5808C8AA-7E8F-42E0-85D2-E1E90434CFB3\nstart=6144,size=4096,type=AF9B60A0-1431-4F62-BC68-3311714A69AD\n")]
    public void Windows_dynamic_disks(string table)
    {
        using var scratch = new ScratchDirectory();
        LvmDisks.Junk(scratch["disk"], 8 << 20, 2);
        Assert.Equal(0, Tool.RunWithInput("sfdisk", Encoding.ASCII.GetBytes(table), "-q", scratch["disk"]).ExitCode);
        var (facts, findings) = Look(scratch["disk"]);
        Assert.Equal("LDM", facts.Type);
        Assert.All(findings, finding => Assert.Equal("VOL010", finding.Id));
    }

    [Fact]
    public void A_root_on_one_of_them_is_refused_by_name()
    {
        using var guest = new GuestImage();
        Tool.MustRun("sh", "-c", $"truncate -s 40M '{guest.Scratch("disk")}' && mkreiserfs -q -f '{guest.Scratch("disk")}'");
        var error = Assert.Throws<DiagnosticException>(() => guest.Inspect(("xvda", guest.Scratch("disk")))).Diagnostic;
        Assert.Equal("INS002", error.Id);
        Assert.Contains("reiserfs", error.Message, StringComparison.Ordinal);
    }

    private static void Agree(string path, string type)
    {
        var (facts, _) = Look(path);
        Assert.Equal((type, type), (facts.Type, Blkid(path, "TYPE")));
        Assert.Equal(Blkid(path, "LABEL"), facts.Label ?? "");
        if (type is not ("iso9660" or "zfs_member"))
        {
            Assert.Equal(Blkid(path, "UUID"), facts.Uuid ?? "", ignoreCase: true);
        }
    }

    private static (VolumeFacts Facts, IReadOnlyList<Diagnostic> Findings) Look(string path)
    {
        using var device = FileDevice.OpenRead(path);
        var machine = new VirtualMachine { Name = "m", Hypervisor = Hypervisor.Xen, Disks = [new VirtualDisk { Id = "0", DeviceName = "sda", LengthBytes = device.Length }] };
        using var volumes = GuestVolumes.Open(machine, [device]);
        return (volumes.All[0].Facts, volumes.Findings);
    }

    private static string Blkid(string path, string tag) => Tool.Run("blkid", "-p", "-o", "value", "-s", tag, path).Output.Trim();

    private static void Write(Span<byte> to, ulong value, bool isBigEndian)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, isBigEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
    }
}
