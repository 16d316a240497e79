using System.Security.Cryptography;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Files;

/// <summary>A Btrfs over two disks of a machine: edited through overlays of both, by rehost files and by a conversion; btrfs check and the kernel judge.</summary>
public sealed class SeveralDevicesTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("raid1")]
    [InlineData("raid0")]
    public void Files_are_put_into_images_of_both_disks_or_into_the_disks(string profile)
    {
        using var scratch = new ScratchDirectory();
        string[] disks = [SmallGuest.Junk(scratch["xvda.img"], 136, 1), SmallGuest.Junk(scratch["xvdb.img"], 136, 2)];
        Tool.MustRun("mkfs.btrfs", "-q", "-f", "-d", profile, "-m", profile, disks[0], disks[1]);
        var before = disks.Select(HashOf).ToArray();
        var request = new SourceRequest(disks[0]) { MoreDisks = [new BareDisk(disks[1], "xvdb")] };
        var content = new byte[900_000];
        new Random(3).NextBytes(content);
        File.WriteAllBytes(scratch["new"], content);
        Directory.CreateDirectory(scratch["out"]);
        using (var guest = GuestFiles.Open(request, null, scratch.Path, null, NoStop))
        {
            var editing = new FileEditing(guest);
            Assert.Equal(1, editing.Put(scratch["new"], "/new", (0, 0), NoStop));
            var refusal = Assert.Throws<DiagnosticException>(() => editing.WriteImage(GuestFileTarget.Of(scratch["one.qcow2"], null), new SilentProgress(), NoStop)).Diagnostic;
            Assert.Equal("FLE003", refusal.Id);
            Assert.Contains("xvda, xvdb", refusal.Message, StringComparison.Ordinal);
            editing.WriteImage(GuestFileTarget.Of(scratch["out"], "qcow2"), new SilentProgress(), NoStop);
        }

        Assert.Equal(before, disks.Select(HashOf));
        Assert.Equal(["xvda.qcow2", "xvdb.qcow2"], Directory.GetFiles(scratch["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var name in (string[])["xvda", "xvdb"])
        {
            Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch[$"out/{name}.qcow2"], scratch[name]);
        }

        Judge(scratch, [scratch["xvda"], scratch["xvdb"]], "/new", content);
        using (var guest = GuestFiles.Open(request, null, scratch.Path, null, NoStop))
        {
            var editing = new FileEditing(guest);
            editing.Put(scratch["new"], "/in-place", (0, 0), NoStop);
            Assert.True(editing.WriteInPlace() > (profile == "raid1" ? 2 : 1) * content.Length);
        }

        Judge(scratch, disks, "/in-place", content);
    }

    [Fact]
    public void A_disk_of_two_is_refused_by_name_before_anything_is_written()
    {
        using var scratch = new ScratchDirectory();
        string[] disks = [SmallGuest.Junk(scratch["xvda.img"], 136, 1), SmallGuest.Junk(scratch["xvdb.img"], 136, 2)];
        Tool.MustRun("mkfs.btrfs", "-q", "-f", "-d", "raid1", "-m", "raid1", disks[0], disks[1]);
        File.WriteAllText(scratch["new"], "new\n");
        using var guest = GuestFiles.Open(new SourceRequest(disks[0]), null, scratch.Path, null, NoStop);
        var refusal = Assert.Throws<DiagnosticException>(() => new FileEditing(guest).Put(scratch["new"], "/new", (0, 0), NoStop)).Diagnostic;
        Assert.Equal("FLE004", refusal.Id);
        Assert.Contains("1 of its 2 devices are there", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("missing: device 2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_whose_root_lies_on_two_disks_is_converted()
    {
        using var scratch = new ScratchDirectory();
        var id = Guid.NewGuid().ToString();
        var guest = new SmallGuest(scratch["tree"], $"UUID={id} / btrfs defaults 0 0\n/dev/xvda1 /boot ext4 defaults 0 1\n", $"root=UUID={id} ro console=hvc0").Files("/srv", 30, 50_000, 1);
        Tool.MustRun("mv", Path.Combine(guest.Directory, "boot"), scratch["boot"]);
        guest.Folder("/boot");
        Tool.MustRun("sh", "-c", $"cd '{scratch["boot"]}' && sed -i 's,/boot/vmlinuz,/vmlinuz,' grub/menu.lst");
        var boot = SmallGuest.Junk(scratch["boot.img"], 24, 1);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", scratch["boot"], boot);
        string[] disks = [SmallGuest.Junk(scratch["xvda.img"], 170, 1), SmallGuest.Junk(scratch["xvdb.img"], 136, 2)];
        var half = SmallGuest.Junk(scratch["half.img"], 136, 3);
        Tool.MustRun("mkfs.btrfs", "-q", "-f", "-U", id, "-d", "raid1", "-m", "raid1", half, disks[1]);
        Fill(scratch, guest.Directory, [half, disks[1]]);
        Tool.RunWithInput("sfdisk", "label: dos\nstart=2048,size=49152,type=83,bootable\nstart=51200,size=278528,type=83\n"u8.ToArray(), "-q", disks[0]);
        Tool.MustRun("dd", $"if={boot}", $"of={disks[0]}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        Tool.MustRun("dd", $"if={half}", $"of={disks[0]}", "bs=1M", "seek=25", "conv=notrunc", "status=none");
        var before = disks.Select(HashOf).ToArray();
        var request = new SourceRequest(disks[0]) { MemoryBytes = 512 << 20, MoreDisks = [new BareDisk(disks[1], "xvdb")] };
        var record = new Migration(new SilentProgress()).Convert(request, new TargetRequest("kvm") { OutputDirectory = scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" } }, NoStop);

        Assert.Equal(before, disks.Select(HashOf));
        Tool.MustRun("dd", $"if={scratch["out/" + record.Disks[0].File]}", $"of={scratch["root"]}", "bs=1M", "skip=25", "count=136", "status=none");
        Tool.MustRun("cp", "--sparse=always", scratch["out/" + record.Disks[1].File], scratch["root2"]); // the mount of a witness writes
        string[] converted = [scratch["root"], scratch["root2"]];
        Judge(scratch, converted, "/etc/hostname", "small\n"u8.ToArray());
        using var left = GuestFiles.Open(request, null, scratch.Path, null, NoStop);
        using var right = GuestFiles.Open(new SourceRequest(scratch["out/" + record.Disks[0].File]) { DeviceName = "vda", MoreDisks = [new BareDisk(converted[1], "vdb")] }, null, scratch.Path, null, NoStop);
        var changed = FileComparison.Run(left, right, "/", withTimes: false, NoStop).Select(one => one.Path).ToList();
        Assert.Contains(changed, path => path.StartsWith("/etc/", StringComparison.Ordinal)); // on the Btrfs, that is
        Assert.DoesNotContain(changed, path => path.StartsWith("/srv/", StringComparison.Ordinal));
        Assert.All(new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop).Checks, check => Assert.True(check.Outcome != CheckOutcome.Failed, $"{check.Title}: {check.Detail}"));
    }

    private static void Fill(ScratchDirectory scratch, string tree, string[] disks)
    {
        Directory.CreateDirectory(scratch["fill"]);
        using var first = new LoopDevice(disks[0]);
        using var second = new LoopDevice(disks[1]);
        using (new Mounted(first.Path, scratch["fill"], "-o", $"device={first.Path},device={second.Path}"))
        {
            Tool.MustRun("cp", "-a", tree + "/.", scratch["fill"]);
        }

        Forget(first, second);
    }

    private static void Forget(params LoopDevice[] devices)
    {
        foreach (var device in devices)
        {
            Tool.Run("btrfs", "device", "scan", "--forget", device.Path);
        }
    }

    private static void Judge(ScratchDirectory scratch, string[] disks, string path, byte[] content)
    {
        Directory.CreateDirectory(scratch["mounted"]);
        using var first = new LoopDevice(disks[0]);
        using var second = new LoopDevice(disks[1]);
        Tool.MustRun("btrfs", "device", "scan", first.Path, second.Path);
        Tool.MustRun("btrfs", "check", "--readonly", "--check-data-csum", first.Path);
        using (new Mounted(first.Path, scratch["mounted"], "-o", $"device={first.Path},device={second.Path}"))
        {
            Assert.Equal(content, File.ReadAllBytes(scratch["mounted" + path]));
            Assert.Contains("no errors found", Tool.MustRun("btrfs", "scrub", "start", "-B", scratch["mounted"]), StringComparison.Ordinal);
        }

        Forget(first, second);
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
