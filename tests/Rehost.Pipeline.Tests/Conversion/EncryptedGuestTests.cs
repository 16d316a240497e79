using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>A guest with an encrypted volume is converted and proved with its key, which is part of nothing that is written.</summary>
public sealed class EncryptedGuestTests
{
    private const string Passphrase = "correct horse battery staple";
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void Verify_opens_the_target_with_the_key_of_the_conversion_or_with_one_that_is_given()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["key"], Passphrase);
        var data = SmallGuest.Junk(scratch["xvdb.img"], 8, 1);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", data);
        using (var file = File.OpenWrite(data))
        {
            file.SetLength(40 << 20);
        }

        Tool.MustRun("cryptsetup", "reencrypt", "--encrypt", "-q", "--type", "luks2", "--force-offline-reencrypt", "--reduce-device-size", "32M", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", scratch["key"], data);
        var uuid = Tool.MustRun("cryptsetup", "luksUUID", data).Trim();
        var guest = new SmallGuest(scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n/dev/mapper/data /srv ext4 defaults 0 2\n").Text("/etc/crypttab", $"data UUID={uuid} none luks\n").Folder("/srv");
        var root = SmallGuest.Junk(scratch["xvda.img"], 32, 2);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        var request = new SourceRequest(root) { DeviceName = "xvda1", MoreDisks = [new BareDisk(data, "xvdb")], Keys = [new KeySource("xvdb", scratch["key"])], MemoryBytes = 512 << 20 };

        var migration = new Migration(new SilentProgress());
        var record = migration.Convert(request, new TargetRequest("kvm") { OutputDirectory = scratch["out"] }, NoStop);
        Assert.Equal((0, true), (record.Disks[1].FreedBytes, record.Disks[1].FreeSpace.Any(share => share.Reason.StartsWith("encrypted", StringComparison.Ordinal))));
        var title = $"file system on mapper/luks-{uuid} is sound";
        var proved = migration.Verify(scratch["out"], null, [], NoStop);
        Assert.True(proved.IsProved, string.Join("\n", proved.Checks));
        Assert.Contains(proved.Checks, check => check.Title == title);

        // Without the key file the volume stays closed, and only its blocks are proved; with one it opens again, wherever it is.
        File.Move(scratch["key"], scratch["elsewhere"]);
        Assert.DoesNotContain(migration.Verify(scratch["out"], "none", [], NoStop).Checks, check => check.Title == title);
        Assert.Contains(migration.Verify(scratch["out"], "none", [new KeySource(uuid, scratch["elsewhere"])], NoStop).Checks, check => check.Title == title);
        Assert.Contains(migration.Verify(scratch["out"], "none", [new KeySource("vdb", scratch["elsewhere"])], NoStop).Checks, check => check.Title == title);
        Assert.Equal("PIP010", Assert.Throws<DiagnosticException>(() => migration.Verify(scratch["out"], "none", [new KeySource(null, scratch["key"])], NoStop)).Diagnostic.Id);
        Assert.All(Directory.GetFiles(scratch["out"]), path => Assert.DoesNotContain(Passphrase, File.ReadAllText(path), StringComparison.Ordinal));
    }
}
