using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>A guest whose volumes stay byte for byte what they were, and one that changes its firmware: converted by an ordinary user, verified, and booted.</summary>
public sealed class ZeroWriteTests
{
    [Fact]
    public void A_guest_boots_without_a_change_of_its_volumes()
    {
        using var scratch = Cli.Scratch();
        var root = Guests.File(Guests.DebianPv, "web01-root.img");
        var record = Cli.Json("convert", Guests.File(Guests.DebianPv, "web01.cfg"), "--to", "kvm", "--guest-changes", "none", "--disk-format", "raw", "--output", scratch["out"]);
        Assert.Equal("this was asked for", record.GetProperty("plan").GetProperty("untouchedBecause").GetString());

        // Not only by our own proof: the bytes behind the partition's start are the source's.
        var start = record.GetProperty("plan").GetProperty("steps").EnumerateArray().SelectMany(step => step.GetProperty("changes").EnumerateArray())
            .Single(change => change.GetProperty("kind").GetString() == "wrapInPartition").GetProperty("partitionOffset").GetInt64();
        Tool.MustRun("cmp", "--ignore-initial", $"0:{start}", "--bytes", $"{new FileInfo(root).Length}", root, scratch["out/web01-vda.img"]);
        Tool.MustRun("cmp", Guests.File(Guests.DebianPv, "web01-swap.img"), scratch["out/web01-vdb.img"]);
        Tool.MustRun("sfdisk", "--verify", scratch["out/web01-vda.img"]);

        var checks = Cli.Json("verify", scratch["out"]).GetProperty("checks").EnumerateArray().ToList();
        Assert.All(checks, check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));
        Assert.Equal(2, checks.Count(check => check.GetProperty("title").GetString()!.Contains("are untouched", StringComparison.Ordinal)));
        AssertBoots(scratch, "web01.xml");
    }

    [Fact]
    public void A_change_of_a_volume_that_was_to_stay_is_found()
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File(Guests.DebianPv, "web01.cfg"), "--to", "kvm", "--guest-changes", "none", "--disk-format", "raw", "--output", scratch["out"]);
        using (var disk = new FileStream(scratch["out/web01-vda.img"], FileMode.Open))
        {
            disk.Position = 700 << 20;
            disk.WriteByte(1);
        }

        Assert.Equal(7, Cli.Run("verify", scratch["out"]).ExitCode);
    }

    [Fact]
    public void A_guest_goes_from_bios_to_uefi_and_back()
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File(Guests.DebianMbr, "web01.cfg"), "--to", "kvm", "--firmware", "uefi", "--disk-format", "raw", "--output", scratch["uefi"]);
        Tool.MustRun("sfdisk", "--verify", scratch["uefi/web01-vda.img"]);
        Tool.MustRun("virt-xml-validate", scratch["uefi/web01.xml"], "domain");
        Passed(scratch["uefi"]);
        AssertBoots(scratch, "web01.xml", "uefi");

        Cli.MustRun("convert", scratch["uefi/web01.xml"], "--to", "kvm", "--firmware", "bios", "--output", scratch["bios"]);
        Passed(scratch["bios"]);
        var plan = Cli.Json("plan", scratch["bios/web01.xml"], "--to", "kvm").GetProperty("plan");
        Assert.Equal("bios", plan.GetProperty("target").GetProperty("firmware").GetString());
    }

    private static void Passed(string output) => Assert.All(Cli.Json("verify", output).GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));

    private static void AssertBoots(ScratchDirectory scratch, string name, string directory = "out")
    {
        var boot = Cli.Run("boot", scratch[$"{directory}/{name}"], "--evidence", scratch[$"{directory}-evidence"], "--timeout", "900", "--json");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        Assert.Contains("web01 login:", File.ReadAllText(scratch[$"{directory}-evidence/serial.log"]), StringComparison.Ordinal);
        Assert.Equal("booted", JsonDocument.Parse(boot.Output).RootElement.GetProperty("verdict").GetString());
    }
}
