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
