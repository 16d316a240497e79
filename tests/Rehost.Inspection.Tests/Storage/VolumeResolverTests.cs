using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Inspection.Tests.Storage;

public sealed class VolumeResolverTests
{
    [Theory]
    [InlineData("xvda1,xvda2", "/dev/xvda1", "xvda1")]
    [InlineData("xvda1,xvda2", "/dev/sda2", "xvda2")]
    [InlineData("sda1,sda2", "/dev/xvda1", "sda1")]
    [InlineData("xvda", "/dev/xvda1", "xvda")]
    [InlineData("xvda", "/dev/xvda", "xvda")]
    [InlineData("xvda", "/dev/xvda2", null)]
    [InlineData("xvda,xvdb", "/dev/hdb", "xvdb")]
    [InlineData("xvda+2,xvdb", "/dev/xvda2", "xvda2")]
    [InlineData("xvda+2,xvdb", "/dev/sda1", "xvda1")]
    [InlineData("xvda+2,xvdb", "/dev/xvdb", "xvdb")]
    [InlineData("disk0,disk1", "/dev/xvdb", "disk1")]
    [InlineData("xvda,xvdb", "/dev/xvdz1", null)]
    [InlineData("xvda1", "UUID=uuid-xvda1", "xvda1")]
    [InlineData("xvda1", "UUID=\"UUID-xvda1\"", "xvda1")]
    [InlineData("xvda1", "LABEL=label xvda1", "xvda1")]
    [InlineData("xvda1", "/dev/disk/by-label/label\\x20xvda1", "xvda1")]
    [InlineData("xvda1", "/dev/disk/by-uuid/uuid-xvda1", "xvda1")]
    [InlineData("xvda1", "/dev/mapper/vg-root", null)]
    [InlineData("xvda1", "proc", null)]
    [InlineData("xvda1", "UUID=", null)]
    public void Finds_what_the_guest_means(string disks, string specification, string? expected)
    {
        var names = disks.Split(',');
        var machine = new VirtualMachine
        {
            Name = "m",
            Hypervisor = Hypervisor.Xen,
            Disks = [.. names.Select(name => new VirtualDisk { Id = name, DeviceName = name.Split('+')[0] })],
        };
        var volumes = new List<GuestVolume>();
        foreach (var name in names)
        {
            var parts = name.Split('+');
            foreach (var number in parts.Length == 1 ? [0] : Enumerable.Range(1, parts[1][0] - '0'))
            {
                var volume = number == 0 ? parts[0] : parts[0] + number;
                volumes.Add(new GuestVolume(new VolumeFacts { DeviceName = volume, DiskId = name, PartitionNumber = number, Uuid = "uuid-" + volume, Label = "label " + volume }, new MemoryDevice([]), null));
            }
        }

        Assert.Equal(expected, new VolumeResolver(machine, volumes).Resolve(specification)?.Name);
    }

    [Theory]
    [InlineData("xvda1", "xvd", "a", 1)]
    [InlineData("sdaa12", "sd", "aa", 12)]
    [InlineData("vdb", "vd", "b", 0)]
    public void Splits_names(string name, string driver, string letters, int number) => Assert.Equal(new DeviceName(driver, letters, number), DeviceName.Parse(name));

    [Theory]
    [InlineData("xvd")]
    [InlineData("sda01")]
    [InlineData("sda99999999999")]
    [InlineData("loop0")]
    [InlineData("")]
    public void Knows_what_is_no_disk(string name) => Assert.Null(DeviceName.Parse(name));

    [Fact]
    public void Fstab_fields_are_unescaped_and_devices_told_apart()
    {
        var lines = Fstab.Parse("# c\n\n/dev/xvda1 / ext3 defaults 1 1\nLABEL=my\\040disk\t/srv/a\\040b ext4 noatime 0 2\nproc /proc proc\n/dev/xvda2 none swap sw\nhost:/x /n nfs\n/a /b none bind\nshort\n").ToList();

        Assert.Equal([3, 4, 5, 6, 7, 8], lines.Select(line => line.Number));
        Assert.Equal([true, true, false, true, false, false], lines.Select(line => line.MeansDevice));
        Assert.Equal(("LABEL=my disk", "/srv/a b"), (lines[1].Device, lines[1].Path));
        Assert.True(lines[3].IsSwap);
    }

    [Fact]
    public void Names_what_it_cannot_read()
    {
        static string? Type(Action<byte[]> fill)
        {
            var content = new byte[256 << 10];
            fill(content);
            return VolumeSignature.Recognize(new MemoryDevice(content))?.Type;
        }

        Assert.Equal("xfs", Type(content => "XFSB"u8.CopyTo(content)));
        Assert.Equal("LVM2", Type(content =>
        {
            "LABELONE"u8.CopyTo(content.AsSpan(512));
            "LVM2 001"u8.CopyTo(content.AsSpan(512 + 24));
        }));
        Assert.Equal("btrfs", Type(content => "_BHRfS_M"u8.CopyTo(content.AsSpan(0x10040))));
        Assert.Equal("mdraid", Type(content => System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(content.Length - 65536), 0xa92b4efc)));
        Assert.Equal("ntfs", Type(content => "NTFS    "u8.CopyTo(content.AsSpan(3))));
        Assert.Null(Type(_ => { }));
        for (var length = 0; length < 200; length += 7)
        {
            Assert.Null(VolumeSignature.Recognize(new MemoryDevice(new byte[length])));
        }
    }
}
