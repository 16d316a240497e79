using System.Security.Cryptography;
using Rehost.Conversion.Appliers;
using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;

namespace Rehost.Conversion.Tests.Appliers;

public sealed class ChangeApplierTests : IDisposable
{
    private readonly InMemoryFileSystem _fileSystem = new();
    private readonly GuestTree _tree;

    public ChangeApplierTests()
    {
        _tree = new GuestTree(_fileSystem);
        _tree.CreateDirectories("/etc");
        _tree.WriteFile("/etc/fstab", "/dev/xvda1 / ext4\n"u8, new NodeAttributes(0x1A0, 5, 6));
    }

    public void Dispose() => _fileSystem.Dispose();

    [Fact]
    public void Every_kind_of_change_has_exactly_one_applier()
    {
        var kinds = typeof(Change).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Change)) && !type.IsAbstract).OrderBy(type => type.Name);

        Assert.Equal(kinds, ChangeAppliers.All.Select(applier => applier.ChangeType).OrderBy(type => type.Name));
    }

    [Fact]
    public void Files_are_written_edited_deleted_and_linked()
    {
        _tree.WriteFile("/etc/old", "x"u8);
        var before = _tree.Resolve("/etc/fstab");
        Apply(
            Edit("/etc/fstab", "/dev/xvda1 / ext4\n", "UUID=1 / ext4\n\uEFE9"),
            new WriteFile { StepId = "s", Reason = "r", Path = "/etc/new.d/sub/x.conf", Content = "y\n", Permissions = 0x1C0 },
            new DeleteFile { StepId = "s", Reason = "r", Path = "/etc/old" },
            new MakeLink { StepId = "s", Reason = "r", Path = "/etc/systemd/system/xe.service", Target = "/dev/null" });

        var after = _tree.Resolve("/etc/fstab");
        Assert.Equal("UUID=1 / ext4\n\u00e9"u8.ToArray()[..^2].Append((byte)0xe9), _tree.ReadAllBytes("/etc/fstab", 1000));
        Assert.Equal((before.Node, 0x1A0, 5u, 6u), (after.Node, after.Metadata.Permissions, after.Metadata.Uid, after.Metadata.Gid));
        Assert.Equal((0x1C0, 0u), (_tree.Resolve("/etc/new.d/sub/x.conf").Metadata.Permissions, _tree.Resolve("/etc/new.d/sub/x.conf").Metadata.Uid));
        Assert.Equal(0x1ED, _tree.Resolve("/etc/new.d").Metadata.Permissions);
        Assert.False(_tree.Exists("/etc/old"));
        Assert.Equal("/dev/null", _tree.ReadLink("/etc/systemd/system/xe.service"));
        Assert.Equal(1, _fileSystem.Flushes);
    }

    [Fact]
    public void A_later_change_builds_on_an_earlier_one()
    {
        Apply(
            Edit("/etc/fstab", "/dev/xvda1 / ext4\n", "a"), Edit("/etc/fstab", "a", "ab"),
            new WriteFile { StepId = "s", Reason = "r", Path = "/etc/n", Content = "1" }, Edit("/etc/n", "1", "2"),
            new DeleteFile { StepId = "s", Reason = "r", Path = "/etc/n" }, new WriteFile { StepId = "s", Reason = "r", Path = "/etc/n", Content = "3" });

        Assert.Equal("ab", _tree.ReadText("/etc/fstab"));
        Assert.Equal("3", _tree.ReadText("/etc/n"));
    }

    public static TheoryData<Change, string> Refusals => new()
    {
        { Edit("/etc/fstab", "something else", "x"), "CNV001" },
        { Edit("/etc/none", "a", "x"), "CNV003" },
        { Edit("/etc", "a", "x"), "CNV004" },
        { new WriteFile { StepId = "s", Reason = "r", Path = "/etc/fstab", Content = "x" }, "CNV002" },
        { new WriteFile { StepId = "s", Reason = "r", Path = "/etc/fstab/x", Content = "x" }, "CNV004" },
        { new WriteFile { StepId = "s", Reason = "r", Path = "/etc/../../x", Content = "x" }, "CNV010" },
        { new WriteFile { StepId = "s", Reason = "r", Path = "relative", Content = "x" }, "CNV010" },
        { new DeleteFile { StepId = "s", Reason = "r", Path = "/etc/none" }, "CNV003" },
        { new DeleteFile { StepId = "s", Reason = "r", Path = "/etc" }, "CNV004" },
        { new MakeLink { StepId = "s", Reason = "r", Path = "/etc", Target = "x" }, "CNV004" },
        { new ExtendInitramfs { StepId = "s", Reason = "r", Path = "/etc/fstab", BeforeSha256 = "00", KernelVersion = "6", Generator = InitramfsGenerator.Dracut, Modules = [] }, "CNV001" },
        { new ExtendInitramfs { StepId = "s", Reason = "r", Path = "/etc/fstab", BeforeSha256 = Hash("/dev/xvda1 / ext4\n"), KernelVersion = "6", Generator = InitramfsGenerator.Dracut, Modules = ["/lib/x.ko"] }, "CNV003" },
        { new WrapInPartition { StepId = "s", Reason = "r", DiskId = "no", PartitionOffset = 1 << 20, TargetLength = 2 << 20, DiskSignature = "00000001" }, "CNV005" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_guest_that_is_not_as_seen_is_refused_before_anything_is_written(Change change, string id)
    {
        var first = new WriteFile { StepId = "s", Reason = "r", Path = "/etc/first", Content = "x" };
        var e = Assert.Throws<DiagnosticException>(() => Apply(first, change));

        Assert.Equal(id, e.Diagnostic.Id);
        Assert.False(_tree.Exists("/etc/first"));
        Assert.Equal("/dev/xvda1 / ext4\n", _tree.ReadText("/etc/fstab"));
    }

    [Fact]
    public void A_plan_with_an_error_is_not_carried_out()
    {
        var plan = Plans.Of(new WriteFile { StepId = "s", Reason = "r", Path = "/etc/first", Content = "x" }) with
        {
            Findings = [ApplyDiagnostics.Contradiction.Create("no")],
        };

        Assert.Throws<DiagnosticException>(() => PlanApplier.Apply(plan, new ApplyContext(_tree, [])));
        Assert.False(_tree.Exists("/etc/first"));
    }

    /// <summary>What cpio makes of the result is what the kernel unpacks: our archive, then the guest's as it was; a second conversion replaces the first one's.</summary>
    [Theory]
    [InlineData(InitramfsGenerator.InitramfsTools, null, "conf/conf.d/zz-rehost", "conf,conf/conf.d")]
    [InlineData(InitramfsGenerator.Dracut, "usr/lib/dracut/hooks", "usr/lib/dracut/hooks/pre-udev/00-rehost.sh", "usr,usr/lib,usr/lib/dracut,usr/lib/dracut/hooks,usr/lib/dracut/hooks/pre-udev")]
    [InlineData(InitramfsGenerator.Dracut, "", "pre-udev/00-rehost.sh", "pre-udev")]
    public void An_initramfs_gets_drivers_and_a_hook_before_it(InitramfsGenerator generator, string? hooksPath, string hook, string directories)
    {
        byte[] elf = [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 2, 3];
        using var gzipped = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(gzipped, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(elf);
        }

        _tree.CreateDirectories("/lib/modules");
        _tree.CreateDirectories("/boot");
        _tree.WriteFile("/lib/modules/virtio.ko.gz", gzipped.ToArray());
        _tree.WriteFile("/lib/modules/virtio-blk.ko", elf);
        var original = new byte[2_500_003];
        new Random(5).NextBytes(original);
        original[0] = 0x1f;
        original[1] = 0x8b;
        original[2] = 8;
        _tree.WriteFile("/boot/initrd", original, new NodeAttributes(0x180, 1, 2));
        ExtendInitramfs Change(params string[] modules) => new()
        {
            StepId = "s",
            Reason = "r",
            Path = "/boot/initrd",
            BeforeSha256 = Convert.ToHexStringLower(SHA256.HashData(_tree.ReadAllBytes("/boot/initrd", long.MaxValue))),
            KernelVersion = "6",
            Generator = generator,
            HooksPath = hooksPath,
            Modules = [.. modules],
        };

        Apply(Change("/lib/modules/virtio.ko.gz"));
        var once = _tree.ReadAllBytes("/boot/initrd", long.MaxValue);
        Apply(Change("/lib/modules/virtio.ko.gz", "/lib/modules/virtio-blk.ko"));
        var twice = _tree.ReadAllBytes("/boot/initrd", long.MaxValue);
        Apply(Change("/lib/modules/virtio.ko.gz"));

        Assert.True(once.AsSpan().SequenceEqual(_tree.ReadAllBytes("/boot/initrd", long.MaxValue)));
        Assert.True(twice.AsSpan(twice.Length - original.Length).SequenceEqual(original));
        Assert.Equal((0x180, 1u), (_tree.Resolve("/boot/initrd").Metadata.Permissions, _tree.Resolve("/boot/initrd").Metadata.Uid));
        var prefix = twice[..^original.Length];
        Assert.Equal(0, prefix.Length % 512);

        using var scratch = new Testing.ScratchDirectory();
        File.WriteAllBytes(scratch["prefix"], prefix);
        Testing.Tool.MustRun("sh", "-c", $"mkdir '{scratch["out"]}' && cd '{scratch["out"]}' && cpio --quiet -i < ../prefix");
        Assert.Equal(elf, File.ReadAllBytes(scratch["out/rehost/virtio.ko"]));
        Assert.Equal(elf, File.ReadAllBytes(scratch["out/rehost/virtio_blk.ko"]));
        var lines = File.ReadAllLines(scratch["out/" + hook]).Where(line => line.StartsWith("rest=\" ", StringComparison.Ordinal));
        Assert.Equal(["rest=\" virtio virtio_blk\""], lines);
        Assert.Equal(0, Testing.Tool.Run("sh", "-n", scratch["out/" + hook]).ExitCode);
        var listed = Testing.Tool.MustRun("sh", "-c", $"cpio --quiet -it < '{scratch["prefix"]}'").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["rehost", "rehost/virtio.ko", "rehost/virtio_blk.ko", "rehost/insmod", "rehost/prefix", .. directories.Split(','), hook], listed);
    }

    [Fact]
    public void An_initramfs_of_an_unknown_generator_and_a_module_that_is_none_are_refused()
    {
        _tree.CreateDirectories("/boot");
        _tree.WriteFile("/boot/initrd", "x"u8);
        _tree.WriteFile("/boot/bad.ko", "no module"u8);
        var change = new ExtendInitramfs { StepId = "s", Reason = "r", Path = "/boot/initrd", BeforeSha256 = Hash("x"), KernelVersion = "6", Generator = InitramfsGenerator.Mkinitcpio, Modules = [] };

        Assert.Equal("CNV011", Assert.Throws<DiagnosticException>(() => Apply(change)).Diagnostic.Id);
        Assert.Equal("CNV009", Assert.Throws<DiagnosticException>(() => Apply(change with { Generator = InitramfsGenerator.InitramfsTools, Modules = ["/boot/bad.ko"] })).Diagnostic.Id);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(0, 0)]
    [InlineData(1000, 3_000_000)]
    [InlineData(3_000_000, 1000)]
    [InlineData(4096, 4096)]
    public void The_head_of_a_file_is_replaced_in_place(int replaced, int head)
    {
        var random = new Random(3);
        var content = new byte[5_000_001];
        random.NextBytes(content);
        var newHead = new byte[head];
        random.NextBytes(newHead);
        _tree.WriteFile("/f", content);

        FileShift.ReplaceHead(_tree.Resolve("/f"), replaced, newHead, CancellationToken.None);

        Assert.True(_tree.ReadAllBytes("/f", long.MaxValue).AsSpan().SequenceEqual([.. newHead, .. content.AsSpan(replaced)]));
    }

    private void Apply(params Change[] changes) => PlanApplier.Apply(Plans.Of(changes), new ApplyContext(_tree, []));

    private static EditFile Edit(string path, string before, string after)
        => new() { StepId = "s", Reason = "r", Path = path, BeforeSha256 = Hash(before), Content = after, Diff = "" };

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(text)));
}
