using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>A real guest through the command line: planned, edited, signed off, applied later; applied in place, killed, gone on with, undone.</summary>
public sealed class PlanDocumentTests
{
    [Fact]
    public void A_plan_is_made_edited_signed_off_applied_and_verified()
    {
        using var scratch = Cli.Scratch();
        var xva = Guests.File(Guests.DebianPv, "web01.xva");
        var plan = scratch["plan.json"];
        Cli.MustRun("plan", xva, "--to", "kvm", "--output", plan);
        Assert.Contains("as it was made", Cli.MustRun("review", plan), StringComparison.Ordinal);
        Assert.NotEqual(0, Cli.Run("plan", xva, "--to", "kvm", "--output", plan).ExitCode);

        var document = JsonNode.Parse(File.ReadAllText(plan))!.AsObject();
        var changes = document["plan"]!["steps"]!.AsArray().SelectMany(step => step!["changes"]!.AsArray()).Select(change => change!.AsObject()).ToList();
        var fstab = changes.Single(change => (string?)change["path"] == "/etc/fstab" && (string?)change["kind"] == "editFile");
        fstab.Parent!.AsArray().Remove(fstab);
        var menu = changes.First(change => (string?)change["path"] == "/boot/grub/menu.lst" && (string?)change["kind"] == "editFile");
        menu["content"] = ((string)menu["content"]!).Replace(" ro ", " ro mitigations=off ", StringComparison.Ordinal);
        Assert.Contains("mitigations=off", (string)menu["content"]!, StringComparison.Ordinal);
        var edited = scratch["edited.json"];
        File.WriteAllText(edited, document.ToJsonString());
        File.SetUnixFileMode(edited, (UnixFileMode)0x1B6);
        Assert.Contains("dropped: editFile /etc/fstab", Cli.MustRun("review", edited), StringComparison.Ordinal);
        Assert.Equal(2, Cli.Run("convert", xva, "--plan", edited, "--output", scratch["refused"], "--require-signed-off").ExitCode);
        Assert.Equal(2, Cli.Run("convert", xva, "--plan", edited, "--output", scratch["refused"], "--compress", "zlib").ExitCode);
        Tool.MustRun("chown", "65534:65534", edited);
        Cli.MustRun("sign-off", edited, "--by", "Jane Doe", "--note", "CHG-1234");

        var record = Cli.Json("convert", xva, "--plan", edited, "--output", scratch["out"], "--require-signed-off");
        Assert.Equal("Jane Doe", record.GetProperty("document").GetProperty("signedOff").GetProperty("by").GetString());
        var verified = Cli.Run("verify", scratch["out"], "--source", xva, "--json");
        Assert.True(verified.ExitCode == 0, verified.Output);
        Assert.Contains("dropped by the operator", verified.Output, StringComparison.Ordinal);
        Assert.Contains("mitigations=off", Cli.MustRun("files", "cat", Assert.Single(Directory.GetFiles(scratch["out"], "*-vda.qcow2")), "/boot/grub/menu.lst"), StringComparison.Ordinal);

        // Refused for another guest.
        Assert.NotEqual(0, Cli.Run("convert", Guests.File(Guests.DebianMbr, "web01.xva"), "--plan", plan, "--output", scratch["other"]).ExitCode);
    }

    [Fact]
    public void A_plan_is_applied_in_place_killed_gone_on_with_and_undone()
    {
        using var scratch = Cli.Scratch();
        foreach (var disk in (string[])["root", "swap"])
        {
            Tool.MustRun("cp", "--sparse=always", Guests.File(Guests.DebianPv, $"web01-{disk}.img"), scratch[$"{disk}.img"]);
            Tool.MustRun("chown", "65534:65534", scratch[$"{disk}.img"]);
        }

        string[] disks = [scratch["root.img"], scratch["swap.img"]];
        var before = Tool.MustRun("sha256sum", disks);
        Cli.MustRun("plan", disks[0], "--device-name", "xvda1", "--disk", $"xvda2={disks[1]}", "--mac", "00:16:3e:01:02:03", "--name", "web01", "--to", "kvm", "--disk-format", "raw", "--output", scratch["plan.json"]);

        for (var kill = 1; kill < 2; kill++)
        {
            // Killed wherever it is by then: with nothing written, in the middle, or done.
            Kill(["apply", scratch["plan.json"], "--in-place", .. disks], scratch["root.img.rehost-undo"], 150 * kill);
            if (File.Exists(scratch["root.img.rehost-undo"]))
            {
                Cli.MustRun("undo", scratch["root.img.rehost-undo"]);
            }

            Assert.Equal(before, Tool.MustRun("sha256sum", disks));
        }

        Kill(["apply", scratch["plan.json"], "--in-place", .. disks], scratch["root.img.rehost-undo"], 200);
        var again = Cli.Run(["apply", scratch["plan.json"], "--in-place", .. disks, "--resume", "--output", scratch["config"]]);
        Assert.True(again.ExitCode == 0 || again.Error.Contains("UND005", StringComparison.Ordinal), again.Error);
        var check = Tool.Run("e2fsck", "-fn", disks[0] + "?offset=1048576");
        Assert.True(check.ExitCode == 0, check.Output);

        var undone = JsonDocument.Parse(Cli.MustRun("undo", disks[0], "--json")).RootElement.GetProperty("disks");
        Assert.All(undone.EnumerateArray(), disk => Assert.Equal(disk.GetProperty("sha256Original").GetString(), disk.GetProperty("sha256After").GetString()));
        Assert.Equal(before, Tool.MustRun("sha256sum", disks));
    }

    private static void Kill(string[] arguments, string journal, int milliseconds)
    {
        using var process = Process.Start(new ProcessStartInfo(Cli.Program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        while (!File.Exists(journal) && !process.HasExited)
        {
            Thread.Sleep(2);
        }

        Thread.Sleep(milliseconds);
        if (!process.HasExited)
        {
            process.Kill();
        }

        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)));
        if (File.Exists(journal))
        {
            Tool.MustRun("chown", "65534:65534", journal);
        }
    }
}
