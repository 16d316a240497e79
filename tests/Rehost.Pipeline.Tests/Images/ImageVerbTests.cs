using System.Text.Json;
using Rehost.Model;
using Rehost.Pipeline.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

public sealed class ImageVerbTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("zlib")]
    [InlineData("zstd")]
    public void MeasuringIsExact(string compression)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", (11 << 20) + 512);
        foreach (var format in compression == "none" ? new[] { "raw", "qcow2" } : ["qcow2"])
        {
            var request = new ImageConversionRequest(new ImageRequest(raw), "nowhere") { Format = format, Compression = compression };
            var exact = ImageMeasurement.Run(request, isFast: false, new SilentProgress());
            var atMost = ImageMeasurement.Run(request, isFast: true, new SilentProgress());
            var report = ImageFiles.Convert(raw, scratch[$"b.{format}"], change => change with { Compression = compression });
            Assert.Equal(report.FileBytes, exact.FileBytes);
            Assert.InRange(report.StoredBytes, exact.StoredBytes - 8192, exact.StoredBytes); // ext4 ends the last block of a file at its length
            Assert.True(exact.IsExact && !atMost.IsExact);
            Assert.InRange(atMost.FileBytes, exact.FileBytes, long.MaxValue);
            Assert.InRange(atMost.StoredBytes, exact.StoredBytes, long.MaxValue);
        }

        Assert.Equal(["a.raw", .. compression == "none" ? new[] { "b.qcow2", "b.raw" } : ["b.qcow2"]], Directory.GetFiles(scratch.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void TheMapIsQemus()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 9 << 20);
        Tool.MustRun("qemu-img", "convert", "-O", "qcow2", raw, scratch["a.qcow2"]);
        var ours = ImageInspection.Map(new ImageRequest(scratch["a.qcow2"]));
        var theirs = JsonDocument.Parse(Tool.MustRun("qemu-img", "map", "--output=json", scratch["a.qcow2"])).RootElement.EnumerateArray()
            .Select(one => (Start: one.GetProperty("start").GetInt64(), Length: one.GetProperty("length").GetInt64(), Data: one.GetProperty("data").GetBoolean(),
                Offset: one.TryGetProperty("offset", out var offset) ? offset.GetInt64() : (long?)null)).ToList();
        Assert.Equal(theirs.Sum(one => one.Length), ours.Sum(one => one.Length));
        foreach (var extent in ours)
        {
            var same = theirs.Last(one => one.Start <= extent.Start);
            Assert.True(extent.Start + extent.Length <= same.Start + same.Length || extent.Kind != ExtentKind.Data);
            if (extent.Kind == ExtentKind.Data)
            {
                // The other way round need not be: clusters that are holes of the file are zero to us, and data to QEMU.
                Assert.True(same.Data);
                Assert.Equal(same.Offset + (extent.Start - same.Start), extent.FileOffset);
            }
        }
    }

    /// <summary>A package is checked whole: the manifest's digests, as sha256sum reads them, and the disks' own structures.</summary>
    [Theory]
    [InlineData("web.ovf", "web-disk1.vmdk")]
    [InlineData("web.ova", "web.ova")]
    public void APackageIsWrittenCheckedAndReadBack(string package, string fileOfTheDisk)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 9 << 20);
        ImageFiles.Convert(raw, scratch[package], change => change with { Verifies = true });
        if (package.EndsWith(".ova", StringComparison.Ordinal))
        {
            Tool.MustRun("tar", "-C", scratch.Path, "-xf", scratch[package]);
        }

        Tool.MustRun("bash", "-c", "cd \"$1\" && sed 's/SHA256(\\(.*\\))= \\(.*\\)/\\2  \\1/' web.mf | sha256sum --strict -c", "bash", scratch.Path);
        Tool.MustRun("qemu-img", "compare", raw, scratch["web-disk1.vmdk"]);
        var sound = ImageInspection.Check(new ImageRequest(scratch[package]), TestContext.Current.CancellationToken);
        Assert.True(sound.IsSound && sound.Findings.IsEmpty);
        ImageFiles.Convert(scratch[package], scratch["b.raw"]);
        Assert.True(File.ReadAllBytes(raw).AsSpan().SequenceEqual(File.ReadAllBytes(scratch["b.raw"])));

        using (var file = File.OpenWrite(scratch[fileOfTheDisk]))
        {
            file.Position = 200_000;
            file.WriteByte(0x5a);
        }

        var damaged = ImageInspection.Check(new ImageRequest(scratch[package]), TestContext.Current.CancellationToken);
        Assert.False(damaged.IsSound);
        Assert.Contains(damaged.Findings, finding => finding.Id == "OVF009");
        Assert.Contains(damaged.Findings, finding => finding.Id.StartsWith("VMD", StringComparison.Ordinal));
        Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch[package], scratch["c.raw"]));
        Assert.False(File.Exists(scratch["c.raw"]));
    }

    [Fact]
    public void CompareSaysWhereAndHowMuch()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 6 << 20);
        ImageFiles.Convert(raw, scratch["a.qcow2"]);
        Assert.Equal(0, ImageFiles.Run("compare", raw, scratch["a.qcow2"]).ExitCode);
        File.Copy(raw, scratch["b.raw"]);
        using (var file = new FileStream(scratch["b.raw"], FileMode.Open))
        {
            file.SetLength(7 << 20);
        }

        Assert.Equal(0, ImageFiles.Run("compare", scratch["b.raw"], scratch["a.qcow2"]).ExitCode);
        Assert.Equal(1, ImageFiles.Run("compare", "--strict", scratch["b.raw"], scratch["a.qcow2"]).ExitCode);
        using (var file = new FileStream(scratch["b.raw"], FileMode.Open))
        {
            file.Position = 3_000_000;
            var old = file.ReadByte();
            file.Position = 3_000_000;
            file.WriteByte((byte)(old ^ 255));
            file.Position = (6 << 20) + 5;
            file.WriteByte(1);
        }

        var result = ImageFiles.Run("compare", "--json", "--quiet", scratch["b.raw"], scratch["a.qcow2"]);
        Assert.Equal(1, result.ExitCode);
        var report = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal(3_000_000, report.GetProperty("firstDifference").GetInt64());
        Assert.Equal(2, report.GetProperty("differentBytes").GetInt64());
        Assert.Equal(2, report.GetProperty("ranges").GetArrayLength());
        Assert.False(report.GetProperty("areEqual").GetBoolean());
        Assert.Equal(3, ImageFiles.Run("compare", raw, scratch["missing"]).ExitCode);
    }

    [Fact]
    public void InfoShowsTheChainAndNamesFromImagesCannotWriteToTheTerminal()
    {
        using var scratch = new ScratchDirectory();
        const string evil = "base\u001b]0;owned\u0007\n.raw";
        ImageFiles.MakeRaw(scratch, evil, 1 << 20);
        Tool.MustRun("qemu-img", "create", "-q", "-f", "qcow2", "-b", scratch[evil], "-F", "raw", scratch["middle.qcow2"]);
        Tool.MustRun("qemu-img", "create", "-q", "-f", "qcow2", "-b", scratch["middle.qcow2"], "-F", "qcow2", scratch["top.qcow2"]);
        Tool.MustRun("qemu-img", "snapshot", "-c", "before\u001b[31m", scratch["top.qcow2"]);
        foreach (var verb in new[] { "info", "map" })
        {
            var result = ImageFiles.Run(verb, scratch["top.qcow2"]);
            Assert.Equal(0, result.ExitCode);
            Assert.DoesNotContain('\u001b', result.Output);
            Assert.DoesNotContain('\u0007', result.Output);
        }

        var report = ImageInspection.Describe(new ImageRequest(scratch["top.qcow2"]));
        Assert.Equal(["qcow2", "qcow2", "raw"], report.Layers.Select(layer => layer.Format));
        Assert.Equal("before\u001b[31m", Assert.Single(report.Layers[0].Snapshots).Name);
        var json = ImageFiles.Run("info", scratch["top.qcow2"], "--json");
        Assert.Equal(3, JsonDocument.Parse(json.Output).RootElement.GetProperty("layers").GetArrayLength());
        Assert.DoesNotContain('\u001b', json.Output);
    }

    [Fact]
    public void HostileImagesEndInADiagnostic()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 2 << 20);
        Tool.MustRun("qemu-img", "convert", "-c", "-O", "qcow2", raw, scratch["good.qcow2"]);
        var good = File.ReadAllBytes(scratch["good.qcow2"]);
        var random = new Random(7);
        var opened = 0;
        for (var round = 0; round < 150; round++)
        {
            var bytes = (byte[])good.Clone();
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                bytes[random.Next(2) == 0 ? random.Next(512) : random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(scratch["bad.qcow2"], random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            Action[] verbs =
            [
                () => ImageInspection.Describe(new ImageRequest(scratch["bad.qcow2"])),
                () => ImageInspection.Map(new ImageRequest(scratch["bad.qcow2"])),
                () => ImageInspection.Check(new ImageRequest(scratch["bad.qcow2"])),
                () => ImageComparison.Run(new ImageRequest(scratch["bad.qcow2"]), new ImageRequest(raw), isStrict: false, workers: 2, new SilentProgress()),
                () => ImageMeasurement.Run(new ImageConversionRequest(new ImageRequest(scratch["bad.qcow2"]), "nowhere") { Format = "qcow2" }, isFast: true, new SilentProgress()),
            ];
            foreach (var verb in verbs)
            {
                try
                {
                    if (IsSmall(scratch["bad.qcow2"]))
                    {
                        verb();
                        opened++;
                    }
                }
                catch (DiagnosticException e)
                {
                    Assert.NotEmpty(e.Diagnostic.NextStep);
                }
            }
        }

        Assert.True(opened > 0);

        // A header that claims an enormous disk is honest about it: reading petabytes of holes is fast, but listing them is not what this test is about.
        bool IsSmall(string path)
        {
            using var file = File.OpenRead(path);
            file.Position = 24;
            Span<byte> size = stackalloc byte[8];
            file.ReadAtLeast(size, 8, throwOnEndOfStream: false);
            return System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(size) < 1UL << 40;
        }
    }

    [Fact]
    public void CheckTellsWithItsExitCode()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 2 << 20);
        ImageFiles.Convert(raw, scratch["a.qcow2"]);
        Assert.Equal(0, ImageFiles.Run("check", scratch["a.qcow2"]).ExitCode);
        using (var file = new FileStream(scratch["a.qcow2"], FileMode.Open))
        {
            // The first entry of the first table of data clusters: behind the file's end.
            var l1 = long.Parse(Tool.MustRun("od", "-An", "-j40", "-N8", "--endian=big", "-tu8", scratch["a.qcow2"]), System.Globalization.CultureInfo.InvariantCulture);
            file.Position = l1 + 2;
            file.WriteByte(0x7f);
        }

        Assert.Equal(3, ImageFiles.Run("check", scratch["a.qcow2"]).ExitCode);
        Assert.Equal(2, ImageFiles.Run("check", raw).ExitCode); // DSK007
        Assert.Equal(2, ImageFiles.Run("measure", raw).ExitCode);
        Assert.Equal(2, ImageFiles.Run("convert", raw, scratch["b.qcow2"], "--cluster-size", "12Q").ExitCode);
        Assert.Equal(2, ImageFiles.Run("convert", raw, scratch["b.qcow2"], "--parallel", "0").ExitCode);
        Assert.Equal(2, ImageFiles.Run("convert", raw, scratch["b.qcow2"], "--disk", "2").ExitCode);
        Assert.Equal(5, ImageFiles.Run("convert", raw, scratch["a.qcow2"]).ExitCode);
    }
}
