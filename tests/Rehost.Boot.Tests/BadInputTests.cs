using System.Security.Cryptography;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>Bad input: one clear message, the documented exit code, nothing half-written, the source as it was.</summary>
public sealed class BadInputTests
{
    [Fact]
    public void A_flipped_bit_in_an_xva_is_found() => Refused("XVA004", 3, scratch =>
    {
        var copy = CopyOf(Guests.File(Guests.DebianPv, "web01.xva"), scratch["bad.xva"]);
        using var file = File.OpenWrite(copy);
        file.Position = new FileInfo(copy).Length / 2;
        file.WriteByte(0x5A);
        file.WriteByte(0xA5);
        return copy;
    });

    [Fact]
    public void A_truncated_xva_is_found() => Refused(null, 3, scratch =>
    {
        var copy = CopyOf(Guests.File(Guests.DebianPv, "web01.xva"), scratch["bad.xva"]);
        using var file = new FileStream(copy, FileMode.Open);
        file.SetLength(file.Length - (5 << 20));
        return copy;
    });

    [Fact]
    public void An_empty_file_is_no_source() => Refused("PIP001", 3, scratch =>
    {
        File.WriteAllBytes(scratch["empty.img"], []);
        return scratch["empty.img"];
    });

    [Fact]
    public void A_disk_of_noise_has_no_guest() => Refused("INS001", 4, scratch =>
    {
        var noise = new byte[8 << 20];
        new Random(3).NextBytes(noise);
        File.WriteAllBytes(scratch["noise.img"], noise);
        return scratch["noise.img"];
    });

    [Fact]
    public void A_configuration_that_names_a_missing_disk() => Refused("XEN", 3, scratch =>
    {
        File.WriteAllText(scratch["web.cfg"], "name = 'web'\nmemory = 256\ndisk = [ 'file:/nowhere/web.img,xvda1,w' ]\n");
        return scratch["web.cfg"];
    });

    [Fact]
    public void A_guest_without_kernel() => Refused("INS004", 4, scratch => Guest(scratch, tree =>
    {
        Directory.CreateDirectory(Path.Combine(tree, "boot"));
    }));

    [Fact]
    public void A_corrupt_file_system() => Refused(null, 4, scratch =>
    {
        var image = Guest(scratch, _ => { });
        using var file = File.OpenWrite(image);
        file.Position = 4096; // the group descriptors
        file.Write(new byte[4096].Select((_, index) => (byte)(index * 7 % 256)).ToArray());
        return image;
    }, orExitCode: 3);

    [Fact]
    public void A_missing_source() => Refused("BLK005", 3, scratch => scratch["not-there.xva"]);

    [Fact]
    public void A_target_that_exists_is_not_overwritten()
    {
        using var scratch = Cli.Scratch();
        Directory.CreateDirectory(scratch["out"]);
        File.SetUnixFileMode(scratch["out"], (UnixFileMode)0x1FF);
        File.WriteAllText(scratch["out/web01.xml"], "mine");
        var result = Cli.Run("convert", Guests.File(Guests.DebianPv, "web01.xva"), "--to", "kvm", "--output", scratch["out"]);
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("PIP002", result.Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(scratch["out/web01.xml"]));
        Assert.Single(Directory.GetFileSystemEntries(scratch["out"]));
    }

    [Fact]
    public void A_full_target_leaves_nothing()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Fail("this test mounts a small tmpfs and needs root");
        }

        using var scratch = Cli.Scratch();
        Directory.CreateDirectory(scratch["small"]);
        using (new Mounted("tmpfs", scratch["small"], "-t", "tmpfs", "-o", "size=64m,mode=777"))
        {
            var result = Cli.Run("convert", Guests.File(Guests.DebianPv, "web01.xva"), "--to", "kvm", "--output", scratch["small/out"]);
            Assert.Equal(5, result.ExitCode);
            Assert.Matches("PIP004|BLK004", result.Error);
            Assert.True(!Directory.Exists(scratch["small/out"]) || Directory.GetFileSystemEntries(scratch["small/out"]).Length == 0);
        }
    }

    [Fact]
    public void A_flipped_bit_in_the_target_is_found_and_placed()
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File(Guests.DebianPv, "web01.cfg"), "--to", "kvm", "--output", scratch["out"], "--disk-format", "raw");
        using (var disk = new FileStream(scratch["out/web01-vda.img"], FileMode.Open))
        {
            disk.Position = 300 << 20;
            var value = disk.ReadByte();
            disk.Position = 300 << 20;
            disk.WriteByte((byte)(value ^ 1));
        }

        var result = Cli.Run("verify", scratch["out"]);
        Assert.Equal(7, result.ExitCode);
        Assert.Contains($"{300 << 20}", result.Output, StringComparison.Ordinal);
    }

    private static void Refused(string? id, int exitCode, Func<ScratchDirectory, string> make, int? orExitCode = null)
    {
        using var scratch = Cli.Scratch();
        var source = make(scratch);
        if (File.Exists(source))
        {
            File.SetUnixFileMode(source, (UnixFileMode)0x124);
        }

        var before = HashOf(source);
        var result = Cli.Run("convert", source, "--to", "kvm", "--output", scratch["out"]);
        Assert.True(result.ExitCode == exitCode || result.ExitCode == orExitCode, $"exit code {result.ExitCode}, needed {exitCode}\n{result.Error}");
        Assert.Contains($"rehost: {id}", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Rehost", result.Error, StringComparison.Ordinal);
        Assert.Equal(before, HashOf(source));
        Assert.True(!Directory.Exists(scratch["out"]) || Directory.GetFileSystemEntries(scratch["out"]).Length == 0, "something was left behind");
    }

    private static string Guest(ScratchDirectory scratch, Action<string> change)
    {
        var tree = scratch["tree"];
        foreach (var folder in new[] { "etc", "bin", "sbin", "boot", "lib/modules", "usr/bin" })
        {
            Directory.CreateDirectory(Path.Combine(tree, folder));
        }

        File.WriteAllText(Path.Combine(tree, "etc/os-release"), "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
        File.WriteAllText(Path.Combine(tree, "etc/fstab"), "/dev/xvda1 / ext4 defaults 0 1\n");
        change(tree);
        Tool.MustRun("mke2fs", "-q", "-t", "ext4", "-d", tree, scratch["guest.img"], "32M");
        return scratch["guest.img"];
    }

    private static string CopyOf(string path, string target)
    {
        File.Copy(path, target);
        File.SetUnixFileMode(target, (UnixFileMode)0x1B6);
        return target;
    }

    private static string HashOf(string path)
    {
        if (!File.Exists(path))
        {
            return "none";
        }

        using var stream = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}
