using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Tests.BootLoaders;

/// <summary>What the installer writes against what grub-bios-setup --no-rs-codes writes (S1.33).</summary>
public sealed class Grub2InstallerTests : IDisposable
{
    private const int Disk = 64 << 20;
    private static readonly Guid Id = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    private readonly ScratchDirectory _scratch = new();

    /// <summary>
    /// What grub-bios-setup 2.06 --no-rs-codes changed in boot.img and in core.img, recorded on loop devices: beside what the disk keeps (0x03 to 0x59, 0x1b8 to 0x1fd)
    /// the LBA of the core image, the NOPs, and the start of the block list.
    /// </summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 4096)]
    public void The_sectors_are_the_recorded_ones(bool isGpt, int first)
    {
        var core = GrubWitness.MakeImage(_scratch, ["biosdisk", "part_msdos", "ext2", "normal"], "/boot/grub", null);
        using var device = MakeDisk(isGpt);
        var before = device.Content.ToArray();
        var embedding = Grub2Installer.Install(device, GrubWitness.Files, core);
        Assert.Equal(first, embedding.FirstSector.Value);

        var boot = GrubWitness.Files.Read("boot.img");
        before.AsSpan(0x03, 0x5a - 0x03).CopyTo(boot.AsSpan(0x03));
        before.AsSpan(0x1b8, 0x1fe - 0x1b8).CopyTo(boot.AsSpan(0x1b8));
        BinaryPrimitives.WriteInt16LittleEndian(boot.AsSpan(0x5c), (short)first);
        boot[0x66] = boot[0x67] = 0x90;
        var padded = new byte[(core.Length + 511) / 512 * 512];
        core.CopyTo(padded, 0);
        BinaryPrimitives.WriteInt16LittleEndian(padded.AsSpan(0x1f4), (short)(first + 1));
        boot.CopyTo(before, 0);
        padded.CopyTo(before, first * 512);
        Assert.True(before.AsSpan().SequenceEqual(device.Content));
    }

    /// <summary>The tool itself works on block devices only and finds the file system it is called from, so this witness needs root and loop devices; where the
    /// tests run as an ordinary user the recorded sectors above stand in.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_sectors_are_the_ones_grub_bios_setup_writes(bool isGpt)
    {
        var core = GrubWitness.MakeImage(_scratch, ["biosdisk", "part_msdos", "part_gpt", "ext2", "normal"], "/boot/grub", null);
        using var ours = MakeDisk(isGpt);
        File.WriteAllBytes(_scratch["disk"], ours.Content.ToArray());
        Grub2Installer.Install(ours, GrubWitness.Files, core);
        Assert.True(RunGrubBiosSetup(core), "grub-bios-setup needs root, loop devices and mount(8)");

        Assert.True(ours.Content.SequenceEqual(File.ReadAllBytes(_scratch["disk"])));
    }

    [Fact]
    public void A_partition_at_sector_63_leaves_room_for_the_small_core_only()
    {
        using var device = new MemoryDevice(new byte[1 << 20]);
        new MbrTable(1, [new MbrEntry(1, 0x83, new Lba(63), 1000)]).WriteTo(device);
        var before = device.Content.ToArray();
        var full = Grub2Image.Build(GrubWitness.Files, GrubModules.Full, "/boot/grub", null);
        Assert.Equal("GRB006", Assert.Throws<DiagnosticException>(() => Grub2Installer.Install(device, GrubWitness.Files, full)).Diagnostic.Id);
        Assert.Equal(before, device.Content.ToArray());
        var small = Grub2Image.Build(GrubWitness.Files, GrubModules.Small, "/boot/grub", null);
        Assert.Equal(1, Grub2Installer.Install(device, GrubWitness.Files, small).FirstSector.Value);
        Assert.Equal([1], PartitionTable.Read(device).Partitions.Select(one => one.Number));
    }

    [Fact]
    public void Disks_without_a_place_are_refused()
    {
        var core = Grub2Image.Build(GrubWitness.Files, ["biosdisk"], "/", null);
        using var bare = new MemoryDevice(new byte[1 << 20]);
        AssertRefused("GRB007", bare, core);
        using var gpt = new MemoryDevice(new byte[4 << 20]);
        new GptTable(Id, [new GptEntry(1, PartitionTypes.LinuxData, Id, new Lba(2048), 100)]).WriteTo(gpt);
        AssertRefused("GRB008", gpt, core);
        using var large = new MemoryDevice(new byte[16 << 20]);
        new GptTable(Id, [new GptEntry(1, PartitionTypes.BiosBoot, Id, new Lba(256), 256)], 4096).WriteTo(large);
        AssertRefused("GRB011", large, core);
        using var tight = new MemoryDevice(new byte[4 << 20]);
        new GptTable(Id, [new GptEntry(1, PartitionTypes.BiosBoot, Id, new Lba(2048), 10)]).WriteTo(tight);
        AssertRefused("GRB006", tight, core);
        using var good = MakeDisk(isGpt: false);
        AssertRefused("GRB010", good, new byte[2048]);
        AssertRefused("GRB010", good, core[..512]);
        AssertRefused("GRB010", good, []);
    }

    public void Dispose() => _scratch.Dispose();

    private static void AssertRefused(string id, IBlockDevice device, byte[] core)
        => Assert.Equal(id, Assert.Throws<DiagnosticException>(() => Grub2Installer.Prepare(device, GrubWitness.Files, core)).Diagnostic.Id);

    private static MemoryDevice MakeDisk(bool isGpt)
    {
        var bytes = new byte[Disk];
        Encoding.ASCII.GetBytes("what the disk had in its first sector, 0x03 to 0x59 of which stays, whoever boots from it").CopyTo(bytes, 2);
        var device = new MemoryDevice(bytes);
        if (isGpt)
        {
            new GptTable(Id, [
                new GptEntry(1, PartitionTypes.LinuxData, Id, new Lba(8192), 2048),
                new GptEntry(2, PartitionTypes.BiosBoot, new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3302"), new Lba(4096), 2048)]).WriteTo(device);
        }
        else
        {
            new MbrTable(0x1a2b3c4d, [new MbrEntry(1, PartitionTypes.MbrLinux, new Lba(2048), 100000, IsBootable: true)]).WriteTo(device);
        }

        return device;
    }

    /// <summary>False where this account may not set up loop devices and mount.</summary>
    private bool RunGrubBiosSetup(byte[] core)
    {
        FileDevice.Create(_scratch["root"], 32 << 20).Dispose();
        Tool.MustRun("mke2fs", "-q", "-F", _scratch["root"]);
        Directory.CreateDirectory(_scratch["mount"]);
        var rootLoop = Tool.Run("losetup", "-f", "--show", _scratch["root"]).Output.Trim();
        var diskLoop = Tool.Run("losetup", "-f", "--show", _scratch["disk"]).Output.Trim();
        try
        {
            if (rootLoop.Length == 0 || diskLoop.Length == 0 || Tool.Run("mount", rootLoop, _scratch["mount"]).ExitCode != 0)
            {
                return false;
            }

            File.WriteAllBytes(Path.Combine(_scratch["mount"], "core.img"), core);
            File.WriteAllBytes(Path.Combine(_scratch["mount"], "boot.img"), GrubWitness.Files.Read("boot.img"));
            File.WriteAllText(_scratch["device.map"], $"(hd0) {diskLoop}\n(hd1) {rootLoop}\n");
            Tool.MustRun($"{GrubWitness.Directory}/grub-bios-setup", "--no-rs-codes", "-s", "-d", _scratch["mount"], "-m", _scratch["device.map"], diskLoop);
            return true;
        }
        finally
        {
            Tool.Run("umount", _scratch["mount"]);
            foreach (var loop in (string[])[diskLoop, rootLoop])
            {
                if (loop.Length > 0)
                {
                    Tool.Run("losetup", "-d", loop);
                }
            }
        }
    }
}
