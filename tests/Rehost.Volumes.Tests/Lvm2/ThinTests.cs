using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Lvm2.Thin;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Thin volumes over metadata that thin_restore wrote and thin_check judges.</summary>
public sealed class ThinTests
{
    private const int Extent = 1 << 20;
    private const int Chunk = 64 << 10;

    [Fact]
    public void Mapped_blocks_are_read_and_written_and_the_rest_is_zeros()
    {
        using var disks = new LvmDisks(1, 64 << 20);
        var mappings = Prepare(disks, snapshotTime: 0);
        var content = File.ReadAllBytes(disks.Images[0]);
        using (var bench = new StackBench(disks.Images))
        {
            Assert.Empty(bench.Stack.Findings);
            var volume = bench["mapper/vg-thin"];
            Assert.Equal(("thin", 100L << 20), (volume.Layout, volume.Device.Length));
            var read = new byte[Chunk];
            for (var block = 0L; block < (100 << 20) / Chunk; block++)
            {
                volume.Device.Read(new GuestOffset(block * Chunk), read);
                var expected = mappings.TryGetValue(block, out var at) ? content.AsSpan(Place(at), Chunk) : new byte[Chunk];
                Assert.True(expected.SequenceEqual(read), $"block {block}");
            }

            Assert.Equal((100L << 20) - (mappings.Count * (long)Chunk), volume.Device.GetExtents(GuestOffset.Zero, 100 << 20).Where(extent => extent.Kind == ExtentKind.Hole).Sum(extent => extent.Length));

            // Over the border of two blocks that lie apart in the pool.
            volume.Device.Write(new GuestOffset(Chunk - 10), new byte[20].Select((_, index) => (byte)(index + 1)).ToArray());
            volume.Device.WriteZeros(new GuestOffset(0), 5000);
            volume.Device.WriteZeros(new GuestOffset(90 << 20), 1 << 20);
        }

        var after = File.ReadAllBytes(disks.Images[0]);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], after.AsSpan(Place(mappings[0]) + Chunk - 10, 10).ToArray());
        Assert.Equal([11, 12, 13, 14, 15, 16, 17, 18, 19, 20], after.AsSpan(Place(mappings[1]), 10).ToArray());
        var changed = Enumerable.Range(0, content.Length).Count(index => content[index] != after[index]);
        Assert.InRange(changed, 4900, 5020);
    }

    [Fact]
    public void Damaged_metadata_are_named()
    {
        using var disks = new LvmDisks(1, 64 << 20);
        Prepare(disks, snapshotTime: 0);
        using (var file = File.OpenWrite(disks.Images[0]))
        {
            file.Position = Extent + 100;
            file.WriteByte(1);
        }

        using var bench = new StackBench(disks.Images);
        Assert.Equal("VOL005", bench["mapper/vg-thin"].Problem?.Id);
    }

    [Fact]
    public void Trees_with_right_checksums_and_wrong_values()
    {
        using var disks = new LvmDisks(1, 64 << 20);
        Prepare(disks, snapshotTime: 0);
        var whole = File.ReadAllBytes(disks.Images[0]).AsSpan(Extent, 4 * Extent).ToArray();
        var random = new Random(45);
        var used = Enumerable.Range(0, whole.Length / 4096).Where(block => whole.AsSpan(block * 4096, 4096).ContainsAnyExcept((byte)0)).ToList();
        for (var round = 0; round < 1500; round++)
        {
            var bytes = (byte[])whole.Clone();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var number = used[random.Next(used.Count)];
                var block = bytes.AsSpan(number * 4096, 4096);
                var at = 4 + (random.Next(random.Next(2) == 0 ? 90 : 1020) * 4);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(block[at..], random.Next(3) switch { 0 => uint.MaxValue, 1 => (uint)random.Next(600), _ => (uint)random.NextInt64(1L << 32) });
                var crc = uint.MaxValue;
                for (var byteAt = 4; byteAt < 4096; byteAt++)
                {
                    crc = System.Numerics.BitOperations.Crc32C(crc, block[byteAt]);
                }

                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(block, crc ^ (number == 0 ? 160774u : 121107u));
            }

            try
            {
                var volume = new ThinVolume("thin", new ThinPool("pool", new MemoryDevice(bytes), new MemoryDevice(new byte[1 << 20])), 7, 100 << 20);
                var read = new byte[512];
                for (var block = 0; block < 1600; block += 37)
                {
                    volume.Read(new GuestOffset((long)block * Chunk % (99 << 20)), read);
                    volume.Write(new GuestOffset((long)block * Chunk * 5 % (99 << 20)), read);
                }
            }
            catch (DiagnosticException)
            {
            }
        }
    }

    /// <summary>Pool metadata in the first four extents, its data in the next forty; one thin volume of 100 MiB with a thousand blocks here and there.</summary>
    private static Dictionary<long, long> Prepare(LvmDisks disks, int snapshotTime)
    {
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        disks.Restore("vg", text => new LvmText()
            .Linear("pool_tmeta", 4, "pv0").Linear("pool_tdata", 40, "pv0")
            .Volume("pool", 40, "thin-pool", "metadata = \"pool_tmeta\"\npool = \"pool_tdata\"\ntransaction_id = 1\nchunk_size = 128\ndiscards = \"passdown\"\nzero_new_blocks = 1")
            .Volume("thin", 100, "thin", "thin_pool = \"pool\"\ntransaction_id = 0\ndevice_id = 7").Into(text));
        disks.Detach();
        var random = new Random(11);
        var data = Enumerable.Range(0, 640).ToArray();
        random.Shuffle(data);
        var mappings = new Dictionary<long, long> { [0] = data[0], [1] = data[1] };
        for (var i = 2; i < 600; i++)
        {
            mappings[random.Next(2, 1400)] = data[i];
        }

        var lines = string.Join('\n', mappings.OrderBy(one => one.Key).Select(one => $"<single_mapping origin_block=\"{one.Key}\" data_block=\"{one.Value}\" time=\"3\"/>"));
        File.WriteAllText(disks["xml"], $"<superblock uuid=\"\" time=\"9\" transaction=\"1\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"640\">\n<device dev_id=\"3\" mapped_blocks=\"0\" transaction=\"0\" creation_time=\"0\" snap_time=\"0\">\n</device>\n<device dev_id=\"7\" mapped_blocks=\"{mappings.Count}\" transaction=\"0\" creation_time=\"0\" snap_time=\"{snapshotTime}\">\n{lines}\n</device>\n</superblock>\n");
        using (var file = File.Create(disks["metadata"]))
        {
            file.SetLength(4 * Extent);
        }

        Tool.MustRun("thin_restore", "-i", disks["xml"], "-o", disks["metadata"]);
        Tool.MustRun("thin_check", disks["metadata"]);
        Tool.MustRun("dd", $"if={disks["metadata"]}", $"of={disks.Images[0]}", "bs=1M", "seek=1", "conv=notrunc", "status=none");
        return mappings;
    }

    private static int Place(long block) => (int)(Extent + (4 * Extent) + (block * Chunk));
}
