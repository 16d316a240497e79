using Rehost.Model;
using Rehost.Pipeline.Images;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Pipeline.Tests.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Faults;

/// <summary>Bad sectors of a source: the run stops at them, or takes zeros for them alone and says which files they are in.</summary>
public sealed class ReadErrorTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void Only_bad_sectors_are_zeros_and_the_files_they_hit_are_named()
    {
        using var scratch = new ScratchDirectory();
        var (disk, content, file) = Guest(scratch);
        ByteRange[] bad = [new(content + 512, 512), new(content + 4096, 1024), new(113 << 20, 512)];
        var request = new SourceRequest(disk) { MemoryBytes = 512 << 20, Wrap = device => new FaultyDevice(device, bad) };

        // The default: one message, nothing that looks finished.
        var stopped = Assert.Throws<DiagnosticException>(() => Convert(request, scratch["stopped"]));
        Assert.Equal(("BLK003", FaultKind.Source), (stopped.Diagnostic.Id, stopped.Diagnostic.Fault));
        Assert.Empty(Directory.Exists(scratch["stopped"]) ? Directory.GetFiles(scratch["stopped"], "*.xml") : []);

        var record = Convert(request with { OnReadError = ReadErrorPolicy.Zero }, scratch["out"]);
        Assert.Equal(bad.Select(range => (range.Offset, range.Length)).Order(), record.ReadErrors.Select(place => (place.Offset, place.Length)).Order());
        Assert.All(record.ReadErrors.Where(place => place.Offset < 40 << 20), place => Assert.Contains($"/srv/{file} (content, on xvda1)", place.Owners));
        Assert.Contains($"/srv/{file}", File.ReadAllText(scratch["out/report.md"]), StringComparison.Ordinal);
        var (before, after) = (File.ReadAllBytes(disk), File.ReadAllBytes(scratch["out/" + record.Disks[0].File]));
        Assert.Equal(before.AsSpan((int)content, 512), after.AsSpan((int)content, 512));
        Assert.Equal(new byte[512], after[((int)content + 512)..((int)content + 1024)]);
        Assert.Equal(before.AsSpan((int)content + 1024, 3072), after.AsSpan((int)content + 1024, 3072));
        Assert.Equal(new byte[1024], after[((int)content + 4096)..((int)content + 5120)]);
        Assert.Equal(before.AsSpan((int)content + 5120, 512), after.AsSpan((int)content + 5120, 512));
    }

    [Fact]
    public void An_image_says_so_too()
    {
        using var scratch = new ScratchDirectory();
        var (disk, content, file) = Guest(scratch);
        var faulty = new List<FaultyDevice>();
        var request = new ImageRequest(disk)
        {
            Wrap = device =>
            {
                faulty.Add(new FaultyDevice(device, [new(content + 1024, 512)]));
                return faulty[^1];
            },
        };
        Assert.Equal("BLK003", Assert.Throws<DiagnosticException>(() => ImageConversion.Run(new ImageConversionRequest(request, scratch["stop.qcow2"]), new SilentProgress(), NoStop)).Diagnostic.Id);
        Assert.False(File.Exists(scratch["stop.qcow2"]));
        var report = ImageConversion.Run(new ImageConversionRequest(request with { OnReadError = ReadErrorPolicy.Zero }, scratch["a.raw"]), new SilentProgress(), NoStop);
        var place = Assert.Single(report.ReadErrors);
        Assert.Equal((content + 1024, 512L), (place.Offset, place.Length));
        Assert.Contains(place.Owners, owner => owner.StartsWith($"/srv/{file} (content", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding.Id == "PIP020");
        Assert.InRange(faulty[^1].Failures, 1, 40); // halved, not tried sector by sector
        var (before, after) = (File.ReadAllBytes(disk), File.ReadAllBytes(scratch["a.raw"]));
        before.AsSpan((int)content + 1024, 512).Clear();
        Assert.True(before.AsSpan().SequenceEqual(after));
    }

    [Fact]
    public void A_source_that_was_away_is_gone_on_with()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 3 << 20, seed: 2);
        var path = scratch["a.vmdk"];
        ImageFiles.Convert(raw, path);
        var expected = File.ReadAllBytes(path);
        File.Delete(path);
        var away = new ImageConversionRequest(new ImageRequest(raw) { Wrap = device => new FaultyDevice(device, [new(2 << 20, 1 << 20)]) }, path) { JournalInterval = 256 << 10 };
        var e = Assert.Throws<DiagnosticException>(() => ImageConversion.Run(away, new SilentProgress(), NoStop));
        Assert.Equal("BLK003", e.Diagnostic.Id);
        Assert.Contains("--resume goes on behind", e.Diagnostic.NextStep, StringComparison.Ordinal);
        Assert.InRange(ImageFiles.Convert(raw, path, request => request with { Resumes = true }).ResumedBytes, 1 << 20, 3 << 20);
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    private static ConversionRecord Convert(SourceRequest request, string output)
        => new Migration(new SilentProgress()).Convert(request, new TargetRequest("kvm") { OutputDirectory = output, Options = new ConversionOptions { DiskFormat = "raw" } }, NoStop);

    /// <summary>A guest's disk, and where on it the content of one file lies.</summary>
    private static (string Disk, long Content, string File) Guest(ScratchDirectory scratch)
    {
        var request = FreeSpaceTests.MakeMachine(scratch, rootAlone: true);
        var path = Directory.GetFiles(scratch["tree/srv"]).Order(StringComparer.Ordinal).First(path => new FileInfo(path).Length > 20_000);
        var content = File.ReadAllBytes(request.Path).AsSpan().IndexOf(File.ReadAllBytes(path).AsSpan(0, 512));
        Assert.True(content > 0);
        return (request.Path, content, Path.GetFileName(path));
    }
}
