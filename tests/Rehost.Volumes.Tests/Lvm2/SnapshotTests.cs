using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Lvm2.Snapshots;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Snapshots of the old kind: what they show stays as it is when their origin is written.</summary>
public sealed class SnapshotTests
{
    private const int OriginLength = 16 << 20;
    private const int StoreLength = 8 << 20;

    [Fact]
    public void A_write_to_an_origin_keeps_what_its_snapshots_show()
    {
        using var disks = Prepare(merging: false);
        var random = new Random(1);
        var original = new byte[OriginLength];
        random.NextBytes(original);
        Put(disks, 0, original);

        // One store that was never used, so that the kernel has not even written its header; one with chunks in two areas, which shows something else than the origin.
        var fresh = new byte[StoreLength];
        random.NextBytes(fresh);
        fresh.AsSpan(0, 8192).Clear();
        Put(disks, 1, fresh);
        var old = Enumerable.Range(0, 300).Select(index => ((long)index * 7, Enumerable.Repeat((byte)(index % 251), 4096).ToArray())).ToList();
        Put(disks, 2, CowStore.Make(StoreLength, 4096, old));
        var showed = CowStore.Show(original, Get(disks, 2), 4096).Content;
        Assert.False(original.AsSpan().SequenceEqual(showed));

        var model = (byte[])original.Clone();
        var own = (byte[])showed.Clone();
        using (var bench = new StackBench(disks.Images))
        {
            Assert.Empty(bench.Stack.Findings);
            var origin = bench["mapper/vg-root"].Device;
            Assert.True(origin.CanWrite);
            Assert.Null(bench["mapper/vg-root"].ReadOnlyReason);

            // The origin is what the guest mounts; the snapshots have the same UUIDs and are no volumes of their own.
            Assert.Equal([(true, null, null), (false, "LVM2 snapshot", "mapper/vg-root"), (false, "LVM2 snapshot", "mapper/vg-root")],
                ((string[])["mapper/vg-root", "mapper/vg-before", "mapper/vg-later"]).Select(name => (bench[name].HasOwnContent, bench[name].MemberType, bench[name].PartOf)));
            for (var i = 0; i < 700; i++)
            {
                var offset = random.Next(OriginLength - 40_000);
                var data = new byte[random.Next(4) == 0 ? random.Next(1, 40_000) : random.Next(1, 600)];
                random.NextBytes(data);
                if (i % 7 == 6)
                {
                    // The snapshot's own writes stay in its store.
                    bench["mapper/vg-later"].Device.Write(new GuestOffset(offset), data.AsSpan(0, Math.Min(600, data.Length)));
                    data.AsSpan(0, Math.Min(600, data.Length)).CopyTo(own.AsSpan(offset));
                }
                else if (i % 7 == 5)
                {
                    origin.WriteZeros(new GuestOffset(offset), data.Length);
                    model.AsSpan(offset, data.Length).Clear();
                }
                else
                {
                    origin.Write(new GuestOffset(offset), data);
                    data.CopyTo(model, offset);
                }

                // A new look at the disks finds what this one left off.
                if (i == 400)
                {
                    using var again = new StackBench(disks.Images);
                    AssertShows(again, "mapper/vg-before", original);
                }
            }

            AssertShows(bench, "mapper/vg-root", model);
            AssertShows(bench, "mapper/vg-before", original);
            AssertShows(bench, "mapper/vg-later", own);
        }

        Assert.True(model.AsSpan().SequenceEqual(Get(disks, 0)));
        var (before, kept) = CowStore.Show(model, Get(disks, 1), 8192);
        Assert.True(original.AsSpan().SequenceEqual(before));
        var (later, more) = CowStore.Show(model, Get(disks, 2), 4096);
        Assert.True(own.AsSpan().SequenceEqual(later));
        Assert.InRange(kept, 600, 1023);
        Assert.InRange(more, 900, 2000);
        using var afterwards = new StackBench(disks.Images);
        AssertShows(afterwards, "mapper/vg-before", original);
        AssertShows(afterwards, "mapper/vg-later", own);
    }

    [Fact]
    public void A_store_that_is_too_small_is_named_with_figures_before_anything_is_written()
    {
        using var disks = Prepare(merging: false);
        Put(disks, 0, new byte[OriginLength]);
        Put(disks, 1, CowStore.Make(StoreLength, 8192, []));
        Put(disks, 2, CowStore.Make(StoreLength, 4096, []));
        using var bench = new StackBench(disks.Images);
        var origin = bench["mapper/vg-root"].Device;
        var before = File.ReadAllBytes(disks.Images[0]);
        var e = Assert.Throws<DiagnosticException>(() => origin.Write(new GuestOffset(4096), new byte[15 << 20]));
        Assert.Equal(("VOL014", "vg/before"), (e.Diagnostic.Id, e.Diagnostic.Where));
        Assert.Contains("needs 1921 chunks of 8192 bytes in the snapshot's store, where 1021 of 1024 are free", e.Diagnostic.Message, StringComparison.Ordinal);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(disks.Images[0])));

        // To the last chunk.
        origin.Write(GuestOffset.Zero, Filled((1019 * 8192) + 4096));
        Assert.Equal("vg/later", Assert.Throws<DiagnosticException>(() => origin.Write(new GuestOffset(1020 * 8192), new byte[1])).Diagnostic.Where);
        AssertShows(bench, "mapper/vg-before", new byte[OriginLength]);
        Assert.Equal(1020, CowStore.Show(Get(disks, 0), Get(disks, 1), 8192).Exceptions);
        AssertShows(bench, "mapper/vg-later", new byte[OriginLength]);

        // What is kept already is written again without a chunk more.
        origin.Write(new GuestOffset(77), new byte[100_000]);
    }

    [Fact]
    public void Room_ends_where_the_kernel_would_clear_an_area_behind_the_end()
    {
        // Chunks of 512 bytes, 32 entries an area: header, area, 32 chunks, and the next area would be chunk 34.
        var bytes = CowStore.Make(34 * 512, 512, []);
        using var device = new MemoryDevice(bytes);
        using var origin = new MemoryDevice(new byte[64 * 512]);
        var store = new ExceptionStore("vg/snap", device, origin.Length, 512);
        store.DemandRoom(0, 31 * 512);
        Assert.Equal("VOL014", Assert.Throws<DiagnosticException>(() => store.DemandRoom(0, 32 * 512)).Diagnostic.Id);
        store.Preserve(origin, 0, 31 * 512);
        Assert.Equal(31, CowStore.Show(new byte[64 * 512], bytes, 512).Exceptions);

        // One chunk more, and there is room for the area, though for nothing in it.
        using var longer = new MemoryDevice(CowStore.Make(35 * 512, 512, []));
        new ExceptionStore("vg/snap", longer, origin.Length, 512).DemandRoom(0, 32 * 512);
        Assert.Throws<DiagnosticException>(() => new ExceptionStore("vg/snap", longer, origin.Length, 512).DemandRoom(0, 33 * 512));
    }

    [Fact]
    public void A_snapshot_that_ran_full_is_no_obstacle_and_is_named()
    {
        using var disks = Prepare(merging: false);
        Put(disks, 0, new byte[OriginLength]);
        Put(disks, 1, CowStore.Make(StoreLength, 8192, [], isValid: false));
        Put(disks, 2, CowStore.Make(StoreLength, 4096, []));
        var full = Get(disks, 1);
        using (var bench = new StackBench(disks.Images))
        {
            Assert.Equal("VOL003", bench["mapper/vg-before"].Problem?.Id);
            Assert.Contains("gave it up", bench["mapper/vg-before"].Problem?.Message, StringComparison.Ordinal);
            bench["mapper/vg-root"].Device.Write(GuestOffset.Zero, Filled(100_000));
            AssertShows(bench, "mapper/vg-later", new byte[OriginLength]);
        }

        Assert.True(full.AsSpan().SequenceEqual(Get(disks, 1)));
    }

    [Fact]
    public void A_damaged_store_leaves_the_origin_to_be_read()
    {
        using var disks = Prepare(merging: false);
        Put(disks, 0, Filled(OriginLength));
        Put(disks, 1, Filled(StoreLength));
        Put(disks, 2, CowStore.Make(StoreLength, 4096, []));
        using var bench = new StackBench(disks.Images);
        AssertShows(bench, "mapper/vg-root", Filled(OriginLength));
        Assert.False(bench["mapper/vg-root"].Device.CanWrite);
        var reason = bench["mapper/vg-root"].ReadOnlyReason;
        Assert.Equal("VOL009", reason?.Id);
        Assert.Contains("origin of vg/before and vg/later", reason?.Message, StringComparison.Ordinal);
        Assert.Equal(reason, Assert.Throws<DiagnosticException>(() => bench["mapper/vg-root"].Device.Write(GuestOffset.Zero, new byte[1])).Diagnostic);
        Assert.Equal("VOL005", bench["mapper/vg-before"].Problem?.Id);
        Assert.Null(bench["mapper/vg-later"].Problem);
    }

    [Fact]
    public void A_merge_under_way_is_refused_by_name()
    {
        using var disks = Prepare(merging: true);
        using var bench = new StackBench(disks.Images);
        Assert.Equal("VOL001", bench["mapper/vg-root"].Problem?.Id);
        Assert.Contains("being merged", bench["mapper/vg-root"].Problem?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stores_with_wrong_values()
    {
        var random = new Random(46);
        var whole = CowStore.Make(64 * 512, 512, [.. Enumerable.Range(0, 40).Select(index => ((long)index, new byte[512]))]);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = (byte[])whole.Clone();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var at = random.Next(3) == 0 ? random.Next(4) * 4 : 512 + (random.Next(512 / 4) * 4);
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), random.Next(4) switch { 0 => uint.MaxValue, 1 => (uint)random.Next(70), 2 => 0, _ => (uint)random.NextInt64(1L << 32) });
            }

            try
            {
                using var device = new MemoryDevice(random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
                using var origin = new MemoryDevice(new byte[64 * 512]);
                var store = new ExceptionStore("vg/snap", device, origin.Length, 512);
                var volume = new SnapshotVolume("vg/snap", origin, store, origin.Length);
                volume.Read(GuestOffset.Zero, new byte[64 * 512]);
                new SnapshotOriginVolume(origin, [store]).Write(new GuestOffset(random.Next(60 * 512)), new byte[random.Next(1, 2000)]);
                volume.Read(GuestOffset.Zero, new byte[64 * 512]);
            }
            catch (DiagnosticException)
            {
            }
        }
    }

    /// <summary>A group with an origin at 1 MiB of the disk and two stores behind it.</summary>
    private static LvmDisks Prepare(bool merging)
    {
        var disks = new LvmDisks(1, 48 << 20);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        var key = merging ? "merging_store" : "cow_store";
        disks.Restore("vg", text => new LvmText().Linear("root", 16, "pv0", isVisible: true).Linear("before", 8, "pv0", isVisible: !merging).Linear("later", 8, "pv0", isVisible: !merging)
            .Volume("snapshot0", 16, "snapshot", $"chunk_size = 16\norigin = \"root\"\n{key} = \"before\"")
            .Volume("snapshot1", 16, "snapshot", "chunk_size = 8\norigin = \"root\"\ncow_store = \"later\"").Into(text));
        disks.Detach();
        return disks;
    }

    private static void Put(LvmDisks disks, int place, byte[] content)
    {
        using var file = File.OpenWrite(disks.Images[0]);
        file.Position = Offset(place);
        file.Write(content);
    }

    private static byte[] Get(LvmDisks disks, int place) => File.ReadAllBytes(disks.Images[0]).AsSpan(Offset(place), place == 0 ? OriginLength : StoreLength).ToArray();

    private static int Offset(int place) => (1 << 20) + (place > 0 ? OriginLength + ((place - 1) * StoreLength) : 0);

    private static byte[] Filled(int length)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill(0x5a);
        return bytes;
    }

    private static void AssertShows(StackBench bench, string name, byte[] expected)
    {
        var read = new byte[expected.Length];
        Assert.Equal(expected.Length, bench[name].Device.Length);
        bench[name].Device.Read(GuestOffset.Zero, read);
        Assert.True(expected.AsSpan().SequenceEqual(read), name);
    }
}
