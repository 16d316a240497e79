using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

[Collection(MemoryCollection.Name)]
public sealed class DiskCopyTests
{
    [Theory]
    [InlineData("raw", ImageCompression.None, 0)]
    [InlineData("raw", ImageCompression.None, 512)]
    [InlineData("raw", ImageCompression.None, (9 << 20) + 1536)]
    [InlineData("qcow2", ImageCompression.None, (9 << 20) + 1536)]
    [InlineData("qcow2", ImageCompression.Zlib, (5 << 20) + 512)]
    [InlineData("qcow2", ImageCompression.Zstd, 5 << 20)]
    public void CopiesHashesAndProves(string format, ImageCompression compression, int size)
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, size);
        var manifest = disk.Copy(scratch["out"], format, compression);
        using var target = KnownDiskFormats.ByName(format).Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["out"]), "out"));
        var read = new byte[disk.Content.Length];
        var expected = new byte[disk.Content.Length];
        target.Read(GuestOffset.Zero, read);
        disk.Content.Read(GuestOffset.Zero, expected);
        Assert.True(read.AsSpan().SequenceEqual(expected));
        Assert.Equal((expected.Length + 65535) / 65536, manifest.BlockCount);
        for (var block = 0; block < manifest.BlockCount; block++)
        {
            Assert.True(manifest.HashOf(block).SequenceEqual(SHA256.HashData(expected.AsSpan(block * 65536, Math.Min(65536, expected.Length - (block * 65536))))));
        }

        Assert.Equal(SlowRoot(expected), manifest.Root);
        var report = DeltaProof.Run(disk.Source, target, manifest);
        Assert.True(report.IsProved);
        Assert.True(report.BytesEqualToSource <= size);
        if (format == "qcow2")
        {
            Tool.MustRun("qemu-img", "check", scratch["out"]);
        }
    }

    [Fact]
    public void HolesAreNotRead()
    {
        using var scratch = new ScratchDirectory();
        using var content = new ConcatDevice([new ZeroDevice(2L << 40), new MemoryDevice([1]), new ZeroDevice(511)]);
        using var file = CommittedFile.Create(scratch["a.qcow2"]);
        using var writer = KnownDiskFormats.ByName("qcow2").CreateWriter(file, content.Length, new ImageWriterOptions());
        var progress = new Collector();
        var manifest = DiskCopy.Run(new DiskCopyRequest(content, writer), progress);
        file.Commit();
        Assert.Equal(512, progress.Last.BytesDone);
        Assert.Equal(512, progress.Last.BytesTotal);
        Assert.Equal((2L << 24) + 1, manifest.BlockCount);
        using var target = KnownDiskFormats.ByName("qcow2").Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.qcow2"]), "a"));
        Assert.True(DeltaProof.Run(null, target, manifest).IsProved);
        using var saved = CommittedFile.Create(scratch["manifest"]);
        manifest.Save(saved);
        saved.Commit();
        Assert.InRange(new FileInfo(scratch["manifest"]).Length, 100, 300);
    }

    [Fact]
    public void ADamagedSourceStopsTheCopy()
    {
        using var scratch = new ScratchDirectory();
        using var source = new FailingDevice(new ZeroDevice(10 << 20), 7 << 20);
        using (var file = CommittedFile.Create(scratch["a"]))
        {
            using var writer = KnownDiskFormats.ByName("raw").CreateWriter(file, source.Length, new ImageWriterOptions());
            Assert.Equal("BLK003", Assert.Throws<DiagnosticException>(() => DiskCopy.Run(new DiskCopyRequest(source, writer))).Diagnostic.Id);
        }

        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    [Theory]
    [InlineData("raw", ImageCompression.None)]
    [InlineData("qcow2", ImageCompression.None)]
    [InlineData("qcow2", ImageCompression.Zstd)]
    public void AFullTargetStopsTheCopy(string format, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[40 << 20];
        new Random(1).NextBytes(content);
        using var source = new MemoryDevice(content, canWrite: false);
        using var file = new FullFile(5 << 20);
        using var writer = KnownDiskFormats.ByName(format).CreateWriter(file, source.Length, new ImageWriterOptions(compression));
        Assert.Equal("BLK004", Assert.Throws<DiagnosticException>(() => DiskCopy.Run(new DiskCopyRequest(source, writer))).Diagnostic.Id);
    }

    [Fact]
    public void CancellingStopsTheCopy()
    {
        using var scratch = new ScratchDirectory();
        using var cancel = new CancellationTokenSource();
        using var source = new MemoryDevice(new byte[64 << 20], canWrite: false);
        using var file = CommittedFile.Create(scratch["a"]);
        using var writer = KnownDiskFormats.ByName("raw").CreateWriter(file, source.Length, new ImageWriterOptions());
        Assert.ThrowsAny<OperationCanceledException>(() => DiskCopy.Run(new DiskCopyRequest(source, writer), new Collector { OnReport = cancel.Cancel }, cancellationToken: cancel.Token));
    }

    [Fact]
    public void SharedRangesAreThoseThatCameUnchangedFromTheFile()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, 9 << 20);
        var writer = new SharingWriter(disk.Content.Length);
        var changed = disk.Overlay.ChangedRanges.Select(range => range with { Offset = range.Offset + SampleDisk.Shift }).ToList();
        DiskCopy.Run(new DiskCopyRequest(disk.Content, writer) { Mapping = MappedRange.Whole(disk.Source.Length, SampleDisk.Shift), ChangedRanges = changed });
        Assert.NotEmpty(writer.Shared);
        Assert.All(writer.Shared, shared =>
        {
            Assert.Equal(SampleDisk.Shift, shared.Target - shared.Source);
            Assert.DoesNotContain(changed, range => range.Offset < shared.Target + shared.Length && range.End > shared.Target);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AWriterGetsEachByteOnceAndInOrder(bool isHashed)
    {
        var content = new byte[(9 << 20) + 512];
        new Random(1).NextBytes(content.AsSpan(0, 3 << 20));
        new Random(2).NextBytes(content.AsSpan(7 << 20));
        using var source = new SparseDevice(content, new ByteRange(3 << 20, 4 << 20));
        var writer = new OnceWriter(content.Length);
        var request = new DiskCopyRequest(source, writer) { Workers = 4 };
        var digest = DiskCopy.RunPlain(request, isHashed);
        Assert.Equal(content, writer.Content);
        Assert.All(writer.Writes, count => Assert.Equal(1, count));
        Assert.True(writer.IsComplete);
        Assert.Equal(isHashed, digest is not null);
        if (digest is not null)
        {
            Assert.Equal(ContentDigest.Of(source, 1).Root, digest.Root);
        }
    }

    [Fact]
    public void ACopyOfAnySizeNeedsTheSameMemory()
    {
        using var source = new NoiseDevice(3L << 30);
        var writer = new CountingWriter(source.Length);
        GC.Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        DiskCopy.RunPlain(new DiskCopyRequest(source, writer), digest: false);
        Assert.Equal(source.Length, writer.Bytes);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: false) - before, long.MinValue, 64 << 20);
    }

    /// <summary>RFC 6962's definition, word for word.</summary>
    private static byte[] SlowRoot(byte[] content)
    {
        var leaves = content.Chunk(65536).Select(SHA256.HashData).ToArray();
        return leaves.Length == 0 ? SHA256.HashData([]) : Tree(leaves);

        static byte[] Tree(Span<byte[]> leaves)
        {
            if (leaves.Length == 1)
            {
                return leaves[0];
            }

            var left = 1;
            while (left * 2 < leaves.Length)
            {
                left *= 2;
            }

            return SHA256.HashData([1, .. Tree(leaves[..left]), .. Tree(leaves[left..])]);
        }
    }

    private sealed class Collector : IProgress<TransferProgress>
    {
        public TransferProgress Last { get; private set; }

        public Action OnReport { get; init; } = () => { };

        public void Report(TransferProgress value)
        {
            Last = value;
            OnReport();
        }
    }

    private sealed class FailingDevice(IBlockDevice inner, long limit) : IBlockDevice
    {
        public long Length => inner.Length;

        public bool CanWrite => false;

        public void Read(GuestOffset offset, Span<byte> buffer)
        {
            if (offset.Value + buffer.Length > limit)
            {
                throw BlockDiagnostics.ReadFailed.ToException("bad sector", "failing device");
            }

            inner.Read(offset, buffer);
        }

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException();

        public void WriteZeros(GuestOffset offset, long length) => throw new InvalidOperationException();

        public void Flush()
        {
        }

        public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

        public void Dispose() => inner.Dispose();
    }

    private sealed class FullFile(long room) : IImageFile
    {
        private long _room = room;

        public string Name => "full";

        public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        {
            _room -= data.Length;
            if (_room < 0)
            {
                throw BlockDiagnostics.WriteFailed.ToException("No space left on device", Name);
            }
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

    private sealed class SharingWriter(long length) : IImageWriter
    {
        public List<(long Source, long Target, long Length)> Shared { get; } = [];

        public long Length => length;

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
        {
        }

        public void WriteZeros(GuestOffset offset, long length)
        {
        }

        public bool TryShare(FileDevice source, FileOffset sourceOffset, GuestOffset offset, long length)
        {
            Shared.Add((sourceOffset.Value, offset.Value, length));
            return true;
        }

        public void Complete(CancellationToken cancellationToken)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class OnceWriter(int length) : IImageWriter
    {
        public byte[] Content { get; } = new byte[length];

        public int[] Writes { get; } = new int[(length + 511) / 512];

        public bool IsComplete { get; private set; }

        public long Length => length;

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
        {
            data.CopyTo(Content.AsSpan((int)offset.Value));
            Count(offset.Value, data.Length);
        }

        public void WriteZeros(GuestOffset offset, long length) => Count(offset.Value, length);

        public void Complete(CancellationToken cancellationToken) => IsComplete = true;

        public void Dispose()
        {
        }

        private void Count(long offset, long bytes)
        {
            for (var sector = offset / 512; sector < (offset + bytes + 511) / 512; sector++)
            {
                Writes[sector]++;
            }
        }
    }

    private sealed class CountingWriter(long length) : IImageWriter
    {
        public long Bytes { get; private set; }

        public long Length => length;

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
        {
            Assert.Equal(Bytes, offset.Value);
            Bytes += data.Length;
        }

        public void WriteZeros(GuestOffset offset, long length) => Bytes += length;

        public void Complete(CancellationToken cancellationToken)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class NoiseDevice(long length) : IBlockDevice
    {
        public long Length => length;

        public bool CanWrite => false;

        public void Read(GuestOffset offset, Span<byte> buffer) => buffer[0] = (byte)((offset.Value >> 20) & 0xff);

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException();

        public void WriteZeros(GuestOffset offset, long length) => throw new InvalidOperationException();

        public void Flush()
        {
        }

        public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

        public void Dispose()
        {
        }
    }
}
