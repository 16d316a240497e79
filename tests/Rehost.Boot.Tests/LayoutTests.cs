using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>S1.4, S1.33: guests whose disk has a partition table without room for a boot loader, converted and booted.</summary>
public sealed class LayoutTests
{
    [Theory]
    [InlineData("label: dos\nlabel-id: 0x12345678\n63,,83,*\n", 63 * 512)] // as fdisk did until 2010
    [InlineData("label: gpt\nlabel-id: 6f1a2b3c-0000-4000-8000-0123456789ab\n2048,,L\n", 2048 * 512)] // no BIOS boot partition
    public void A_disk_without_room_for_a_boot_loader_boots_all_the_same(string table, int start) // S2.3, S3.4
    {
        using var scratch = Cli.Scratch();
        var disk = scratch["disk.img"];
        var root = Guests.File(Guests.DebianPv, "web01-root.img");
        using (var image = File.Create(disk))
        {
            image.SetLength(new FileInfo(root).Length + (4 << 20));
        }

        var written = Tool.RunWithInput("sfdisk", System.Text.Encoding.ASCII.GetBytes(table), "--quiet", disk);
        Assert.True(written.ExitCode == 0, written.Error);
        Tool.MustRun("dd", $"if={root}", $"of={disk}", "bs=512", $"seek={start / 512}", "conv=notrunc,sparse", "status=none");
        File.SetUnixFileMode(disk, (UnixFileMode)0x1B4);

        Cli.MustRun("convert", disk, "--to", "kvm", "--output", scratch["out"], "--disk-format", "raw", "--name", "layout");
        Tool.MustRun("sfdisk", "--verify", scratch["out/layout-vda.img"]);
        Assert.Equal(0, Cli.Run("verify", scratch["out"]).ExitCode);
        var boot = Cli.Run("boot", scratch["out/layout.xml"], "--evidence", scratch["evidence"], "--timeout", "900");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
    }
}
