using System.Buffers.Binary;
using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>Guests of which something cannot be written or not even read: converted without a change of their volumes, and proved so.</summary>
public sealed class UntouchedGuestTests : IDisposable
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;
    private readonly ScratchDirectory _scratch = new();
    private readonly Migration _migration = new(new SilentProgress());

    [Fact]
    public void A_file_system_with_a_feature_that_is_only_read_is_left_as_it_is()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n");
        var root = SmallGuest.Junk(_scratch["xvda.img"], 48, 3);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        SetUnknownReadOnlyFeature(root);

        var record = Convert(new SourceRequest(root) { DeviceName = "xvda1", MemoryBytes = 512 << 20 });
        Assert.Contains("can be read and not written", record.Plan.UntouchedBecause, StringComparison.Ordinal);
        Assert.Contains(record.Plan.Findings, finding => finding is { Id: "PLN021", Severity: Severity.Warning });
        AssertUntouched(root, 1 << 20);
    }

    [Fact]
    public void A_journal_that_was_not_replayed_travels_as_it_is() // S1.16
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n");
        var root = SmallGuest.Junk(_scratch["xvda.img"], 48, 4);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        File.WriteAllText(_scratch["new"], "content\n");
        Assert.Equal(0, Tool.RunWithInput("debugfs", "jo -c\njw -b 20000 /dev/null\njc\n"u8.ToArray(), "-w", root).ExitCode);
        Tool.MustRun("debugfs", "-w", "-R", "feature +needs_recovery", root);

        var record = _migration.Convert(new SourceRequest(root) { DeviceName = "xvda1", MemoryBytes = 512 << 20 }, Target() with { Options = Target().Options with { GuestChanges = GuestChanges.None } }, NoStop);
        Assert.Contains(record.Facts.Findings, finding => finding.Id == "INS006");
        AssertUntouched(root, 1 << 20);
    }

    [Fact]
    public void An_encrypted_root_without_its_key_starts_from_its_own_boot_volume()
    {
        var (disk, _) = Encrypted(withBoot: true);
        var record = Convert(new SourceRequest(disk) { DeviceName = "xvda", MemoryBytes = 512 << 20 });
        Assert.Contains("is encrypted, and no key was given", record.Plan.UntouchedBecause, StringComparison.Ordinal);
        Assert.Contains(record.Plan.Findings, finding => finding is { Id: "INS030", Severity: Severity.Warning });
        AssertUntouched(disk, 0, from: 512);
    }

    [Fact]
    public void A_kernel_inside_an_encrypted_volume_is_refused_with_what_to_do()
    {
        var (disk, _) = Encrypted(withBoot: false);
        var refused = Assert.Throws<DiagnosticException>(() => Convert(new SourceRequest(disk) { DeviceName = "xvda", MemoryBytes = 512 << 20 })).Diagnostic;
        Assert.Equal("INS031", refused.Id);
        Assert.Contains("--key", refused.NextStep, StringComparison.Ordinal);
    }

    public void Dispose() => _scratch.Dispose();

    private TargetRequest Target() => new("kvm") { OutputDirectory = _scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" } };

    private ConversionRecord Convert(SourceRequest request) => _migration.Convert(request, Target(), NoStop);

    private void AssertUntouched(string source, long offset, int from = 0)
    {
        var report = _migration.Verify(_scratch["out"], null, [], NoStop);
        Assert.True(report.IsProved, string.Join("\n", report.Checks));
        Assert.Contains(report.Checks, check => check.Title.EndsWith("are untouched", StringComparison.Ordinal) && check.Outcome == CheckOutcome.Passed);
        var target = Assert.Single(Directory.GetFiles(_scratch["out"], "*-vda.img"));

        // cmp as a stranger: everything but the table in the first sector, and the boot loader in the gap of a disk that has one.
        var skip = from == 0 ? 0 : 1 << 20;
        Tool.MustRun("cmp", "--ignore-initial", $"{skip}:{skip + offset}", "--bytes", $"{new FileInfo(source).Length - skip}", source, target);
    }

    private (string Disk, string Key) Encrypted(bool withBoot)
    {
        const int boot = 24;
        File.WriteAllText(_scratch["key"], "correct horse battery staple");
        var guest = new SmallGuest(_scratch["tree"], "", "root=/dev/mapper/root ro console=hvc0");
        guest.Text($"/boot/config-{SmallGuest.Kernel}", "CONFIG_X86_64=y\nCONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=y\n");
        var disk = SmallGuest.Junk(_scratch["xvda.img"], 80, 5);
        var table = Tool.RunWithInput("sfdisk", Encoding.ASCII.GetBytes($"label: dos\nlabel-id: 0x12345678\nstart=2048,size={boot << 11},type=83\nstart={(boot + 1) << 11},type=83\n"), "-q", "--wipe", "always", disk);
        Assert.True(table.ExitCode == 0, table.Error);
        var file = SmallGuest.Junk(_scratch["boot.img"], boot, 6);
        if (withBoot)
        {
            Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", Path.Combine(guest.Directory, "boot"), file);
        }

        Tool.MustRun("dd", $"if={file}", $"of={disk}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        var root = SmallGuest.Junk(_scratch["root.img"], 80 - boot - 1, 7);
        Tool.MustRun("cryptsetup", "luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", _scratch["key"], root);
        Tool.MustRun("dd", $"if={root}", $"of={disk}", "bs=1M", $"seek={boot + 1}", "conv=notrunc", "status=none");
        return (disk, _scratch["key"]);
    }

    // A bit of s_feature_ro_compat that nobody has given a meaning (the superblock is 1024 bytes in, the field 0x64 in it).
    private static void SetUnknownReadOnlyFeature(string path)
    {
        using var file = new FileStream(path, FileMode.Open);
        Span<byte> field = stackalloc byte[4];
        file.Position = 1024 + 0x64;
        file.ReadExactly(field);
        BinaryPrimitives.WriteUInt32LittleEndian(field, BinaryPrimitives.ReadUInt32LittleEndian(field) | 0x4000_0000);
        file.Position = 1024 + 0x64;
        file.Write(field);
    }
}
