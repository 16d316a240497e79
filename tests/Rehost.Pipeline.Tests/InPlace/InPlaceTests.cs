using System.Diagnostics;
using Rehost.Model;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.InPlace;

/// <summary>Plans that are written into the guest's own disk, and taken back.</summary>
public sealed class InPlaceTests : IDisposable
{
    private const string FirstPartition = "?offset=1048576";
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;
    private readonly ScratchDirectory _scratch = new();
    private readonly Migration _migration = new(new SilentProgress());

    [Fact]
    public void The_disk_becomes_what_a_copy_would_be_and_is_undone_to_the_byte()
    {
        var (disk, document) = Guest();
        var before = Hash(disk);
        _migration.Convert(new SourceRequest(disk), Target("out"), document, NoStop);
        var copy = Assert.Single(Directory.GetFiles(_scratch["out"], "*-vda.img"));

        var record = _migration.ApplyInPlace(new InPlaceRequest([disk]) { OutputDirectory = _scratch["config"] }, Target("none"), document, NoStop);
        Tool.MustRun("cmp", copy, disk);
        Assert.Equal(before, Assert.Single(record.Disks).Sha256Before);
        Assert.True(record.Disks[0].MovedBytes > 0, "the disk was put into a partition");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(record.Journal));
        var check = Tool.Run("e2fsck", "-fn", disk + FirstPartition);
        Assert.True(check.ExitCode == 0, check.Output);
        var domain = Assert.Single(record.Files);
        Assert.Contains(disk, File.ReadAllText(domain), StringComparison.Ordinal);
        Tool.MustRun("virt-xml-validate", domain, "domain");

        Assert.Equal("UND005", Refused(() => Apply(disk, document)));
        var report = Undo(disk);
        Assert.True(report.IsRestored);
        Assert.Equal((before, before, Hash(copy)), (Hash(disk), report.Disks[0].Sha256After, report.Disks[0].Sha256Before));

        // Again is nothing; and the same plan can be applied anew.
        Assert.True(Undo(_scratch.Path).WasUndoneBefore);
        Apply(disk, document);
        Tool.MustRun("cmp", copy, disk);
        Undo(record.Journal);
        Assert.Equal(before, Hash(disk));
    }

    [Theory]
    [InlineData("-C", "7", "mount count")]
    [InlineData("-T", "20300102030405", "last written")]
    [InlineData("-L", "other", "last written")]
    public void A_guest_that_ran_since_is_not_undone(string option, string value, string reason)
    {
        var (disk, document) = Guest();
        Apply(disk, document);
        Tool.MustRun("tune2fs", option, value, disk + FirstPartition);
        var now = Hash(disk);
        var refused = Assert.Throws<DiagnosticException>(() => Undo(disk)).Diagnostic;
        Assert.Equal("UND003", refused.Id);
        Assert.Contains("ext4 on xvda1 was used since", refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(now, Hash(disk));

        // What is clearly asked for is done, and told for what it is.
        var report = _migration.UndoInPlace(disk, [], discardsGuestChanges: true, NoStop);
        Assert.Equal(report.IsRestored, report.Disks[0].Sha256After == report.Disks[0].Sha256Original);
    }

    [Fact]
    public void One_flipped_bit_anywhere_is_found_and_named()
    {
        var (disk, document) = Guest();
        Apply(disk, document);
        foreach (var at in (long[])[0, 700, 2 << 20, (40 << 20) + 12345])
        {
            Flip(disk, at);
            Assert.Equal("UND003", Refused(() => Undo(disk)));
            Flip(disk, at);
        }

        Assert.True(Undo(disk).IsRestored);
    }

    [Fact]
    public void A_run_that_was_stopped_is_refused_until_it_is_gone_on_with_or_undone()
    {
        var (disk, document) = Guest();
        var before = Hash(disk);
        Apply(disk, document);
        var applied = Hash(disk);
        Undo(disk);

        // A journal that was sealed, and a disk that was moved half-way.
        Apply(disk, document);
        CutToBegun(disk + InPlaceRequest.JournalSuffix);
        Assert.Equal("UND004", Refused(() => Apply(disk, document)));
        var other = document with { Plan = document.Plan with { ChecksByHand = ["another"] } };
        Assert.Equal("UND010", Refused(() => _migration.ApplyInPlace(new InPlaceRequest([disk]) { Resumes = true }, Target("none"), other, NoStop)));
        Assert.Equal(applied, Hash(disk));
        Assert.True(Undo(disk).IsRestored);
        Assert.Equal(before, Hash(disk));
    }

    [Fact]
    public void A_disk_that_is_in_use_is_refused()
    {
        var (disk, document) = Guest();
        var before = Hash(disk);
        using (new FileStream(disk, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Equal("BLK007", Refused(() => Apply(disk, document)));
        }

        using var qemu = Process.Start(new ProcessStartInfo("qemu-io", ["-f", "raw", disk]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        qemu.StandardInput.WriteLine("length");
        qemu.StandardInput.Flush();
        while (qemu.StandardOutput.ReadLine() is { } line && !line.Contains("MiB", StringComparison.Ordinal))
        {
            // Until it has answered it has not opened the disk.
        }

        var refused = Assert.Throws<DiagnosticException>(() => Apply(disk, document)).Diagnostic;
        Assert.Equal("BLK007", refused.Id);
        Assert.Contains("QEMU", refused.Message, StringComparison.Ordinal);
        qemu.StandardInput.WriteLine("quit");
        Assert.True(qemu.WaitForExit(60_000));
        Assert.Equal(before, Hash(disk));
        Assert.False(File.Exists(disk + InPlaceRequest.JournalSuffix));
    }

    [Fact]
    public void Other_formats_and_other_disks_are_refused()
    {
        var (disk, document) = Guest();
        Tool.MustRun("qemu-img", "convert", "-O", "qcow2", disk, _scratch["disk.qcow2"]);
        var refused = Assert.Throws<DiagnosticException>(() => Apply(_scratch["disk.qcow2"], document)).Diagnostic;
        Assert.Equal("UND007", refused.Id);
        Assert.Contains("qcow2", refused.Message, StringComparison.Ordinal);
        Assert.Equal("UND002", Refused(() => Undo(disk)));
        Assert.Equal("PLD005", Refused(() => Apply(SmallGuest.Junk(_scratch["small.img"], 4, 1), document)));
    }

    [Fact]
    public void Nothing_is_left_of_a_run_that_finds_another_guest()
    {
        var (disk, document) = Guest();
        File.WriteAllText(_scratch["new"], "# another\n");
        Tool.MustRun("debugfs", "-w", "-R", "rm /etc/fstab", disk);
        Tool.MustRun("debugfs", "-w", "-R", $"write {_scratch["new"]} /etc/fstab", disk);
        var before = Hash(disk);
        Assert.Equal("PLD004", Refused(() => Apply(disk, document)));
        Assert.Equal(before, Hash(disk));
        Assert.DoesNotContain(Directory.GetFiles(_scratch.Path), path => path.Contains(InPlaceRequest.JournalSuffix, StringComparison.Ordinal));
    }

    [Fact]
    public void A_disk_and_its_journal_can_be_moved()
    {
        var (disk, document) = Guest();
        var before = Hash(disk);
        Apply(disk, document);
        Directory.CreateDirectory(_scratch["there"]);
        File.Move(disk, _scratch["there/xvda.img"]);
        File.Move(disk + InPlaceRequest.JournalSuffix, _scratch["there/xvda.img.rehost-undo"]);
        Assert.True(Undo(_scratch["there"]).IsRestored);
        File.Move(_scratch["there/xvda.img"], _scratch["again.img"]);
        Assert.True(_migration.UndoInPlace(_scratch["there"], [_scratch["again.img"]], discardsGuestChanges: false, NoStop).WasUndoneBefore);
        Assert.Equal(before, Hash(_scratch["again.img"]));
    }

    public void Dispose() => _scratch.Dispose();

    private static string Refused(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;

    private static string Hash(string path) => Tool.MustRun("sha256sum", path).Split(' ')[0];

    private static void Flip(string path, long at)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        var one = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(one ^ 1));
    }

    // Takes the last record away, the one that says that everything is written.
    private static void CutToBegun(string journal)
    {
        using var file = new FileStream(journal, FileMode.Open, FileAccess.ReadWrite);
        file.SetLength(file.Length - 32);
    }

    private (string Disk, PlanDocument Document) Guest()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Files("/srv", 40, 300_000, 5);
        var disk = SmallGuest.Junk(_scratch["xvda.img"], 48, 21);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, disk);
        var planned = _migration.Plan(new SourceRequest(disk) { DeviceName = "xvda1", MemoryBytes = 512 << 20, Name = "small" }, Target("none"), withDocument: true, NoStop);
        return (disk, Assert.IsType<PlanDocument>(planned.Document));
    }

    private TargetRequest Target(string output) => new("kvm") { OutputDirectory = _scratch[output], Options = new ConversionOptions { DiskFormat = "raw", KeepFreeSpace = true } };

    private void Apply(string disk, PlanDocument document) => _migration.ApplyInPlace(new InPlaceRequest([disk]), Target("none"), document, NoStop);

    private UndoReport Undo(string path) => _migration.UndoInPlace(path, [], discardsGuestChanges: false, NoStop);
}
