using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>A kernel whose menu names no initramfs, and that needs modules for its disk and its root on the target: it gets one of ours, and the guest boots with it.</summary>
public sealed class OwnInitramfsTests
{
    [Fact]
    public void A_guest_without_initramfs_gets_one_and_boots() // S2.25
    {
        using var scratch = Cli.Scratch();
        Tool.MustRun("cp", "--sparse=always", Guests.File(Guests.DebianMbr, "web01-disk0.img"), Guests.File(Guests.DebianMbr, "web01-disk1.img"), Guests.File(Guests.DebianMbr, "web01.cfg"), scratch.Path);
        var root = scratch["web01-disk0.img"] + "?offset=1048576";
        var kernel = Tool.MustRun("debugfs", "-R", "ls -p /lib/modules", root).Split('/').Single(name => name.StartsWith("6.", StringComparison.Ordinal));
        File.WriteAllLines(scratch["grub.cfg"], Tool.MustRun("debugfs", "-R", "cat /boot/grub/grub.cfg", root).Split('\n').Where(line => !line.TrimStart().StartsWith("initrd", StringComparison.Ordinal)));
        var edited = Tool.RunWithInput("debugfs", System.Text.Encoding.ASCII.GetBytes($"rm /boot/grub/grub.cfg\nwrite {scratch["grub.cfg"]} /boot/grub/grub.cfg\nrm /boot/initrd.img-{kernel}\n"), "-w", root);
        Assert.True(edited.ExitCode == 0, edited.Error);
        foreach (var path in Directory.GetFiles(scratch.Path))
        {
            File.SetUnixFileMode(path, (UnixFileMode)0x1B4);
        }

        var record = Cli.Json("convert", scratch["web01.cfg"], "--to", "kvm", "--output", scratch["out"]);
        var made = record.GetProperty("plan").GetProperty("steps").EnumerateArray().SelectMany(step => step.GetProperty("changes").EnumerateArray()).Single(change => change.GetProperty("kind").GetString() == "makeInitramfs");
        Assert.Equal("/dev/vda1", made.GetProperty("rootDevice").GetString());
        Assert.All(Cli.Json("verify", scratch["out"]).GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));

        var boot = Cli.Run("boot", scratch["out/web01.xml"], "--evidence", scratch["evidence"], "--timeout", "900", "--json");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        Assert.Equal("booted", JsonDocument.Parse(boot.Output).RootElement.GetProperty("verdict").GetString());
    }
}
