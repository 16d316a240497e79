using System.Globalization;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

/// <summary>
/// Kills the process at random points (SIGKILL) and goes on with --resume: the result is byte for byte that of a run nobody disturbed. Twenty cases here;
/// REHOST_KILL_CASES=1000 runs for hours.
/// </summary>
public sealed class ImageResumeTests
{
    private static readonly (string Extension, string Compression)[] Targets = [("raw", "none"), ("qcow2", "none"), ("qcow2", "zstd")];

    [Fact]
    public void AKilledConversionGoesOn()
    {
        var cases = int.Parse(Environment.GetEnvironmentVariable("REHOST_KILL_CASES") ?? "20", CultureInfo.InvariantCulture);
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", (96 << 20) + 512);
        var expected = Targets.Select(target => Whole(scratch, raw, target)).ToArray();
        var random = new Random(11);
        var (killed, resumed) = (0, 0);
        for (var number = 0; number < cases; number++)
        {
            var (extension, compression) = Targets[number % Targets.Length];
            var path = scratch[$"case.{extension}"];
            string[] arguments = ["convert", raw, path, "--resume", "--compress", compression, "--json"];
            for (var attempt = 0; attempt < 3; attempt++)
            {
                using var process = ImageFiles.Start(arguments);
                KillSomewhere(process, path, random);
                killed += process.ExitCode == 137 ? 1 : 0;
            }

            if (!File.Exists(path))
            {
                var result = ImageFiles.Run(arguments);
                Assert.True(result.ExitCode == 0, $"case {number}: {result.Error}");
                resumed += result.Output.Contains("\"resumedBytes\": 0,", StringComparison.Ordinal) ? 0 : 1;
            }

            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(expected[number % Targets.Length]), $"case {number}");

            // Only a run that is killed between giving the name and removing the journal leaves that, and without the unfinished file it means nothing.
            Assert.False(File.Exists(path + ".partial"));
            File.Delete(path + ".partial.journal");
            File.Delete(path);
        }

        Assert.True(killed >= cases / 2, $"{killed} of {cases} were killed");
        Assert.True(resumed >= cases / 5, $"{resumed} of {cases} went on behind the start");
    }

    private static byte[] Whole(ScratchDirectory scratch, string raw, (string Extension, string Compression) target)
    {
        var path = scratch[$"whole.{target.Extension}"];
        ImageFiles.Convert(raw, path, request => request with { Compression = target.Compression });
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    /// <summary>Waits for some records of the journal, then a little, so that the points are spread over the whole run.</summary>
    private static void KillSomewhere(System.Diagnostics.Process process, string path, Random random)
    {
        var records = random.Next(0, 4);
        var journal = new FileInfo(path + ".partial.journal");
        var before = journal.Exists ? journal.Length : 0;
        for (var waited = 0; waited < 20_000 && !process.HasExited; waited++)
        {
            journal.Refresh();
            if (journal.Exists && journal.Length >= Math.Max(before, 48) + (records * 32))
            {
                break;
            }

            Thread.Sleep(1);
        }

        Thread.Sleep(random.Next(0, 15));
        process.Kill();
        process.WaitForExit();
    }
}
