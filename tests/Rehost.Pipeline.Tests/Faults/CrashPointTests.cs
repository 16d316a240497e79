using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Faults;

/// <summary>
/// Hundreds of moments at which a run ends: killed, without power, on a disk that lies about what it has. The files that each leaves are made from what the run did, and --resume makes of them byte for
/// byte what a run makes that nobody disturbed. REHOST_KILL_CASES=10000 runs for hours.
/// </summary>
public sealed class CrashPointTests
{
    private const int Interval = 256 << 10;
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("REHOST_KILL_CASES") ?? "60", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("raw", "none")]
    [InlineData("qcow2", "none")]
    [InlineData("qcow2", "zstd")]
    [InlineData("vmdk", "none")]
    [InlineData("vhdx", "none")]
    [InlineData("ova", "none")]
    public void An_image_conversion_goes_on_from_any_moment(string extension, string compression)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", (3 << 20) + 512, seed: 5);
        var path = scratch[$"out/a.{extension}"];
        Directory.CreateDirectory(scratch["out"]);
        var whole = new RecordingWitness();
        void Run(RecordingWitness? witness, bool resumes)
            => ImageFiles.Convert(raw, path, request => request with { Compression = compression, Resumes = resumes, JournalInterval = Interval, Witness = witness, Workers = 2 });
        Run(whole, resumes: false);
        var expected = File.ReadAllBytes(path);
        var random = new Random(extension.Length + compression.Length);
        var resumed = 0;
        for (var number = 0; number < Cases; number++)
        {
            Directory.Delete(scratch["out"], recursive: true);
            Directory.CreateDirectory(scratch["out"]);
            var kind = (CrashKind)(number % 3);
            var count = random.Next(whole.Operations.Count);
            CrashState.Make(whole.Operations, count, kind, random);
            if (File.Exists(path))
            {
                continue; // all was done
            }

            var second = new RecordingWitness();
            Run(second, resumes: true);
            Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(path)), $"case {number}: {kind} after {count} of {whole.Operations.Count} operations");
            Assert.Equal([path], Directory.GetFiles(scratch["out"]));
            resumed += second.Operations.Count(operation => operation.Kind == FileOperationKind.Write) < whole.Operations.Count(operation => operation.Kind == FileOperationKind.Write) * 9 / 10 ? 1 : 0;
        }

        Assert.True(resumed >= Cases / 5, $"{resumed} of {Cases} wrote less than the first run");
    }

    [Theory]
    [InlineData("kvm", "raw", 8)]
    [InlineData("kvm", "qcow2", 4)]
    [InlineData("xenserver", "xva", 4)]
    public void A_conversion_goes_on_from_any_moment(string target, string format, int cases)
    {
        using var scratch = new ScratchDirectory();
        var source = FreeSpaceTests.MakeMachine(scratch, rootAlone: true);
        ConversionRecord Run(RecordingWitness? witness, bool resumes) => new Migration(new SilentProgress()).Convert(source, new TargetRequest(target)
        {
            OutputDirectory = scratch["out"],
            Options = new ConversionOptions { Target = target, DiskFormat = format },
            Resumes = resumes,
            JournalInterval = Interval,
            Witness = witness,
        }, NoStop);
        var whole = new RecordingWitness();
        Run(whole, resumes: false);
        var expected = Read(scratch["out"]);
        var random = new Random(cases);
        for (var number = 0; number < Math.Max(cases, cases * Cases / 600); number++)
        {
            Directory.Delete(scratch["out"], recursive: true);
            Directory.CreateDirectory(scratch["out"]);

            // Every fourth in the last operations, while files get their names.
            var count = number % 4 == 3 ? whole.Operations.Count - random.Next(1, 30) : random.Next(whole.Operations.Count);
            CrashState.Make(whole.Operations, count, (CrashKind)(number % 3), random);
            var record = Run(null, resumes: true);
            var found = Read(scratch["out"]);
            Assert.Equal(expected.Keys.Order(), found.Keys.Order());
            Assert.All(expected, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(found[pair.Key]), $"case {number}, after {count} of {whole.Operations.Count}: {pair.Key}"));
            Assert.NotEmpty(record.Disks);
        }
    }

    [Fact]
    public void What_an_earlier_run_left_is_of_use_only_to_the_same_conversion()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 3 << 20, seed: 6);
        var path = scratch["a.qcow2"];
        Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, path, request => request with { JournalInterval = Interval, Witness = new RecordingWitness { RoomBytes = 600 << 10 } }));
        Assert.True(File.Exists(path + ".partial"));

        // Another option, and a source that changed.
        var report = ImageFiles.Convert(raw, path, request => request with { Resumes = true, Compression = "zlib" });
        Assert.Equal((0L, "PIP013"), (report.ResumedBytes, Assert.Single(report.Findings).Id));
        File.Delete(path);
        Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, path, request => request with { JournalInterval = Interval, Witness = new RecordingWitness { RoomBytes = 600 << 10 } }));
        File.SetLastWriteTimeUtc(raw, DateTime.UtcNow.AddMinutes(-5));
        Assert.Equal(0, ImageFiles.Convert(raw, path, request => request with { Resumes = true }).ResumedBytes);
    }

    // All but the time that stages took.
    private static Dictionary<string, byte[]> Read(string directory) => Directory.GetFiles(directory).Where(path => Path.GetFileName(path) != ConversionRecord.TimesFileName)
        .ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);
}
