using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

/// <summary>A target made of what landed is the one that a copy makes: content, manifest, proof.</summary>
public sealed class DiskAdoptionTests
{
    [Theory]
    [InlineData("raw", (9 << 20) + 1536)]
    [InlineData("qcow2", (9 << 20) + 1536)]
    [InlineData("qcow2", 5 << 20)]
    [InlineData("qcow2", 512)]
    public void A_disk_that_landed_becomes_what_a_copy_would_be(string format, int size)
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, size);
        ByteRange[] freed = size > 4 << 20 ? [new(SampleDisk.Shift + (3 << 20) + 700, 400_000), new(SampleDisk.Shift + size - 90_000, 80_000)] : [];
        var expected = disk.Copy(scratch["copied"], format, ImageCompression.None, freed);

        using var file = CommittedFile.Create(scratch["landing"]);
        using var landing = KnownDiskFormats.ByName(format).CreateLanding(file, size) ?? throw new InvalidOperationException("no landing");
        var hashes = new PassingHashes();
        var source = new byte[size];
        disk.Source.Read(GuestOffset.Zero, source);
        for (var at = 0; at < size; at += 999_000) // chunks that are no blocks
        {
            var part = source.AsSpan(at, Math.Min(999_000, size - at));
            if (part.ContainsAnyExcept((byte)0))
            {
                hashes.Add(at, part);
                landing.Land(new GuestOffset(at), part);
            }
        }

        hashes.Complete(size);
        using var content = new HollowDevice(disk.Content, [.. freed]);
        var changed = new[] { new ByteRange(0, SampleDisk.Shift) }.Concat(disk.Overlay.ChangedRanges.Select(range => range with { Offset = range.Offset + SampleDisk.Shift })).ToList();
        var manifest = DiskAdoption.TryRun(new AdoptionRequest(content, disk.Source, MappedRange.Whole(size, SampleDisk.Shift)[0], changed, freed, []), landing, hashes, CancellationToken.None);
        Assert.NotNull(manifest);
        file.Rename(scratch["out"]);
        file.Commit();
        Assert.Equal(expected.Root, manifest.Root);
        Assert.Equal(expected.SourceRoot, manifest.SourceRoot);
        Assert.Equal(expected.ChangedRanges, manifest.ChangedRanges);
        Assert.Equal(expected.FreedRanges, manifest.FreedRanges);
        using var target = KnownDiskFormats.ByName(format).Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["out"]), "out"));
        Assert.True(DeltaProof.Run(disk.Source, target, manifest).IsProved);
        if (format == "qcow2")
        {
            Tool.MustRun("qemu-img", "check", scratch["out"]);
        }

        Tool.MustRun("qemu-img", "compare", "-f", format, "-F", format, scratch["copied"], scratch["out"]);
    }

    [Fact]
    public void Content_that_moves_by_no_whole_block_is_left_to_a_copy()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["landing"]);
        using var landing = KnownDiskFormats.ByName("qcow2").CreateLanding(file, 1 << 20) ?? throw new InvalidOperationException("no landing");
        var hashes = new PassingHashes();
        hashes.Complete(1 << 20);
        using var content = new ZeroDevice(2 << 20);
        Assert.Null(DiskAdoption.TryRun(new AdoptionRequest(content, content, new MappedRange(63 * 512, 0, 1 << 20), [], [], []), landing, hashes, CancellationToken.None));
    }
}
