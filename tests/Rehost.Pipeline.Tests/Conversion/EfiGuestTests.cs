using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>A guest that starts from UEFI: its own boot loader is where any firmware looks, and verify looks there too.</summary>
public sealed class EfiGuestTests
{
    private const string Title = "the firmware finds a program to start";
    private const int EfiLength = 40;
    private const int RootLength = 48;
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("EFI/debian/grubx64.efi", CheckOutcome.Passed)]
    [InlineData("EFI/debian/readme.txt", CheckOutcome.NotDone)]
    public void Verify_looks_for_the_program_at_the_fallback_path(string file, CheckOutcome expected) // S1.28, S1.33
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web01.cfg"], $"name = \"web01\"\ntype = \"hvm\"\nfirmware = \"ovmf\"\nmemory = 512\ndisk = [ \"format=raw,vdev=xvda,access=rw,target={Disk(scratch, file)}\" ]\n");
        var migration = new Migration(new SilentProgress());
        var record = migration.Convert(new SourceRequest(scratch["web01.cfg"]), new TargetRequest("kvm") { OutputDirectory = scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" } }, NoStop);
        Assert.Equal(Firmware.Uefi, record.Plan.Target.Firmware);
        Assert.Equal(expected == CheckOutcome.Passed, record.Plan.Changes.OfType<CopyFile>().Any());
        Assert.Equal(expected != CheckOutcome.Passed, record.Plan.Findings.Any(finding => finding.Id == "PLN027"));

        var report = migration.Verify(scratch["out"], null, [], NoStop);
        var check = Assert.Single(report.Checks, check => check.Title == Title);
        Assert.Equal(expected, check.Outcome);
        Assert.DoesNotContain(report.Checks, one => one.Outcome == CheckOutcome.Failed);
        if (expected != CheckOutcome.Passed)
        {
            return;
        }

        // mtools as a stranger: the program is at the path, byte for byte.
        Assert.Equal("/boot/efi/EFI/BOOT/BOOTX64.EFI", check.Detail);
        Tool.MustRun("mcopy", "-i", $"{scratch["out/" + record.Disks[0].File]}@@1M", "::/EFI/BOOT/BOOTX64.EFI", scratch["program"]);
        Assert.Equal("program", File.ReadAllText(scratch["program"]));
    }

    private static string Disk(ScratchDirectory scratch, string file)
    {
        var guest = new SmallGuest(scratch["tree"], "UUID=11111111-2222-3333-4444-555555555555 / ext4 defaults 0 1\nUUID=AB12-CD34 /boot/efi vfat defaults 0 1\n", "root=UUID=11111111-2222-3333-4444-555555555555 ro").Folder("/boot/efi");
        var root = SmallGuest.Junk(scratch["root.img"], RootLength, 2);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-U", "11111111-2222-3333-4444-555555555555", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        var efi = SmallGuest.Junk(scratch["efi.img"], EfiLength, 3);
        Tool.MustRun("mkfs.fat", "-F", "32", "-s", "1", "-i", "AB12CD34", efi);
        File.WriteAllText(scratch["file"], "program");
        Tool.MustRun("mmd", "-i", efi, "::/EFI", "::/EFI/debian");
        Tool.MustRun("mcopy", "-i", efi, scratch["file"], "::/" + file);
        var disk = SmallGuest.Junk(scratch["disk.img"], 1 + EfiLength + RootLength + 1, 4);
        var table = string.Create(CultureInfo.InvariantCulture, $"label: gpt\nlabel-id: 6f1a2b3c-0000-4000-8000-0123456789ab\nstart=2048,size={EfiLength << 11},type=U\nstart={(1 + EfiLength) << 11},size={RootLength << 11},type=L\n");
        var made = Tool.RunWithInput("sfdisk", System.Text.Encoding.ASCII.GetBytes(table), "-q", "--wipe", "always", disk);
        Assert.True(made.ExitCode == 0, made.Error);
        Tool.MustRun("dd", $"if={efi}", $"of={disk}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        Tool.MustRun("dd", $"if={root}", $"of={disk}", "bs=1M", $"seek={1 + EfiLength}", "conv=notrunc", "status=none");
        return disk;
    }
}
