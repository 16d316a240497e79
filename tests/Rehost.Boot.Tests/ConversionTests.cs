using System.Security.Cryptography;
using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>S1 and S4 whole: a Xen guest is converted by an ordinary user, verified, and boots to its login prompt under QEMU.</summary>
public abstract class ConversionTests(string guest, string fileSystem)
{
    [Fact]
    public void The_guest_converts_verifies_and_boots() // S0.8, S0.37, S1.5, S1.19, X.7, X.8
    {
        using var scratch = Cli.Scratch();
        var xva = Guests.File(guest, "web01.xva");
        var before = Hash(xva);
        var output = scratch["out"];

        var plan = Cli.Json("plan", xva, "--to", "kvm");
        var record = Cli.Json("convert", xva, "--to", "kvm", "--output", output);
        Assert.Equal(plan.GetProperty("plan").GetProperty("steps").GetRawText(), record.GetProperty("plan").GetProperty("steps").GetRawText());
        Assert.Equal(before, Hash(xva));
        Assert.Equal(Expected(output), (string[])[.. Directory.GetFileSystemEntries(output).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]);

        foreach (var disk in Directory.GetFiles(output, "*.qcow2"))
        {
            Tool.MustRun("qemu-img", "check", disk);
        }

        Tool.MustRun("virt-xml-validate", Path.Combine(output, "web01.xml"), "domain");
        CheckFileSystem(scratch, output);

        var verified = Cli.Json("verify", output, "--source", xva);
        Assert.All(verified.GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));

        var boot = Cli.Run("boot", Path.Combine(output, "web01.xml"), "--evidence", scratch["evidence"], "--timeout", "900", "--json");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        var report = JsonDocument.Parse(boot.Output).RootElement;
        var milestones = report.GetProperty("milestones").EnumerateArray().Select(milestone => milestone.GetProperty("milestone").GetString() ?? "").ToList();

        // Guests that boot quietly say nothing between the boot loader and init.
        Assert.Equal(["firmware", "bootLoader", "login"], milestones.Except(["kernel", "rootMounted", "init"]));
        Assert.Contains("web01 login:", File.ReadAllText(scratch["evidence/serial.log"]), StringComparison.Ordinal);
        Assert.True(new FileInfo(scratch["evidence/screen.png"]).Length > 100);

        // The proof ran on a throw-away overlay: the result is still what was written.
        Assert.Equal(0, Cli.Run("verify", output, "--source", "none").ExitCode);
    }

    [Fact]
    public void The_configuration_with_raw_disks_gives_the_same_guest() // S2.3
    {
        using var scratch = Cli.Scratch();
        var fromXva = Cli.Json("plan", Guests.File(guest, "web01.xva"), "--to", "kvm");
        var fromConfiguration = Cli.Json("convert", Guests.File(guest, "web01.cfg"), "--to", "kvm", "--output", scratch["out"], "--compress", "zstd");
        var changes = Paths(fromXva.GetProperty("plan"));
        Assert.NotEmpty(changes);
        Assert.Equal(changes, Paths(fromConfiguration.GetProperty("plan")));
        foreach (var disk in Directory.GetFiles(scratch["out"], "*.qcow2"))
        {
            Tool.MustRun("qemu-img", "check", disk);
        }

        Assert.Equal(0, Cli.Run("verify", scratch["out"]).ExitCode);
    }

    private static string[] Paths(JsonElement plan) => [.. plan.GetProperty("steps").EnumerateArray()
        .SelectMany(step => step.GetProperty("changes").EnumerateArray())
        .Select(change => change.TryGetProperty("path", out var path) ? path.GetString() ?? "" : change.GetProperty("kind").GetString() ?? "")];

    private static string[] Expected(string output)
    {
        string[] always = ["report.json", "report.md", "times.json", "web01-vda.manifest", "web01-vda.qcow2", "web01-vdb.manifest", "web01-vdb.qcow2", "web01.xml"];
        Assert.All(always.Where(name => !name.EndsWith(".md", StringComparison.Ordinal)), name => Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(output, name)) & (UnixFileMode)0x3F));
        return always;
    }

    private void CheckFileSystem(ScratchDirectory scratch, string output)
    {
        Tool.MustRun("qemu-img", "convert", "-O", "raw", Path.Combine(output, "web01-vda.qcow2"), scratch["vda.img"]);
        var table = JsonDocument.Parse(Tool.MustRun("sfdisk", "--json", scratch["vda.img"])).RootElement.GetProperty("partitiontable");
        var partition = table.GetProperty("partitions")[0];
        Tool.MustRun("dd", $"if={scratch["vda.img"]}", $"of={scratch["root.img"]}", "bs=512", "conv=sparse", $"skip={partition.GetProperty("start").GetInt64()}", $"count={partition.GetProperty("size").GetInt64()}");
        Assert.Contains(fileSystem, Tool.MustRun("file", scratch["root.img"]), StringComparison.Ordinal);
        var check = Tool.Run("e2fsck", "-fn", scratch["root.img"]);
        Assert.True(check.ExitCode == 0, check.Output + check.Error);
        File.Delete(scratch["vda.img"]);
        File.Delete(scratch["root.img"]);
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}

/// <summary>Guest (a): a bare ext4, systemd, a menu.lst for pygrub.</summary>
public sealed class DebianPvConversionTests() : ConversionTests(Guests.DebianPv, "ext4");

/// <summary>Guest (b): ext4 in an MBR partition, its own grub.cfg, swap on a second disk.</summary>
public sealed class DebianMbrConversionTests() : ConversionTests(Guests.DebianMbr, "ext4");

/// <summary>Guest (c): sysvinit on ext3 as of 2005, GRUB legacy.</summary>
public sealed class SysvinitConversionTests() : ConversionTests(Guests.Sysvinit, "ext3");
