using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

public sealed class ImageConversionTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(65536)]
    [InlineData((7 << 20) + 1536)]
    public void RawAndQcow2AreTheSameForQemu(long size)
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", size);
        foreach (var (name, compression) in new[] { ("plain.qcow2", "none"), ("zlib.qcow2", "zlib"), ("zstd.qcow2", "zstd") })
        {
            var report = ImageFiles.Convert(raw, scratch[name], request => request with { Compression = compression, Verifies = true });
            Assert.Equal(size, report.VirtualBytes);
            Assert.True(report.IsVerified);
            Tool.MustRun("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, scratch[name]);
            Tool.MustRun("qemu-img", "check", scratch[name]);
            ImageFiles.Convert(scratch[name], scratch[$"{name}.raw"], request => request with { Verifies = true });
            Assert.Equal(File.ReadAllBytes(raw), File.ReadAllBytes(scratch[$"{name}.raw"]));
            Assert.Equal(report.FileBytes, new FileInfo(scratch[name]).Length);
        }
    }

    [Fact]
    public void TheResultDoesNotDependOnThreadsOrOnTheRun()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 9 << 20);
        foreach (var compression in new[] { "none", "zstd" })
        {
            byte[]? first = null;
            foreach (var workers in new[] { 1, 2, 5 })
            {
                ImageFiles.Convert(raw, scratch["a.qcow2"], request => request with { Compression = compression, Workers = workers });
                first ??= File.ReadAllBytes(scratch["a.qcow2"]);
                Assert.Equal(first, File.ReadAllBytes(scratch["a.qcow2"]));
                File.Delete(scratch["a.qcow2"]);
            }
        }
    }

    [Fact]
    public void ARawCopyIsAsSparseAsQemuMakesIt() // S4.5
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 20 << 20);
        var report = ImageFiles.Convert(raw, scratch["b.raw"]);
        Tool.MustRun("qemu-img", "convert", "-O", "raw", raw, scratch["c.raw"]);
        Assert.Equal(File.ReadAllBytes(raw), File.ReadAllBytes(scratch["b.raw"]));
        Assert.InRange(Stored(scratch["b.raw"]), 1, Stored(scratch["c.raw"]) + 65536);
        Assert.Equal(Stored(scratch["b.raw"]), report.StoredBytes);
        ImageFiles.Convert(raw, scratch["full.raw"], request => request with { Preallocation = "full" });
        Assert.Equal(File.ReadAllBytes(raw), File.ReadAllBytes(scratch["full.raw"]));
        var blocks = long.Parse(Tool.MustRun("stat", "-c", "%b", scratch["full.raw"]), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(blocks * 512 >= 20 << 20);
    }

    [Theory]
    [InlineData((2L << 40) + 512)]
    [InlineData(8L << 40)] // ext4's largest file is a little under 16 TiB
    public void LargeSparseDisksAreAMatterOfTheirContent(long size)
    {
        using var scratch = new ScratchDirectory();
        using (var file = FileDevice.Create(scratch["a.raw"], size))
        {
            file.Write(new GuestOffset(size - 512), new byte[] { 1, 2, 3 });
            file.Write(new GuestOffset(1L << 40), new byte[] { 4, 5, 6 });
        }

        ImageFiles.Convert(scratch["a.raw"], scratch["a.qcow2"], request => request with { Verifies = true });
        ImageFiles.Convert(scratch["a.qcow2"], scratch["b.raw"], request => request with { Verifies = true });
        Assert.True(ImageComparison.Run(new ImageRequest(scratch["a.raw"]), new ImageRequest(scratch["b.raw"]), isStrict: true, workers: 2, new SilentProgress()).AreEqual);
        Assert.InRange(new FileInfo(scratch["a.qcow2"]).Length, 1, 64 << 20);
    }

    [Fact]
    public void NothingIsOverwrittenAndNothingHalfDoneIsLeft()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 3 << 20);
        File.WriteAllText(scratch["b.raw"], "mine");
        Assert.Equal("BLK004", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, scratch["b.raw"])).Diagnostic.Id);
        Assert.Equal("mine", File.ReadAllText(scratch["b.raw"]));
        Assert.Equal("PIP010", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, scratch["b.unknown"])).Diagnostic.Id);
        Assert.Equal("DSK001", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(raw, scratch["b"], request => request with { Format = "floppy" })).Diagnostic.Id);
        Assert.Equal("BLK005", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch["none"], scratch["c.raw"])).Diagnostic.Id);

        // A truncated qcow2 fails while it is read.
        ImageFiles.Convert(raw, scratch["a.qcow2"], request => request with { Compression = "zlib" });
        using (var file = new FileStream(scratch["a.qcow2"], FileMode.Open))
        {
            file.Position = file.Length / 2;
            file.Write(new byte[file.Length / 4]);
        }

        Assert.ThrowsAny<DiagnosticException>(() => ImageFiles.Convert(scratch["a.qcow2"], scratch["d.raw"]));
        Assert.Equal(["a.qcow2", "a.raw", "b.raw"], Directory.GetFiles(scratch.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void WhatAnImageOfGuessedFormatRefersToIsNotFollowed()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "base.raw", 3 << 20);
        Tool.MustRun("qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", scratch["top.qcow2"]);
        ImageFiles.Convert(scratch["top.qcow2"], scratch["b.raw"]);
        Assert.Equal(File.ReadAllBytes(raw), File.ReadAllBytes(scratch["b.raw"]));

        // The same bytes under a name that says nothing: a guest may have written them.
        File.Copy(scratch["top.qcow2"], scratch["top.img"]);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch["top.img"], scratch["c.raw"])).Diagnostic.Id);
        ImageFiles.Convert(scratch["top.img"], scratch["c.raw"], request => request with { Source = request.Source with { Format = "qcow2" } });

        // And what lies elsewhere needs to be allowed.
        Directory.CreateDirectory(scratch["other"]);
        File.Move(scratch["top.qcow2"], scratch["other/top.qcow2"]);
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch["other/top.qcow2"], scratch["d.raw"])).Diagnostic.Id);
        ImageFiles.Convert(scratch["other/top.qcow2"], scratch["d.raw"], request => request with { Source = request.Source with { AllowedPaths = [raw] } });
    }

    [Fact]
    public void AFileOnADeviceIsOverwrittenOnlyWhenThatIsSaid()
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 5 << 20);
        ImageFiles.Convert(raw, scratch["a.qcow2"], request => request with { Compression = "zstd" });
        var junk = new byte[6 << 20];
        new Random(9).NextBytes(junk);
        File.WriteAllBytes(scratch["disk"], junk);
        using var loop = new LoopDevice(scratch["disk"]);
        Assert.Equal("PIP012", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch["a.qcow2"], loop.Path)).Diagnostic.Id);
        Assert.Equal("DSK003", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(scratch["a.qcow2"], loop.Path, request => request with { Format = "qcow2", OverwritesDevice = true })).Diagnostic.Id);
        var report = ImageFiles.Convert(scratch["a.qcow2"], loop.Path, request => request with { OverwritesDevice = true, Verifies = true });
        Assert.Equal("raw", report.TargetFormat);
        var content = new byte[6 << 20];
        using (var device = FileDevice.OpenRead(loop.Path))
        {
            device.Read(GuestOffset.Zero, content);
        }

        // The disk, zeros included, and beyond it what was there.
        Assert.Equal(File.ReadAllBytes(raw), content[..(5 << 20)]);
        Assert.Equal(junk[(5 << 20)..], content[(5 << 20)..]);

        Assert.Equal("PIP010", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(loop.Path, loop.Path, request => request with { OverwritesDevice = true })).Diagnostic.Id);

        // And back: a device is a source like any file.
        ImageFiles.Convert(loop.Path, scratch["back.qcow2"]);
        Tool.MustRun("qemu-img", "compare", "-f", "raw", "-F", "qcow2", scratch["disk"], scratch["back.qcow2"]);
        Assert.Equal("BLK008", Assert.Throws<DiagnosticException>(() => ImageFiles.Convert(ImageFiles.MakeRaw(scratch, "large.raw", 7 << 20), loop.Path, request => request with { OverwritesDevice = true })).Diagnostic.Id);
    }

    [Fact]
    public void ASourceThatChangesMeanwhileIsNoticed() // S4.11
    {
        using var scratch = new ScratchDirectory();
        var raw = ImageFiles.MakeRaw(scratch, "a.raw", 5 << 20);
        var request = new ImageConversionRequest(new ImageRequest(raw), scratch["b.raw"]) { Workers = 1 };
        var error = Assert.Throws<DiagnosticException>(() => ImageConversion.Run(request, new Meddler(() => File.SetLastWriteTimeUtc(raw, DateTime.UtcNow.AddMinutes(1)))));
        Assert.Equal("PIP007", error.Diagnostic.Id);
        Assert.False(File.Exists(scratch["b.raw"]));
    }

    private static long Stored(string path)
    {
        using var file = FileDevice.OpenRead(path);
        return file.GetExtents(GuestOffset.Zero, file.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);
    }

    private sealed class Meddler(Action meddle) : IProgressSink
    {
        public void BeginStage(string title, long? totalBytes = null) => meddle();

        public void Report(long doneBytes)
        {
        }

        public void Complete()
        {
        }
    }
}
