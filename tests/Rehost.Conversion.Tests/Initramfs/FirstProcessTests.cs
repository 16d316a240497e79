using Rehost.Archives;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.Tests.Appliers;
using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Initramfs;

/// <summary>An initramfs of ours: cpio lists it, and the kernel of this machine runs its first process, in namespaces of its own.</summary>
public sealed class FirstProcessTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly GuestTree _tree = new(new InMemoryFileSystem());

    /// <summary>The root is an overlay of a folder whose /sbin/init prints its arguments: it was mounted, moved to its place and started.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_mounts_the_root_and_becomes_the_guests_init(bool is64Bit)
    {
        Unpack(Change() with { Is64Bit = is64Bit, RootDevice = "overlay", RootType = "overlay", RootOptions = "lowerdir=/guest:/empty", InitPrograms = ["/not/there", "/sbin/init"] });
        Directory.CreateDirectory(_scratch["tree/empty"]);
        Directory.CreateDirectory(_scratch["tree/guest/sbin"]);
        Tool.MustRun("sh", "-c", $"cp -L --parents /bin/echo $(ldd /bin/echo | grep -o '/[^ ]*') '{_scratch["tree/guest"]}' && mv '{_scratch["tree/guest"]}/bin/echo' '{_scratch["tree/guest"]}/sbin/init'");
        Assert.Equal("single user\n", Start("single", "user").Output);
    }

    [Fact]
    public void A_root_without_init_is_told()
    {
        Unpack(Change() with { RootDevice = "none", RootType = "tmpfs" });
        var result = Start();
        Assert.Equal((1, "rehost: the guest has no init\n"), (result.ExitCode, result.Output));
    }

    [Fact]
    public void The_archive_holds_what_is_loaded_and_the_same_bytes_each_time()
    {
        var change = Change();
        Apply(change);
        var file = _tree.ReadAllBytes(change.Path, 1 << 24);
        Assert.Equal("dev\nroot\nrehost\ninit\nrehost/start\nrehost/virtio_ring.ko\nrehost/virtio_blk.ko\n", Tool.RunWithInput("cpio", file, "-it", "--quiet").Output);
        Apply(change with { BeforeSha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)) });
        Assert.True(_tree.ReadAllBytes(change.Path, 1 << 24).AsSpan().SequenceEqual(file));
        Assert.Contains(new InitramfsArchive(file, "x", 1 << 24).ReadFiles(TestContext.Current.CancellationToken), entry => entry.Path == "rehost/start");

        // A name that is taken is nobody's to overwrite.
        Assert.Equal("CNV002", Assert.Throws<DiagnosticException>(() => Apply(change)).Diagnostic.Id);
        Assert.Equal("CNV003", Assert.Throws<DiagnosticException>(() => Apply(change with { Path = "/boot/other", Modules = ["/m/gone.ko"] })).Diagnostic.Id);
    }

    public void Dispose() => _scratch.Dispose();

    private MakeInitramfs Change()
    {
        _tree.CreateDirectories("/boot");
        _tree.CreateDirectories("/m");
        foreach (var name in (string[])["virtio-ring", "virtio_blk"])
        {
            _tree.WriteFile($"/m/{name}.ko", [0x7f, (byte)'E', (byte)'L', (byte)'F', .. new byte[100]]);
        }

        return new MakeInitramfs
        {
            StepId = "s",
            Reason = "r",
            Path = "/boot/initrd-1.img",
            KernelVersion = "1",
            Is64Bit = true,
            Modules = ["/m/virtio-ring.ko", "/m/virtio_blk.ko"],
            RootDevice = "/dev/vda1",
            RootType = "ext4",
            InitPrograms = ["/sbin/init"],
        };
    }

    private void Apply(MakeInitramfs change)
    {
        using var overlay = new OverlayDevice(new MemoryDevice(new byte[1 << 20]), OverlayStore.InMemory(), ownsBelow: true);
        PlanApplier.Apply(Plans.Of(change), new ApplyContext(_tree, [new TargetDisk("d", overlay)]));
    }

    private void Unpack(MakeInitramfs change)
    {
        Apply(change);
        File.WriteAllBytes(_scratch["archive"], _tree.ReadAllBytes(change.Path, 1 << 24));
        Tool.MustRun("sh", "-c", $"mkdir '{_scratch["tree"]}' && cd '{_scratch["tree"]}' && cpio -id --quiet < ../archive");
    }

    // Modules that are none are passed over, as is a devtmpfs that a user namespace does not give.
    private ToolResult Start(params string[] arguments) => Tool.Run("unshare", ["--map-root-user", "--mount", "--pid", "--fork", "chroot", _scratch["tree"], "/init", .. arguments]);
}
