using Rehost.Blocks;
using Rehost.DiskFormats.Vmdk;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vmdk;

public sealed class VmdkWriteTests
{
    private static readonly string[] Kinds = [VmdkStreamWriter.SubFormat, VmdkSparseWriter.SubFormat];

    public static TheoryData<string, int> Sizes()
    {
        var data = new TheoryData<string, int>();
        foreach (var kind in Kinds)
        {
            foreach (var size in new[] { 0, 512, VmdkContent.Grain, (3 * VmdkContent.Grain) + 1024, (70 << 20) + 512 })
            {
                data.Add(kind, size);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void QemuAndLibvmdkAcceptWhatWeWrite(string kind, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(size, size);
        File.WriteAllBytes(scratch["a.raw"], content);
        Directory.CreateDirectory(scratch["b"]);
        var options = new ImageWriterOptions { SubFormat = kind, IdentitySeed = "machine/disk" };
        VmdkContent.Write(scratch["a.vmdk"], content, options, size);
        VmdkContent.Write(scratch["b/a.vmdk"], content, options, size + 1);
        Assert.Equal(File.ReadAllBytes(scratch["a.vmdk"]), File.ReadAllBytes(scratch["b/a.vmdk"]));
        using var image = VmdkContent.Open(scratch["a.vmdk"], finding => Assert.Fail(finding.ToString()));
        VmdkContent.Check(image, content);
        var report = KnownDiskFormats.ByName("vmdk").Check(VmdkContent.Request(scratch["a.vmdk"]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(0, report.LeakedBytes);
        if (size > 0)
        {
            Tool.MustRun("qemu-img", "check", "-f", "vmdk", scratch["a.vmdk"]);
            Tool.MustRun("qemu-img", "compare", "-f", "vmdk", "-F", "raw", scratch["a.vmdk"], scratch["a.raw"]);
            var info = Tool.MustRun("vmdkinfo", scratch["a.vmdk"]);
            Assert.Contains($"({size} bytes)", info, StringComparison.Ordinal);
            Assert.Contains(kind == VmdkStreamWriter.SubFormat ? "Stream optimized" : "Monolithic sparse", info, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("streamOptimized", (2L << 40) + 512)]
    [InlineData("streamOptimized", 16L << 40)]
    [InlineData("monolithicSparse", (2L << 40) + 512)]
    [InlineData("monolithicSparse", 16L << 40)]
    public void LargeSparseDisks(string kind, long length)
    {
        using var scratch = new ScratchDirectory();
        var marks = new[] { 0, (1L << 29) - 3, 1L << 29, length / 2, length - 512 };
        using (var file = CommittedFile.Create(scratch["a.vmdk"]))
        {
            using var writer = KnownDiskFormats.ByName("vmdk").CreateWriter(file, length, new ImageWriterOptions { SubFormat = kind });
            foreach (var mark in marks)
            {
                writer.Write(new GuestOffset(mark), [1, 2, 3]);
            }

            writer.Complete();
            Assert.InRange(file.StoredBytes, 1, 6 << 20);
            file.Commit();
        }

        Tool.MustRun("qemu-io", "-r", "-f", "vmdk", "-c", $"read -P 1 {length - 512} 1", "-c", $"read -P 0 {length - 600} 80", scratch["a.vmdk"]);
        using var image = VmdkContent.Open(scratch["a.vmdk"]);
        Assert.Equal(length, image.Length);
        var read = new byte[3];
        foreach (var mark in marks)
        {
            image.Read(new GuestOffset(mark), read);
            Assert.Equal([1, 2, 3], read);
        }

        Assert.Equal(marks.SelectMany(mark => new[] { mark / VmdkContent.Grain, (mark + 2) / VmdkContent.Grain }).Distinct().Count(),
            image.GetExtents(GuestOffset.Zero, length).Where(e => e.Kind == ExtentKind.Data).Sum(e => (int)((e.Length + VmdkContent.Grain - 1) / VmdkContent.Grain)));
    }

    [Fact]
    public void StreamsAreOnlyAppendedTo()
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(40 << 20, 3);
        using var committed = CommittedFile.Create(scratch["a.vmdk"]);
        using var file = new AppendOnlyFile(committed);
        using var writer = new VmdkStreamWriter(file, content.Length, new ImageWriterOptions());
        writer.Write(GuestOffset.Zero, content);
        writer.Complete(CancellationToken.None);
    }

    [Fact]
    public void StreamsHaveTheLayoutOfTheSpecification()
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(100 << 20, 9);
        VmdkContent.Write(scratch["a.vmdk"], content, new ImageWriterOptions { IdentitySeed = "x", AdapterType = "ide" });
        var bytes = File.ReadAllBytes(scratch["a.vmdk"]);
        var header = VmdkHeader.Parse(bytes, "a");
        Assert.Equal(3u, header.Version);
        Assert.Equal(VmdkHeader.DirectoryAtEnd, header.Directory);
        Assert.Equal(bytes[..512], header.ToBytes());
        var footer = VmdkHeader.Parse(bytes.AsSpan(bytes.Length - 1024, 512), "a");
        Assert.Equal(header with { Directory = footer.Directory }, footer);
        var kinds = new List<VmdkMarkerKind?>();
        long last = -1;
        for (var at = (int)header.Overhead * 512; at < bytes.Length;)
        {
            var marker = VmdkMarker.Parse(bytes.AsSpan(at));
            var written = new byte[marker.Size == 0 ? 16 : 12];
            marker.WriteTo(written);
            Assert.Equal(bytes.AsSpan(at, written.Length).ToArray(), written);
            kinds.Add(marker.Size == 0 ? marker.Kind : null);
            if (marker.Size > 0)
            {
                Assert.True((long)marker.Value > last);
                last = (long)marker.Value;
                at += (12 + (int)marker.Size + 511) / 512 * 512;
            }
            else
            {
                at += 512 * (1 + (int)marker.Value);
            }
        }

        Assert.Equal([VmdkMarkerKind.GrainTable, VmdkMarkerKind.GrainDirectory, VmdkMarkerKind.Footer, VmdkMarkerKind.EndOfStream], kinds[^4..]);
        Assert.Equal(4, kinds.Count(kind => kind == VmdkMarkerKind.GrainTable));
        using var image = VmdkContent.Open(scratch["a.vmdk"]);
        Assert.Contains(new ImageProperty("adapter type", "ide"), image.Info.Properties);
        Assert.Contains(new ImageProperty("compression", "deflate"), image.Info.Properties);
    }

    [Fact]
    public void StreamsAreAboutAsSmallAsQemus()
    {
        using var scratch = new ScratchDirectory();
        var content = System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 400_000).Select(i => $"line {i * 7919L % 10007} of a log\n")));
        Array.Resize(ref content, content.Length / 512 * 512);
        File.WriteAllBytes(scratch["a.raw"], content);
        VmdkContent.Write(scratch["ours.vmdk"], content, new ImageWriterOptions());
        Tool.MustRun("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", scratch["a.raw"], scratch["qemu.vmdk"]);
        Assert.InRange(new FileInfo(scratch["ours.vmdk"]).Length, 1, (long)(new FileInfo(scratch["qemu.vmdk"]).Length * 1.05));
    }

    [Fact]
    public void QemuEditsTheSparseImagesThatWeWrite()
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(50 << 20, 4);
        VmdkContent.Write(scratch["a.vmdk"], content, new ImageWriterOptions { SubFormat = VmdkSparseWriter.SubFormat });
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 7 0 50M", scratch["a.vmdk"]);
        Tool.MustRun("qemu-img", "check", scratch["a.vmdk"]);
        content.AsSpan().Fill(7);
        using var image = VmdkContent.Open(scratch["a.vmdk"]);
        VmdkContent.Check(image, content);
    }

    [Theory]
    [InlineData("twoGbMaxExtentFlat", ImageCompression.None, null, null)]
    [InlineData("monolithicSparse", ImageCompression.Zlib, null, null)]
    [InlineData("streamOptimized", ImageCompression.Zstd, null, null)]
    [InlineData("streamOptimized", ImageCompression.None, 5000, null)]
    [InlineData("streamOptimized", ImageCompression.None, null, "nvme\n")]
    public void WhatIsNotWrittenIsRefused(string kind, ImageCompression compression, int? unit, string? adapter)
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a.vmdk"]);
        var options = new ImageWriterOptions(compression) { SubFormat = kind, UnitBytes = unit, AdapterType = adapter };
        Assert.Equal("DSK003", Assert.Throws<DiagnosticException>(() => new VmdkFormat().CreateWriter(file, 1 << 20, options)).Diagnostic.Id);
        Assert.Equal("DSK003", Assert.Throws<DiagnosticException>(() => new VmdkFormat().CreateWriter(file, 1 << 20, new ImageWriterOptions { Preallocation = ImagePreallocation.Full })).Diagnostic.Id);
        Assert.Equal("VMD012", Assert.Throws<DiagnosticException>(() => new VmdkFormat().CreateWriter(file, long.MaxValue, new ImageWriterOptions())).Diagnostic.Id);
        Assert.Equal("VMD012", Assert.Throws<DiagnosticException>(() => new VmdkFormat().CreateWriter(file, 1L << 60, new ImageWriterOptions { SubFormat = VmdkSparseWriter.SubFormat })).Diagnostic.Id);
    }

    [Theory]
    [InlineData("streamOptimized")]
    [InlineData("monolithicSparse")]
    public void OtherGrainSizesAreReadByQemu(string kind)
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(9 << 20, 4);
        File.WriteAllBytes(scratch["a.raw"], content);
        foreach (var unit in new[] { 4096, 1 << 20 })
        {
            VmdkContent.Write(scratch[$"{unit}.vmdk"], content, new ImageWriterOptions { SubFormat = kind, UnitBytes = unit });
            Tool.MustRun("qemu-img", "compare", "-f", "vmdk", "-F", "raw", scratch[$"{unit}.vmdk"], scratch["a.raw"]);
            using var image = VmdkContent.Open(scratch[$"{unit}.vmdk"]);
            VmdkContent.Check(image, content);
            Assert.Equal(unit, image.Info.UnitBytes);
        }
    }

    private sealed class AppendOnlyFile(IImageFile inner) : IImageFile
    {
        private long _end;

        public string Name => inner.Name;

        public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        {
            Assert.Equal(_end, offset.Value);
            _end += data.Length;
            inner.Write(offset, data);
        }

        public void SetLength(long length) => Assert.Fail("a stream has no length before its end");

        public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

        public void Flush() => inner.Flush();

        public void Dispose()
        {
        }
    }
}
