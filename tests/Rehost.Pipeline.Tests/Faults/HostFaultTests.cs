using System.Diagnostics;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Images;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Faults;

/// <summary>What the host may do to a run: fill up, stop it, start it twice, change the source under it, refuse it a file, name files oddly.</summary>
public sealed class HostFaultTests
{
    private const int Interval = 256 << 10;
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("raw", 300 << 10)]
    [InlineData("qcow2", 500 << 10)]
    public void A_full_disk_says_how_to_go_on_and_is_gone_on_with(string extension, int room)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 4 << 20, seed: 3);
        var (path, expected) = (scratch[$"target.{extension}"], scratch[$"whole.{extension}"]);
        ImageFiles.Convert(raw, path);
        File.Move(path, expected);
        var e = Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, path, request => request with { JournalInterval = Interval, Witness = new RecordingWitness { RoomBytes = room } }));
        Assert.Equal(("BLK004", FaultKind.Target), (e.Diagnostic.Id, e.Diagnostic.Fault));
        Assert.Contains("No space left on device", e.Diagnostic.Message, StringComparison.Ordinal);
        Assert.Contains("the same command with --resume", e.Diagnostic.NextStep, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
        var report = ImageFiles.Convert(raw, path, request => request with { Resumes = true });
        Assert.InRange(report.ResumedBytes, Interval, 4 << 20);
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(path));
    }

    [Fact]
    public void A_conversion_onto_a_full_disk_is_gone_on_with()
    {
        using var scratch = new ScratchDirectory();
        var source = FreeSpaceTests.MakeMachine(scratch, rootAlone: true);
        TargetRequest Target(bool resumes, long room) => new("kvm")
        {
            OutputDirectory = scratch["out"], Options = new ConversionOptions { DiskFormat = "raw" }, Resumes = resumes, JournalInterval = Interval, Witness = new RecordingWitness { RoomBytes = room },
        };
        var e = Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Convert(source, Target(false, 4 << 20), NoStop));
        Assert.Contains("the same command with --resume", e.Diagnostic.NextStep, StringComparison.Ordinal);
        Assert.All(Directory.GetFiles(scratch["out"]), path => Assert.Contains(".partial", path, StringComparison.Ordinal));
        new Migration(new SilentProgress()).Convert(source, Target(true, long.MaxValue), NoStop);
        Assert.True(new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop).IsProved);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public void A_signal_stops_a_run_cleanly_and_it_is_gone_on_with(string signal, int exitCode)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 192 << 20, seed: 4);
        var path = scratch["a.qcow2"];
        string[] arguments = ["convert", raw, path, "--compress", "zlib", "--parallel", "1", "--resume"];
        var error = "";
        for (var attempt = 0; attempt < 5 && error.Length == 0; attempt++)
        {
            using var process = ImageFiles.Start(arguments);
            WaitForRecords(process, path + ".partial.journal", 2);
            Tool.Run("kill", $"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture));
            var said = process.StandardError.ReadToEnd();
            Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)));
            if (process.ExitCode == 0)
            {
                File.Delete(path); // over before the signal came
                continue;
            }

            Assert.Equal(exitCode, process.ExitCode);
            error = said;
        }

        Assert.Contains($"rehost: stopped by SIG{signal}", error, StringComparison.Ordinal);
        Assert.Contains("the same command with --resume goes on", error, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
        var report = ImageFiles.Convert(raw, path, request => request with { Resumes = true, Compression = "zlib" });
        Assert.True(report.ResumedBytes >= 32 << 20, $"{report.ResumedBytes} bytes");
        Assert.Equal(0, ImageFiles.Run("compare", raw, path).ExitCode);
    }

    [Fact]
    public void Two_runs_on_one_target_do_not_meet()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 1 << 20);
        using (CommittedFile.Create(scratch["a.qcow2"]))
        {
            foreach (var more in new string[][] { [], ["--resume"] })
            {
                var second = ImageFiles.Run(["convert", raw, scratch["a.qcow2"], .. more]);
                Assert.Equal(5, second.ExitCode);
                Assert.Contains("BLK012", second.Error, StringComparison.Ordinal);
                Assert.Contains($"process {Environment.ProcessId} ", second.Error, StringComparison.Ordinal);
            }
        }

        Assert.Equal(0, ImageFiles.Run("convert", raw, scratch["a.qcow2"]).ExitCode);
    }

    [Theory]
    [InlineData("grows")]
    [InlineData("is written to")]
    [InlineData("is replaced")]
    public void A_source_that_changes_while_it_is_read_gives_no_target(string how)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 3 << 20, seed: 7);
        var isDone = 0;
        void Change()
        {
            if (Interlocked.Exchange(ref isDone, 1) == 1)
            {
                return;
            }

            var time = File.GetLastWriteTimeUtc(raw);
            switch (how)
            {
                case "grows":
                    using (var file = new FileStream(raw, FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
                    {
                        file.WriteByte(1);
                    }

                    File.SetLastWriteTimeUtc(raw, time);
                    break;
                case "is written to":
                    File.SetLastWriteTimeUtc(raw, time.AddTicks(10));
                    break;
                default:
                    File.Copy(raw, raw + ".new");
                    File.SetLastWriteTimeUtc(raw + ".new", time);
                    File.Move(raw + ".new", raw, overwrite: true);
                    break;
            }
        }

        var request = new ImageConversionRequest(new ImageRequest(raw) { Wrap = device => new FaultyDevice(device, [], _ => Change()) }, scratch["a.qcow2"]);
        var e = Assert.Throws<DiagnosticException>(() => ImageConversion.Run(request, new SilentProgress(), NoStop));
        Assert.Equal("PIP007", e.Diagnostic.Id);
        Assert.Empty(Directory.GetFiles(scratch.Path, "a.qcow2*"));

        var source = FreeSpaceTests.MakeMachine(scratch, rootAlone: true);
        (raw, isDone) = (source.Path, 0);
        var changing = source with { Wrap = device => new FaultyDevice(device, [], _ => Change()) };
        Assert.Equal("PIP007", Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Convert(changing, new TargetRequest("kvm") { OutputDirectory = scratch["out"] }, NoStop)).Diagnostic.Id);
        Assert.False(Directory.Exists(scratch["out"]));
    }

    [Fact]
    public void What_may_not_be_read_or_written_is_said_before_anything_else_happens()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1ff);
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 1 << 20);
        ToolResult Run(params string[] arguments) => Environment.IsPrivilegedProcess
            ? Tool.Run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", ImageFiles.Program, "image", "convert", .. arguments])
            : Tool.Run(ImageFiles.Program, ["image", "convert", .. arguments]);
        File.SetUnixFileMode(raw, 0);
        var unreadable = Run(raw, scratch["a.qcow2"]);
        Assert.Equal(3, unreadable.ExitCode);
        Assert.Contains("BLK003", unreadable.Error, StringComparison.Ordinal);
        File.SetUnixFileMode(raw, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Directory.CreateDirectory(scratch["locked"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        var unwritable = Run(raw, scratch["locked/a.qcow2"]);
        Assert.Equal(5, unwritable.ExitCode);
        Assert.Contains("BLK004", unwritable.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(scratch["locked"]));
    }

    [Fact]
    public void Names_with_line_ends_and_quotes_are_names_like_others()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["a 'b'\n\"c\""]);
        var raw = ImageFiles.MakeRaw(scratch, "a 'b'\n\"c\"/x\ty\n.raw", 1 << 20);
        var target = scratch["a 'b'\n\"c\"/-z\n.qcow2"];
        var result = ImageFiles.Run("convert", raw, target);
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain("c\"/", result.Output.Split('\n')[^1], StringComparison.Ordinal);
        Assert.Contains("\\u000a", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, ImageFiles.Run("compare", raw, target).ExitCode);
        var missing = ImageFiles.Run("convert", raw + "\nrehost: all is well", target + "2");
        Assert.DoesNotContain("\nrehost: all is well", missing.Error, StringComparison.Ordinal);
    }

    private static void WaitForRecords(Process process, string journal, int records)
    {
        for (var waited = 0; waited < 120_000 && !process.HasExited; waited++)
        {
            if (new FileInfo(journal) is { Exists: true, Length: var length } && length >= 48 + (32 * records))
            {
                return;
            }

            Thread.Sleep(1);
        }
    }
}
