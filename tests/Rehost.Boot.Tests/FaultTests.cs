using System.Diagnostics;
using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>Guests that were not shut down, and runs that are stopped half-way.</summary>
public sealed class FaultTests
{
    [Fact]
    public void A_guest_that_was_not_shut_down_is_recovered()
    {
        Assert.True(Environment.IsPrivilegedProcess, "this test mounts an image to make its journal dirty, and needs root");
        using var scratch = Cli.Scratch();
        var live = scratch["live.img"];
        var dirty = scratch["dirty.img"];
        Tool.MustRun("cp", "--sparse=always", Guests.File(Guests.DebianPv, "web01-root.img"), live);
        Directory.CreateDirectory(scratch["mnt"]);
        using (new Mounted(live, scratch["mnt"], "-o", "loop,noatime"))
        {
            for (var index = 0; index < 200; index++)
            {
                File.WriteAllText(scratch[$"mnt/var/cache/file{index}"], $"content {index}\n");
            }

            Tool.MustRun("sync", "-f", scratch["mnt"]);
            File.Delete(scratch["mnt/var/cache/file7"]);
            Tool.MustRun("sync", "-f", scratch["mnt"]);
            Tool.MustRun("cp", "--sparse=always", live, dirty);
        }

        File.SetUnixFileMode(dirty, (UnixFileMode)0x124);
        var before = Tool.MustRun("sha256sum", dirty);
        var record = Cli.Json("convert", dirty, "--device-name", "xvda1", "--to", "kvm", "--output", scratch["out"], "--disk-format", "raw", "--name", "dirty");
        Assert.Contains(record.GetProperty("plan").GetProperty("findings").EnumerateArray(), finding => finding.GetProperty("id").GetString() == "INS006");
        Assert.Equal(before, Tool.MustRun("sha256sum", dirty));
        Assert.Equal(0, Cli.Run("verify", scratch["out"]).ExitCode);
        Tool.MustRun("dd", $"if={scratch["out/dirty-vda.img"]}", $"of={scratch["root.img"]}", "bs=1M", "skip=1", "conv=sparse", "status=none");
        var check = Tool.Run("e2fsck", "-fn", scratch["root.img"]);
        Assert.True(check.ExitCode == 0, check.Output);
        Assert.Equal("content 42\n", Tool.MustRun("debugfs", "-R", "cat /var/cache/file42", scratch["root.img"]));
        Assert.Contains("File not found", Tool.Run("debugfs", "-R", "stat /var/cache/file7", scratch["root.img"]).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("KILL", 137)]
    public void A_run_that_is_stopped_leaves_nothing_that_looks_finished(string signal, int exitCode)
    {
        using var scratch = Cli.Scratch();
        var stopped = 0;
        var output = "";

        // On a loaded machine a run may be over before the signal arrives: that one says nothing, and there is another.
        for (var attempt = 0; attempt < 10 && stopped == 0; attempt++)
        {
            output = scratch[$"out{attempt}"];
            stopped = RunAndStop(output, signal);
        }

        Assert.Equal(exitCode, stopped);
        var left = Directory.Exists(output) ? Directory.GetFileSystemEntries(output).Select(path => Path.GetFileName(path)!).ToArray() : [];
        Assert.All(left, name => Assert.Matches(@"\.partial(\.journal)?$", name));

        // And it is gone on with: the same command, what nobody disturbed.
        string[] command = ["convert", Guests.File(Guests.DebianPv, "web01.xva"), "--to", "kvm", "--compress", "zlib", "--output"];
        Tool.MustRun(Cli.Program, [.. command, output, "--resume"]);
        Tool.MustRun(Cli.Program, [.. command, scratch["again"]]);
        var files = Directory.GetFiles(scratch["again"]).Select(path => Path.GetFileName(path)!).Order().ToArray();
        Assert.Equal(files, Directory.GetFiles(output).Select(path => Path.GetFileName(path)!).Order());
        Assert.All(files.Where(name => name is not ("report.json" or "report.md" or "times.json" or "web01.xml")), name => Tool.MustRun("cmp", Path.Combine(output, name), scratch[$"again/{name}"]));
    }

    private static int RunAndStop(string output, string signal)
    {
        using var process = Process.Start(new ProcessStartInfo(Cli.Program, ["convert", Guests.File(Guests.DebianPv, "web01.xva"), "--to", "kvm", "--output", output, "--compress", "zlib"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var until = DateTime.UtcNow.AddMinutes(2);
        while (!File.Exists(Path.Combine(output, "web01-vda.qcow2.partial")) && DateTime.UtcNow < until)
        {
            Thread.Sleep(5);
        }

        Tool.Run("kill", $"-{signal}", $"{process.Id}");
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(1)));
        return process.ExitCode;
    }

    [Theory]
    [InlineData("convert", "--to", "hyperv")]
    [InlineData("convert", "--compress", "rot13")]
    [InlineData("frobnicate", "--to", "kvm")]
    public void A_wrong_command_line_is_a_fault_of_usage(string verb, string option, string value)
        => Assert.Equal(2, Cli.Run(verb, "source.xva", option, value).ExitCode);

    [Fact]
    public void Completion_knows_verbs_and_options()
    {
        Assert.Contains("convert", Cli.MustRun("[suggest:8]", "rehost c"), StringComparison.Ordinal);
        Assert.Contains("--disk-format", Cli.MustRun("[suggest:17]", "rehost convert --"), StringComparison.Ordinal);
        foreach (var shell in new[] { "bash", "zsh", "fish" })
        {
            Assert.Contains("rehost", Cli.MustRun("completion", shell), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_verb_has_help_with_examples()
    {
        foreach (var verb in new[] { "inspect", "plan", "convert", "verify", "boot", "completion" })
        {
            Assert.Contains("Examples:", Cli.MustRun(verb, "--help"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_error_is_json_too()
    {
        using var scratch = Cli.Scratch();
        var result = Cli.Run("inspect", scratch["nothing.xva"], "--json");
        Assert.Equal("BLK005", JsonDocument.Parse(result.Output).RootElement.GetProperty("error").GetProperty("id").GetString());
    }
}
