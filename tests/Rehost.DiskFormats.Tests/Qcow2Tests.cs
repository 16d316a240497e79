using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests;

public sealed class Qcow2Tests
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
        var content = Content(size, size);
        File.WriteAllBytes(scratch["a.raw"], content);
        Write(scratch["a.qcow2"], content, compression, size);
        Write(scratch["b.qcow2"], content, compression, size + 1);
        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
        Tool.MustRun("qemu-img", "compare", "-f", "qcow2", "-F", "raw", scratch["a.qcow2"], scratch["a.raw"]);
        Assert.Equal(File.ReadAllBytes(scratch["a.qcow2"]), File.ReadAllBytes(scratch["b.qcow2"]));
        using var image = Qcow2Image.Open(FileDevice.OpenRead(scratch["a.qcow2"]), "a.qcow2");
        Check(image, content);
        Assert.Equal("qcow2", KnownDiskFormats.Identify(FileDevice.OpenRead(scratch["a.qcow2"])).Name);
    }

    [Theory]
    [InlineData("compat=1.1", 3 << 20)]
    [InlineData("compat=0.10", (3 << 20) + 512)]
    [InlineData("cluster_size=512", 300_032)]
    [InlineData("cluster_size=2M", 5 << 20)]
    [InlineData("compression_type=zstd", 3 << 20)]
    [InlineData("lazy_refcounts=on,preallocation=metadata", 3 << 20)]
    public void WeReadWhatQemuWrites(string options, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = Content(size, 7);
        File.WriteAllBytes(scratch["a.raw"], content);
        foreach (var compress in new[] { false, true })
        {
            if (compress && options.Contains("preallocation", StringComparison.Ordinal))
            {
                continue;
            }

            var path = scratch[$"{compress}.qcow2"];
            Tool.MustRun("qemu-img", [.. new[] { "convert", "-f", "raw", "-O", "qcow2", "-o", options }, .. compress ? ["-c"] : Array.Empty<string>(), scratch["a.raw"], path]);
            using var image = Qcow2Image.Open(FileDevice.OpenRead(path), path);
            Check(image, content);
            var header = Qcow2Header.Parse(FileDevice.OpenRead(path), path);
            if (header.Version == 3)
            {
                Assert.Equal(File.ReadAllBytes(path)[..Qcow2Header.Size], header.ToBytes());
            }
        }
    }

    [Fact]
    public void ZeroFlagsAndWrittenClustersOfAnEditedImageAreRead()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", scratch["a.qcow2"], "10M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 3M", "-c", "write -z 2M 1M", "-c", "discard 1M 64k", "-c", "write -P 9 9999k 1k", scratch["a.qcow2"]);
        Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch["a.qcow2"], scratch["a.raw"]);
        using var image = Qcow2Image.Open(FileDevice.OpenRead(scratch["a.qcow2"]), "a");
        Check(image, File.ReadAllBytes(scratch["a.raw"]));
        Assert.Contains(image.GetExtents(GuestOffset.Zero, image.Length), extent => extent.Kind == ExtentKind.Zero);
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
        using var image = Qcow2Image.Open(FileDevice.OpenRead(scratch["a.qcow2"]), "a");
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

    /// <summary>Reference counts of more than one block: 2 GiB of clusters, on a file system with room for holes only.</summary>
    [Fact]
    public void ManyReferenceCountBlocks()
    {
        using var scratch = new ScratchDirectory();
        using (var committed = CommittedFile.Create(scratch["a.qcow2"]))
        {
            using var file = new HollowFile(committed);
            const long length = 5L << 30;
            using var writer = new Qcow2Writer(file, length, new ImageWriterOptions());
            var data = new byte[4 << 20];
            data.AsSpan().Fill(5);
            for (long at = 0; at < length; at += data.Length)
            {
                writer.Write(new GuestOffset(at), data);
            }

            writer.Complete(CancellationToken.None);
            committed.Commit();
        }

        Tool.MustRun("qemu-img", "check", "-f", "qcow2", scratch["a.qcow2"]);
    }

    [Fact]
    public void SmallUnalignedWritesGiveTheSameBytesAsLargeOnes()
    {
        using var scratch = new ScratchDirectory();
        var content = Content(3_000_000, 5);
        foreach (var compression in Enum.GetValues<ImageCompression>())
        {
            Write(scratch[$"{compression}1"], content, compression, seed: 1);
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
        Write(scratch["ours.qcow2"], content, ImageCompression.Zlib, 1);
        Tool.MustRun("qemu-img", "convert", "-c", "-O", "qcow2", scratch["a.raw"], scratch["qemu.qcow2"]);
        Assert.InRange(new FileInfo(scratch["ours.qcow2"]).Length, 1, (long)(new FileInfo(scratch["qemu.qcow2"]).Length * 1.05));
    }

    [Fact]
    public void ABackingFileIsNeverFollowed()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", scratch["a.qcow2"], "1M");
        var error = Assert.Throws<DiagnosticException>(() => Qcow2Image.Open(FileDevice.OpenRead(scratch["a.qcow2"]), "a.qcow2"));
        Assert.Equal("QCW005", error.Diagnostic.Id);
        Assert.Contains("'/etc/passwd'", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, int, byte[], string> Refusals() => new()
    {
        { "magic", 0, [1], "QCW001" },
        { "version", 7, [9], "QCW002" },
        { "cluster bits", 20, [0, 0, 0, 8], "QCW001" },
        { "cluster bits", 20, [0, 0, 0, 22], "QCW001" },
        { "disk size", 24, [0xff, 0xff], "QCW001" },
        { "AES", 32, [0, 0, 0, 1], "QCW004" },
        { "L1 too large", 36, [0x7f], "QCW001" },
        { "L1 too small", 36, [0, 0, 0, 0], "QCW001" },
        { "L1 behind the end", 40, [0, 1], "QCW001" },
        { "L1 at an odd place", 47, [1], "QCW001" },
        { "corrupt", 79, [2], "QCW008" },
        { "external data", 79, [4], "QCW003" },
        { "extended L2", 79, [16], "QCW003" },
        { "unknown bit", 72, [1], "QCW003" },
        { "header too long", 100, [1], "QCW001" },
        { "compression type", 79, [8], "" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void HeadersThatCannotBeReadAreRefusedByName(string what, int at, byte[] patch, string id)
    {
        var bytes = WriteToMemory(Content(200_000, 3), ImageCompression.Zlib);
        patch.CopyTo(bytes, at);
        if (id.Length == 0)
        {
            bytes[104] = 9;
            id = "QCW003";
        }

        var error = Assert.Throws<DiagnosticException>(() => Qcow2Image.Open(new MemoryDevice(bytes), what));
        Assert.Equal(id, error.Diagnostic.Id);
    }

    [Theory]
    [InlineData(ImageCompression.None)]
    [InlineData(ImageCompression.Zlib)]
    [InlineData(ImageCompression.Zstd)]
    public void HostileImagesGiveDiagnosticsOnly(ImageCompression compression)
    {
        var content = Content(6 * Cluster, 3);
        var good = WriteToMemory(content, compression);
        var l1 = (int)BinaryPrimitives.ReadInt64BigEndian(good.AsSpan(40));
        var l2 = (int)(BinaryPrimitives.ReadInt64BigEndian(good.AsSpan(l1)) & 0xffff_ffff);
        var random = new Random(99);
        var buffer = new byte[content.Length];
        for (var round = 0; round < 1500; round++)
        {
            var bytes = (byte[])good.Clone();
            for (var hit = random.Next(1, 4); hit > 0; hit--)
            {
                var at = random.Next(4) switch { 0 => random.Next(112), 1 => l1 + random.Next(8), 2 => l2 + random.Next(48), _ => random.Next(bytes.Length) };
                bytes[at] = (byte)random.Next(256);
            }

            if (random.Next(5) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            try
            {
                using var image = Qcow2Image.Open(new MemoryDevice(bytes), "fuzz");
                var count = (int)Math.Min(buffer.Length, image.Length);
                image.Read(GuestOffset.Zero, buffer.AsSpan(0, count));
                Assert.Equal(count, image.GetExtents(GuestOffset.Zero, count).Sum(extent => extent.Length));
            }
            catch (DiagnosticException)
            {
                // What hostile input must end in.
            }
        }
    }

    [Fact]
    public void AFullDiskIsATargetFaultAndLeavesNothing()
    {
        using var scratch = new ScratchDirectory();
        var content = Content(5_000_000, 3);
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

    private static byte[] WriteToMemory(byte[] content, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        Write(scratch["a"], content, compression, 1);
        return File.ReadAllBytes(scratch["a"]);
    }

    /// <summary>Writes in pieces of random size.</summary>
    private static void Write(string path, byte[] content, ImageCompression compression, int seed)
    {
        using var file = CommittedFile.Create(path);
        using var writer = KnownDiskFormats.ByName("qcow2").CreateWriter(file, content.Length, new ImageWriterOptions(compression));
        var random = new Random(seed);
        for (var at = 0; at < content.Length;)
        {
            var count = Math.Min(content.Length - at, random.Next(3) == 0 ? random.Next(1, 3 * Cluster) : 4 * Cluster);
            if (content.AsSpan(at, count).ContainsAnyExcept((byte)0))
            {
                writer.Write(new GuestOffset(at), content.AsSpan(at, count));
            }
            else
            {
                writer.WriteZeros(new GuestOffset(at), count);
            }

            at += count;
        }

        writer.Complete();
        file.Commit();
    }

    private static void Check(IBlockDevice image, byte[] content)
    {
        Assert.Equal(content.Length, image.Length);
        var read = new byte[content.Length];
        image.Read(GuestOffset.Zero, read);
        Assert.True(read.AsSpan().SequenceEqual(content));
        Parallel.For(0, 3, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 40; i++)
            {
                var offset = random.Next(content.Length + 1);
                var part = new byte[random.Next(Math.Min(content.Length - offset, 200_000) + 1)];
                image.Read(new GuestOffset(offset), part);
                Assert.True(part.AsSpan().SequenceEqual(content.AsSpan(offset, part.Length)));
            }
        });
        long position = 0;
        foreach (var extent in image.GetExtents(GuestOffset.Zero, image.Length))
        {
            Assert.Equal(position, extent.Offset);
            Assert.True(extent.Kind == ExtentKind.Data || !content.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0));
            position = extent.End;
        }

        Assert.Equal(image.Length, position);
    }

    /// <summary>A third zero, a third text-like, a third random, in uneven runs.</summary>
    private static byte[] Content(int length, int seed)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length;)
        {
            var run = content.AsSpan(at, Math.Min(length - at, random.Next(1, 5 * Cluster)));
            switch (random.Next(3))
            {
                case 0:
                    random.NextBytes(run);
                    break;
                case 1:
                    for (var i = 0; i < run.Length; i++)
                    {
                        run[i] = (byte)("the quick brown fox "[random.Next(5) == 0 ? random.Next(20) : i % 20]);
                    }

                    break;
            }

            at += run.Length;
        }

        return content;
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
