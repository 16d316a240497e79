using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Landing;

/// <summary>Disks that fall into an image as they arrive and become a target there: random content, moves and edits against an array, and QEMU's view of the file.</summary>
public sealed class LandingTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData("raw", 0)]
    [InlineData("raw", MiB)]
    [InlineData("raw", -MiB)]
    [InlineData("qcow2", 0)]
    [InlineData("qcow2", MiB)]
    [InlineData("qcow2", -MiB)]
    public void What_landed_is_read_edited_and_becomes_an_image_in_place(string format, int distance)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(distance + format.Length);
        var source = Source(random);
        using var file = CommittedFile.Create(scratch["landing"]);
        using var landing = KnownDiskFormats.ByName(format).CreateLanding(file, source.Length) ?? throw new InvalidOperationException("no landing");
        for (var at = 0; at < source.Length; at += MiB)
        {
            if (source.AsSpan(at, Math.Min(MiB, source.Length - at)).ContainsAnyExcept((byte)0)) // as an exporter leaves zeros out
            {
                landing.Land(new GuestOffset(at), source.AsSpan(at, Math.Min(MiB, source.Length - at)));
            }
        }

        AssertReads(landing, source, random);
        Assert.Contains(landing.GetExtents(GuestOffset.Zero, source.Length), extent => extent.Kind != ExtentKind.Data && extent.Length >= MiB);

        var target = new byte[source.Length + distance + (3 * MiB) + 512];
        var kept = Math.Max(0, -distance);
        source.AsSpan(kept).CopyTo(target.AsSpan(kept + distance));
        if (!landing.TryMove(distance, target.Length))
        {
            Assert.True(format == "raw" && distance != 0, "only a file system may be unable to move content, and then nothing is done");
            AssertReads(landing, source, random);
            return;
        }

        AssertReads(landing, source, random, kept); // where it arrived, still
        if (distance > 0)
        {
            random.NextBytes(target.AsSpan(0, 5000));
            landing.Edit(GuestOffset.Zero, target.AsSpan(0, distance)); // a table
        }

        for (var round = 0; round < 60; round++)
        {
            var length = random.Next(1, round % 5 == 0 ? 300_000 : 9000);
            var offset = random.Next(target.Length - length);
            if (round % 3 == 0)
            {
                target.AsSpan(offset, length).Clear();
                landing.Clear(new GuestOffset(offset), length);
            }
            else
            {
                random.NextBytes(target.AsSpan(offset, length));
                landing.Edit(new GuestOffset(offset), target.AsSpan(offset, length));
            }
        }

        landing.Clear(new GuestOffset(4 * MiB), 3 * MiB);
        target.AsSpan(4 * MiB, 3 * MiB).Clear();
        var stored = file.StoredBytes;
        landing.Complete(CancellationToken.None);
        file.Rename(scratch["out"]);
        file.Commit();
        Assert.True(stored < 9 * MiB, $"{stored} bytes stored");
        using (var image = KnownDiskFormats.ByName(format).Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["out"]), "out")))
        {
            var content = new byte[image.Length];
            image.Read(GuestOffset.Zero, content);
            Assert.True(content.AsSpan().SequenceEqual(target));
        }

        if (format == "qcow2")
        {
            Tool.MustRun("qemu-img", "check", scratch["out"]);
            Tool.MustRun("qemu-img", "convert", "-f", "qcow2", "-O", "raw", scratch["out"], scratch["raw"]);
            Assert.True(File.ReadAllBytes(scratch["raw"]).AsSpan().SequenceEqual(target));
        }
    }

    [Fact]
    public void A_move_that_is_no_whole_cluster_is_left_to_a_copy()
    {
        using var scratch = new ScratchDirectory();
        foreach (var format in (string[])["raw", "qcow2"])
        {
            using var file = CommittedFile.Create(scratch[format]);
            using var landing = KnownDiskFormats.ByName(format).CreateLanding(file, 2 * MiB) ?? throw new InvalidOperationException("no landing");
            landing.Land(GuestOffset.Zero, new byte[] { 1, 2, 3 });
            Assert.False(landing.TryMove(63 * 512, 3 * MiB));
            var read = new byte[4];
            landing.Read(GuestOffset.Zero, read);
            Assert.Equal([1, 2, 3, 0], read);
        }
    }

    [Fact]
    public void A_large_disk_takes_what_is_stored()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["out"]);
        using var landing = KnownDiskFormats.ByName("qcow2").CreateLanding(file, 3L << 40) ?? throw new InvalidOperationException("no landing");
        landing.Land(new GuestOffset((2L << 40) + 5), [7, 8, 9]);
        Assert.True(landing.TryMove(0, 3L << 40));
        landing.Complete(CancellationToken.None);
        file.Commit();
        Tool.MustRun("qemu-img", "check", scratch["out"]);
        using var image = KnownDiskFormats.ByName("qcow2").Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["out"]), "out"));
        var read = new byte[3];
        image.Read(new GuestOffset((2L << 40) + 5), read);
        Assert.Equal([7, 8, 9], read);
    }

    [Fact]
    public void Formats_that_are_written_from_front_to_back_take_no_landing()
        => Assert.Equal(["qcow2", "raw"], KnownDiskFormats.All.Where(format =>
        {
            using var scratch = new ScratchDirectory();
            using var file = CommittedFile.Create(scratch["file"]);
            return format.CreateLanding(file, MiB) is not null;
        }).Select(format => format.Name).Order());

    private static byte[] Source(Random random)
    {
        var source = new byte[(12 * MiB) + 1536];
        random.NextBytes(source.AsSpan(0, 5 * MiB));
        source.AsSpan(MiB + 100_000, 200_000).Clear();
        random.NextBytes(source.AsSpan((9 * MiB) + 4096, 700_000));
        random.NextBytes(source.AsSpan(12 * MiB));
        return source;
    }

    private static void AssertReads(IBlockDevice device, byte[] source, Random random, int from = 0)
    {
        var content = new byte[source.Length - from];
        device.Read(new GuestOffset(from), content);
        Assert.True(content.AsSpan().SequenceEqual(source.AsSpan(from)));
        for (var round = 0; round < 30; round++)
        {
            var length = random.Next(1, 200_000);
            var offset = random.Next(from, source.Length - length);
            device.Read(new GuestOffset(offset), content.AsSpan(0, length));
            Assert.True(content.AsSpan(0, length).SequenceEqual(source.AsSpan(offset, length)));
        }
    }
}
