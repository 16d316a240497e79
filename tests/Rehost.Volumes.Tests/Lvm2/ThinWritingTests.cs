using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Lvm2.Thin;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Writes that take blocks from a thin pool: against a model, with thin_check, thin_dump and thin_ls as witnesses after each batch.</summary>
public sealed class ThinWritingTests
{
    private const int SectorsOfChunk = 128;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Thousands_of_blocks_in_trees_of_several_levels(int seed)
    {
        var random = new Random(seed);
        var data = Enumerable.Range(0, 9000).Select(one => (long)one).ToArray();
        random.Shuffle(data);
        var dense = Enumerable.Range(0, 3000).Select(block => ((long)block, data[block])).ToList();
        var sparse = Enumerable.Range(0, 1500).Select(block => (block * 7L, data[3000 + block])).ToList();
        using var model = new ThinModel(
            ThinModel.PoolOf(12_000, ThinModel.Device(1, 0, 3000, ThinModel.Single(dense, 3)) + ThinModel.Device(2, 0, 1500, ThinModel.Single(sparse, 3)) + ThinModel.Device(5, 0, 0, "")), 1024, 20_000);
        Run(model, random, batches: 3, operations: 700);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Snapshots_that_share_blocks_and_nodes(int seed)
    {
        // Blocks that are in several devices' own trees, and trees of nodes that devices share: counts of one to many, up and down.
        var random = new Random(seed);
        var shared = ThinModel.Single(Enumerable.Range(0, 600).Select(block => ((long)block, block * 2L)), 3);
        using var model = new ThinModel(ThinModel.PoolOf(8000, string.Concat(Enumerable.Range(1, 5).Select(device => ThinModel.Device(device, 6, 600, shared)))), 1024, 1400);
        model.Check(random);
        for (var snapshot = 0; snapshot < 5; snapshot++)
        {
            model.TakeSnapshot(random.Next(1, 6), 10 + snapshot);
            model.TakeSnapshot(10 + snapshot, 20 + snapshot);
            Run(model, random, batches: 1, operations: 150);
        }
    }

    [Fact]
    public void Metadata_that_are_held_for_a_reader_stay_as_they_are()
    {
        var random = new Random(8);
        using var model = new ThinModel(ThinModel.PoolOf(4000, ThinModel.Device(1, 0, 900, ThinModel.Single(Enumerable.Range(0, 900).Select(block => ((long)block, (long)block)), 3)) + ThinModel.Device(2, 0, 0, "")), 1024, 2000);
        model.HoldMetadata();
        var before = model.Held();
        Run(model, random, batches: 2, operations: 200);
        Assert.Equal(before, model.Held());
    }

    [Fact]
    public void A_full_pool_is_named_with_figures_and_nothing_is_changed()
    {
        using var model = new ThinModel(ThinModel.PoolOf(300, ThinModel.Device(1, 0, 290, ThinModel.Single(Enumerable.Range(0, 290).Select(block => ((long)block, (long)block)), 3))), 256, 2000);
        for (var block = 0; block < 7; block++)
        {
            model.Write(1, (500 + block) * SectorsOfChunk, 1);
        }

        var before = model.Metadata();
        var e = Assert.Throws<DiagnosticException>(() => model.Write(1, 1000 * SectorsOfChunk, 4 * SectorsOfChunk));
        Assert.Equal(("VOL013", "vg/pool"), (e.Diagnostic.Id, e.Diagnostic.Where));
        Assert.Contains("needs 4 new blocks of 65536 bytes, and 3 of the 300 of the thin pool are free", e.Diagnostic.Message, StringComparison.Ordinal);
        Assert.True(before.AsSpan().SequenceEqual(model.Metadata()));
        model.Write(1, 1000 * SectorsOfChunk, 3 * SectorsOfChunk);
        Assert.Equal("VOL013", Assert.Throws<DiagnosticException>(() => model.Write(1, 1500 * SectorsOfChunk, 1)).Diagnostic.Id);

        // What has a block is still written, and zeros need none.
        model.Write(1, 0, 5);
        model.Volumes[1].WriteZeros(new GuestOffset(1500L * SectorsOfChunk * 512), 1 << 20);
        model.Check(new Random(5));
    }

    [Fact]
    public void Full_metadata_are_named_with_figures_and_nothing_is_changed()
    {
        // Nodes that two devices share are copied as they are written: the few blocks of metadata do not last.
        using var model = new ThinModel(ThinModel.PoolOf(30_000, ThinModel.Device(1, 0, 12_000, ThinModel.Single(Enumerable.Range(0, 12_000).Select(block => ((long)block, (long)block)), 3))), 150, 20_000);
        model.TakeSnapshot(1, 2);
        var before = Array.Empty<byte>();
        var random = new Random(6);
        DiagnosticException? refused = null;
        for (var i = 0; i < 200 && refused is null; i++)
        {
            before = model.Metadata();
            try
            {
                model.Write(1, random.Next(12_000) * (long)SectorsOfChunk, 1);
            }
            catch (DiagnosticException e)
            {
                refused = e;
            }
        }

        Assert.Equal("VOL013", refused?.Diagnostic.Id);
        Assert.Matches("would leave 1[0-9] of 150 blocks of the thin pool's metadata free, and the kernel keeps 15", refused?.Diagnostic.Message ?? "");
        Assert.True(before.AsSpan().SequenceEqual(model.Metadata()));
        model.Check(random);
    }

    [Fact]
    public void Counts_grow_into_a_tree_of_several_levels_and_shrink_out_of_it()
    {
        const int blocks = 9000;
        using var model = new ThinModel(ThinModel.PoolOf(blocks, ThinModel.Device(1, 0, 0, "")), 1024, 2000);
        using var device = new MemoryDevice(model.Metadata());
        var metadata = new MetadataBlocks(device, "test");
        var uses = new MetadataSpaceMap(metadata);
        var data = new DataSpaceMap(metadata, uses, blocks);
        var free = uses.Free;
        var expected = new uint[blocks];
        var random = new Random(9);
        for (var block = 0; block < blocks; block++)
        {
            Assert.Equal(block, data.Allocate());
            expected[block] = 1;
        }

        // Up, about even, down, and down to nothing in order from the middle.
        foreach (var (rounds, upward) in (IEnumerable<(int, int)>)[(40_000, 9), (20_000, 5), (60_000, 1)])
        {
            for (var i = 0; i < rounds; i++)
            {
                var block = random.Next(blocks);
                if (random.Next(10) < upward)
                {
                    data.Increment(block);
                    expected[block]++;
                }
                else if (expected[block] > 1)
                {
                    data.Decrement(block);
                    expected[block]--;
                }
            }

            metadata.Commit();
            Assert.Equal(expected.Select((count, block) => ((ulong)block, count)).Where(one => one.count >= 3), ThinJudge.CountsOfData(device.Content.ToArray()).Select(one => (one.Key, one.Value)));
        }

        for (var i = 0; i < blocks; i++)
        {
            var block = (i + (blocks / 3)) % blocks;
            for (; expected[block] > 0; expected[block]--)
            {
                data.Decrement(block);
            }

            if (i % 1500 == 0)
            {
                metadata.Commit();
                Assert.Equal(expected.Count(count => count >= 3), ThinJudge.CountsOfData(device.Content.ToArray()).Count);
            }
        }

        metadata.Commit();
        Assert.Equal((blocks, free), (data.Free, uses.Free));
        ThinJudge.AssertSound(device.Content.ToArray());
    }

    [Fact]
    public void A_write_that_fails_below_changes_no_metadata()
    {
        using var model = new ThinModel(ThinModel.PoolOf(300, ThinModel.Device(1, 0, 0, "")), 256, 2000);
        using var metadata = new MemoryDevice(model.Metadata());
        using var data = new OverlayDevice(new JunkDevice(300 * 65536), OverlayStore.InMemory());
        var pool = new ThinPool("vg/pool", metadata, new FailingDevice(data, after: 2));
        var before = model.Metadata();
        Assert.Throws<DiagnosticException>(() => pool.Write(1, 0, new byte[5 * 65536]));
        var read = new byte[metadata.Length];
        metadata.Read(GuestOffset.Zero, read);
        Assert.True(before.AsSpan().SequenceEqual(read));
        Assert.Null(pool.Find(1, 0));
        pool.Write(1, 0, new byte[5 * 65536]);
        Assert.NotNull(pool.Find(1, 4));
    }

    private static void Run(ThinModel model, Random random, int batches, int operations)
    {
        for (var batch = 0; batch < batches; batch++)
        {
            for (var i = 0; i < operations; i++)
            {
                model.Operate(random);
            }

            model.Check(random);
        }
    }

    /// <summary>A device whose writes fail once.</summary>
    private sealed class FailingDevice(IBlockDevice below, int after) : IBlockDevice
    {
        private int _writes;

        public long Length => below.Length;

        public bool CanWrite => true;

        public void Read(GuestOffset offset, Span<byte> buffer) => below.Read(offset, buffer);

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
        {
            if (_writes++ == after)
            {
                throw BlockDiagnostics.ReadOnly.ToException("this write fails", "test");
            }

            below.Write(offset, data);
        }

        public void WriteZeros(GuestOffset offset, long length) => below.WriteZeros(offset, length);

        public void Flush() => below.Flush();

        public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => below.GetExtents(offset, length);

        public void Dispose()
        {
        }
    }
}
