using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

public sealed class Qcow2WriterTests
{
    private const int Cluster = 65536;

    public static TheoryData<int, ImageCompression> Sizes()
    {
        var data = new TheoryData<int, ImageCompression>();
        foreach (var size in new[] { 0, 512, Cluster, (3 * Cluster) + 1024, (20 << 20) + 512 })
        {
            foreach (var compression in Enum.GetValues<ImageCompression>())
            {
                data.Add(size, compression);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void QemuAcceptsAndReadsWhatWeWrite(int size, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content(size, size);
        File.WriteAllBytes(scratch["a.raw"], content);
        Qcow2Samples.Write(scratch["a.qcow2"], content, compression, size);
        Qcow2Samples.Write(scratch["b.qcow2"], content, compression, size + 1);
        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        Tool.MustRun("qemu-img", "compare", "-f", "qcow2", "-F", "raw", scratch["a.qcow2"], scratch["a.raw"]);
        Assert.Equal(File.ReadAllBytes(scratch["a.qcow2"]), File.ReadAllBytes(scratch["b.qcow2"]));
        using var image = Qcow2Image.Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a.qcow2"));
        Qcow2Samples.Check(image, content);
        Assert.Equal("qcow2", KnownDiskFormats.Identify(FileDevice.OpenRead(scratch["a.qcow2"])).Name);
    }

    public static TheoryData<int, ImageCompression, ImagePreallocation> Units()
    {
        var data = new TheoryData<int, ImageCompression, ImagePreallocation>();
        foreach (var unit in new[] { 512, 1024, 4096, 32768, 131072, 2 << 20 })
        {
            foreach (var compression in Enum.GetValues<ImageCompression>())
            {
                data.Add(unit, compression, ImagePreallocation.None);
            }

            data.Add(unit, ImageCompression.None, ImagePreallocation.Metadata);
            data.Add(unit, ImageCompression.None, ImagePreallocation.Full);
        }

        data.Add(Cluster, ImageCompression.None, ImagePreallocation.Metadata);
        data.Add(Cluster, ImageCompression.None, ImagePreallocation.Full);
        return data;
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void ClustersOfEverySizeAndClustersAllocatedAhead(int unit, ImageCompression compression, ImagePreallocation preallocation)
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content((3 << 20) + 1536, unit);
        var options = new ImageWriterOptions(compression) { UnitBytes = unit, Preallocation = preallocation };
        File.WriteAllBytes(scratch["a.raw"], content);
        Qcow2Samples.Write(scratch["a.qcow2"], content, options, 1);
        Qcow2Samples.Write(scratch["b.qcow2"], content, options, 2);
        Assert.Equal(File.ReadAllBytes(scratch["a.qcow2"]), File.ReadAllBytes(scratch["b.qcow2"]));
        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        Tool.MustRun("qemu-img", "compare", "-f", "qcow2", "-F", "raw", scratch["a.qcow2"], scratch["a.raw"]);
        var report = new Qcow2Format().Check(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a"), CancellationToken.None);
        Assert.Empty(report.Findings);
        using var image = Qcow2Samples.Open(scratch["a.qcow2"]);
        Assert.Equal(unit, image.Info.UnitBytes);
        Qcow2Samples.Check(image, content);
        if (preallocation != ImagePreallocation.None)
        {
            // Everything has its place: QEMU writes to the image without allocating.
            var before = new FileInfo(scratch["a.qcow2"]).Length;
            Assert.True(before > content.Length);
            var blocks = long.Parse(Tool.MustRun("stat", "-c", "%b", scratch["a.qcow2"]), null) * 512;
            Assert.True(blocks >= before == (preallocation == ImagePreallocation.Full), $"{blocks} bytes on the host for a file of {before}");
            Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 3M", scratch["a.qcow2"]);
            Assert.Equal(before, new FileInfo(scratch["a.qcow2"]).Length);
            Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        }
    }

    /// <summary>On a device that held something else everything that is read is written.</summary>
    [Theory]
    [InlineData(ImageCompression.None, ImagePreallocation.None)]
    [InlineData(ImageCompression.None, ImagePreallocation.Metadata)]
    [InlineData(ImageCompression.None, ImagePreallocation.Full)]
    [InlineData(ImageCompression.Zlib, ImagePreallocation.None)]
    [InlineData(ImageCompression.Zstd, ImagePreallocation.None)]
    public void WhatWasOnADeviceBeforeDoesNotMatter(ImageCompression compression, ImagePreallocation preallocation)
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content((1 << 20) + 512, 11);
        File.WriteAllBytes(scratch["a.raw"], content);
        var file = new UsedDevice(4 << 20);
        using (var writer = new Qcow2Writer(file, content.Length, new ImageWriterOptions(compression) { Preallocation = preallocation, UnitBytes = 4096 }))
        {
            writer.Write(GuestOffset.Zero, content);
            writer.Complete(CancellationToken.None);
        }

        File.WriteAllBytes(scratch["a.qcow2"], file.Content);
        Tool.MustRun("qemu-img", "compare", "-f", "qcow2", "-F", "raw", scratch["a.qcow2"], scratch["a.raw"]);
        Assert.True(new Qcow2Format().Check(new DiskOpenRequest(new MemoryDevice(file.Content), "a"), CancellationToken.None).IsSound);
        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
    }

    [Fact]
    public void OptionsThatDoNotExistAreRefused()
    {
        foreach (var options in new[]
        {
            new ImageWriterOptions { UnitBytes = 256 }, new ImageWriterOptions { UnitBytes = 4 << 20 }, new ImageWriterOptions { UnitBytes = 65537 },
            new ImageWriterOptions { SubFormat = "dynamic" }, new ImageWriterOptions(ImageCompression.Zlib) { Preallocation = ImagePreallocation.Metadata },
        })
        {
            Qcow2ReadingTests.Refuse("DSK003", () => new Qcow2Writer(new MemoryFile(), 1 << 20, options));
        }

        Qcow2ReadingTests.Refuse("QCW009", () => new Qcow2Writer(new MemoryFile(), 1L << 40, new ImageWriterOptions { UnitBytes = 512 }));
    }

    [Theory]
    [InlineData(3L << 30)]
    [InlineData((2L << 40) + 512)]
    [InlineData(16L << 40)]
    public void LargeSparseDisks(long length)
    {
        using var scratch = new ScratchDirectory();
        var marks = new[] { 0, (1L << 29) - 3, 1L << 29, length / 2, length - 512 };
        using (var file = CommittedFile.Create(scratch["a.qcow2"]))
        {
            using var writer = KnownDiskFormats.ByName("qcow2").CreateWriter(file, length, new ImageWriterOptions());
            foreach (var mark in marks)
            {
                writer.Write(new GuestOffset(mark), [1, 2, 3]);
            }

            writer.Complete();
            file.Commit();
        }

        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        Assert.True(new FileInfo(scratch["a.qcow2"]).Length < 2 << 20);
        using var image = Qcow2Image.Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a"));
        Assert.Equal(length, image.Length);
        var read = new byte[3];
        foreach (var mark in marks)
        {
            image.Read(new GuestOffset(mark), read);
            Assert.Equal([1, 2, 3], read);
        }

        Tool.MustRun("qemu-io", "-r", "-f", "qcow2", "-c", $"read -P 1 {length - 512} 1", "-c", $"read -P 0 {length - 600} 80", scratch["a.qcow2"]);
        Assert.Equal(marks.Select(mark => mark / Cluster).Distinct().Count(), image.GetExtents(GuestOffset.Zero, length).Where(e => e.Kind == ExtentKind.Data).Sum(e => (int)((e.Length + Cluster - 1) / Cluster)));
    }

    /// <summary>Reference counts of many blocks, and tables that cross their ranges, on a file system with room for holes only.</summary>
    [Theory]
    [InlineData(Cluster, 5L << 30, ImagePreallocation.None)]
    [InlineData(512, 300L << 20, ImagePreallocation.None)]
    [InlineData(1024, 300L << 20, ImagePreallocation.Metadata)]
    [InlineData(4096, 3L << 30, ImagePreallocation.Metadata)]
    public void ManyReferenceCountBlocks(int unit, long length, ImagePreallocation preallocation)
    {
        using var scratch = new ScratchDirectory();
        using (var committed = CommittedFile.Create(scratch["a.qcow2"]))
        {
            using var file = new HollowFile(committed);
            using var writer = new Qcow2Writer(file, length, new ImageWriterOptions { UnitBytes = unit, Preallocation = preallocation });
            var data = new byte[4 << 20];
            data.AsSpan().Fill(5);
            for (long at = 0; at < length; at += preallocation == ImagePreallocation.None ? data.Length : 64 << 20)
            {
                writer.Write(new GuestOffset(at), data);
            }

            writer.Complete(CancellationToken.None);
            committed.Commit();
        }

        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        var report = new Qcow2Format().Check(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a"), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(length, report.StoredBytes);
    }

    [Fact]
    public void SmallUnalignedWritesGiveTheSameBytesAsLargeOnes()
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content(3_000_000, 5);
        foreach (var compression in Enum.GetValues<ImageCompression>())
        {
            Qcow2Samples.Write(scratch[$"{compression}1"], content, compression, seed: 1);
            using (var file = CommittedFile.Create(scratch[$"{compression}2"]))
            {
                using var writer = new Qcow2Writer(file, content.Length, new ImageWriterOptions(compression));
                writer.Write(GuestOffset.Zero, content);
                writer.Complete(CancellationToken.None);
                file.Commit();
            }

            Assert.Equal(File.ReadAllBytes(scratch[$"{compression}1"]), File.ReadAllBytes(scratch[$"{compression}2"]));
        }
    }

    [Fact]
    public void CompressedImagesAreAboutAsSmallAsQemus()
    {
        using var scratch = new ScratchDirectory();
        var content = System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 400_000).Select(i => $"line {i * 7919L % 10007} of a log\n")));
        Array.Resize(ref content, content.Length / 512 * 512);
        File.WriteAllBytes(scratch["a.raw"], content);
        Qcow2Samples.Write(scratch["ours.qcow2"], content, ImageCompression.Zlib, 1);
        Tool.MustRun("qemu-img", "convert", "-c", "-O", "qcow2", scratch["a.raw"], scratch["qemu.qcow2"]);
        Assert.InRange(new FileInfo(scratch["ours.qcow2"]).Length, 1, (long)(new FileInfo(scratch["qemu.qcow2"]).Length * 1.05));
    }

    [Fact]
    public void AFullDiskIsATargetFaultAndLeavesNothing()
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content(5_000_000, 3);
        foreach (var compression in Enum.GetValues<ImageCompression>())
        {
            using (var committed = CommittedFile.Create(scratch["a.qcow2"]))
            {
                using var file = new FullFile(committed, 1_000_000);
                using var writer = new Qcow2Writer(file, content.Length, new ImageWriterOptions(compression));
                var error = Assert.Throws<DiagnosticException>(() =>
                {
                    writer.Write(GuestOffset.Zero, content);
                    writer.Complete(CancellationToken.None);
                });
                Assert.Equal("BLK004", error.Diagnostic.Id);
            }

            Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
        }
    }

    /// <summary>Drops what is data, keeps what is metadata: five gigabytes of clusters in a few pages.</summary>
    private sealed class HollowFile(IImageFile inner) : IImageFile
    {
        public string Name => inner.Name;

        public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        {
            if (data.ContainsAnyExcept((byte)5))
            {
                inner.Write(offset, data);
            }
        }

        public void SetLength(long length) => inner.SetLength(length);

        public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

        public void Flush() => inner.Flush();

        public void Dispose()
        {
        }
    }

    private sealed class UsedDevice : IImageFile
    {
        public UsedDevice(int length)
        {
            Content = new byte[length];
            new Random(4).NextBytes(Content);
        }

        public byte[] Content { get; }

        public string Name => "device";

        public bool IsFresh => false;

        public void Write(FileOffset offset, ReadOnlySpan<byte> data) => data.CopyTo(Content.AsSpan((int)offset.Value));

        public void WriteZeros(FileOffset offset, long length) => Content.AsSpan((int)offset.Value, (int)length).Clear();

        public void SetLength(long length)
        {
        }

        public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

        public void Flush()
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class MemoryFile : IImageFile
    {
        public string Name => "memory";

        public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        {
        }

        public void SetLength(long length)
        {
        }

        public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

        public void Flush()
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class FullFile(IImageFile inner, long room) : IImageFile
    {
        private long _room = room;

        public string Name => inner.Name;

        public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        {
            _room -= data.Length;
            if (_room < 0)
            {
                throw BlockDiagnostics.WriteFailed.ToException("No space left on device", Name);
            }

            inner.Write(offset, data);
        }

        public void SetLength(long length) => inner.SetLength(length);

        public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

        public void Flush() => inner.Flush();

        public void Dispose()
        {
        }
    }
}
