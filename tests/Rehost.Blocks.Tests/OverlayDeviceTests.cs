using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Blocks.Tests;

public sealed class OverlayDeviceTests
{
    [Theory]
    [InlineData(1, 3 * 1024 * 1024 + 512, false)]
    [InlineData(2, 100_000, false)]
    [InlineData(3, 3 * 1024 * 1024 + 1, true)]
    [InlineData(4, 512, true)]
    [InlineData(5, 4096 * 300, false)]
    public void RandomWritesAgreeWithAModel(int seed, int length, bool inFile)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(seed);
        var original = new byte[length];
        random.NextBytes(original);
        var model = (byte[])original.Clone();
        using var below = new MemoryDevice((byte[])original.Clone(), canWrite: false);
        using var overlay = new OverlayDevice(below, inFile ? OverlayStore.InDirectory(scratch.Path) : OverlayStore.InMemory());
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
        for (var step = 0; step < 600; step++)
        {
            var offset = random.Next(length + 1);
            var count = random.Next(Math.Min(length - offset, random.Next(4) == 0 ? length : 20_000) + 1);
            if (random.Next(2) == 0)
            {
                (offset, count) = (offset / 4096 * 4096, count / 4096 * 4096);
            }

            switch (random.Next(5))
            {
                case 0:
                    overlay.WriteZeros(new GuestOffset(offset), count);
                    model.AsSpan(offset, count).Clear();
                    break;
                case 1:
                    var read = new byte[count];
                    overlay.Read(new GuestOffset(offset), read);
                    Assert.True(read.AsSpan().SequenceEqual(model.AsSpan(offset, count)), $"step {step}");
                    break;
                case 2 when step % 97 == 0:
                    overlay.Discard();
                    original.CopyTo(model, 0);
                    break;
                default:
                    var data = new byte[count];
                    random.NextBytes(data);
                    for (var page = 0; page + 4096 <= count; page += 4096)
                    {
                        if (random.Next(3) == 0)
                        {
                            data.AsSpan(page, 4096).Clear();
                        }
                    }

                    overlay.Write(new GuestOffset(offset), data);
                    data.CopyTo(model, offset);
                    break;
            }
        }

        var all = new byte[length];
        overlay.Read(GuestOffset.Zero, all);
        Assert.Equal(model, all);
        CheckExtents(overlay, model);
        CheckChanges(overlay, original, model);
        Assert.Equal(original, below.Content.ToArray());
    }

    [Fact]
    public void AWholePageIsNotReadBelow()
    {
        using var overlay = new OverlayDevice(new UnreadableDevice(10_000), OverlayStore.InMemory());
        var page = Enumerable.Repeat((byte)7, 4096).ToArray();
        overlay.Write(GuestOffset.Zero, page);
        overlay.Write(new GuestOffset(8192), page.AsSpan(0, 10_000 - 8192));
        overlay.WriteZeros(new GuestOffset(4096), 4096);
        var read = new byte[10_000];
        overlay.Read(GuestOffset.Zero, read);
        Assert.Equal(7, read[9_999]);
        Assert.Equal(0, read[5_000]);
        Assert.Equal([new ByteRange(0, 10_000)], overlay.ChangedRanges);
    }

    [Fact]
    public void ZeroingTerabytesIsCheap()
    {
        using var below = new ZeroDevice(2L << 40);
        using var overlay = new OverlayDevice(below, OverlayStore.InMemory());
        overlay.WriteZeros(new GuestOffset(1 << 20), 64L << 30);
        overlay.Write(new GuestOffset((1L << 40) + 5), [1]);
        Assert.Equal([new ByteRange(1 << 20, 64L << 30), new ByteRange(1L << 40, 4096)], overlay.ChangedRanges);
        Assert.Equal(
            [new Extent(0, 1L << 40, ExtentKind.Zero), new Extent(1L << 40, 4096, ExtentKind.Data), new Extent((1L << 40) + 4096, (1L << 40) - 4096, ExtentKind.Zero)],
            overlay.GetExtents(GuestOffset.Zero, overlay.Length));
    }

    [Fact]
    public void ADirectoryThatIsMissingIsATargetFault()
    {
        var error = Assert.Throws<DiagnosticException>(() => OverlayStore.InDirectory("/nonexistent/rehost"));
        Assert.Equal("BLK004", error.Diagnostic.Id);
    }

    private static void CheckExtents(OverlayDevice overlay, byte[] model)
    {
        long position = 0;
        foreach (var extent in overlay.GetExtents(GuestOffset.Zero, overlay.Length))
        {
            Assert.Equal(position, extent.Offset);
            Assert.True(extent.Length > 0);
            if (extent.Kind != ExtentKind.Data)
            {
                Assert.False(model.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0));
            }

            position = extent.End;
        }

        Assert.Equal(overlay.Length, position);
    }

    private static void CheckChanges(OverlayDevice overlay, byte[] original, byte[] model)
    {
        long last = -1;
        var covered = new bool[model.Length];
        foreach (var range in overlay.ChangedRanges)
        {
            Assert.True(range.Offset > last);
            last = range.End;
            covered.AsSpan((int)range.Offset, (int)range.Length).Fill(true);
        }

        for (var i = 0; i < model.Length; i++)
        {
            Assert.True(covered[i] || original[i] == model[i]);
        }
    }

    private sealed class UnreadableDevice(long length) : IBlockDevice
    {
        public long Length => length;

        public bool CanWrite => false;

        public void Read(GuestOffset offset, Span<byte> buffer) => throw new InvalidOperationException("read below");

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
