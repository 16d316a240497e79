using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

public sealed class BlockManifestTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData((9 << 20) + 512)]
    public void ReadsBackAndIsTheSameBytesAgain(int size)
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, size);
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None);
        var bytes = Save(manifest, scratch["m1"]);
        var loaded = BlockManifest.Load(new MemoryDevice(bytes), "m1");
        Assert.Equal(manifest.Length, loaded.Length);
        Assert.Equal(manifest.Root, loaded.Root);
        Assert.Equal(manifest.Mapping, loaded.Mapping);
        Assert.Equal(manifest.ChangedRanges, loaded.ChangedRanges);
        Assert.Equal(bytes, Save(loaded, scratch["m2"]));
        File.Delete(scratch["out"]);
        Assert.Equal(bytes, Save(disk.Copy(scratch["out"], "raw", ImageCompression.None), scratch["m3"]));
    }

    [Fact]
    public void WhatWasLeftOutIsKeptApartFromWhatWasChanged()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, 9 << 20);
        ByteRange[] freed = [new(SampleDisk.Shift + 4096, 8192), new(SampleDisk.Shift + (8 << 20), 100_001)];
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None, freed);
        var loaded = BlockManifest.Load(new MemoryDevice(Save(manifest, scratch["m"])), "m");
        Assert.Equal(freed, loaded.FreedRanges);
        Assert.Equal(manifest.ChangedRanges, loaded.ChangedRanges);

        // The edit at byte 5000 lies in what is free now: that is no change any more.
        Assert.DoesNotContain(loaded.ChangedRanges, range => freed.Any(free => range.Offset < free.End && free.Offset < range.End));
        using var target = FileDevice.OpenRead(scratch["out"]);
        var report = DeltaProof.Run(disk.Source, target, loaded);
        Assert.True(report.IsProved);
        Assert.Equal(8192 + 100_001, report.BytesFreed);
    }

    [Theory]
    [InlineData(1, 80)]
    [InlineData(2, 88)]
    public void AManifestOfAnOlderVersionIsRead(byte version, int header)
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, 3 << 20);
        var manifest = disk.Copy(scratch["out"], "raw", ImageCompression.None);
        var bytes = Save(manifest, scratch["m"]);
        byte[] old = [.. bytes[..header], .. bytes[128..]];
        old[8] = version;
        System.Security.Cryptography.SHA256.HashData(old.AsSpan(0, old.Length - 32)).CopyTo(old, old.Length - 32);
        var loaded = BlockManifest.Load(new MemoryDevice(old), "m");
        Assert.Equal((manifest.ChangedRanges.Length, 0), (loaded.ChangedRanges.Length, loaded.FreedRanges.Length));
        Assert.Equal(manifest.Root, loaded.Root);
    }

    [Fact]
    public void TheSourceHasATreeAndChangesHaveRanges()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, 3 << 20);
        ImmutableArray<TouchedRanges> touched = [new("step: /etc/ä\n", [new(SampleDisk.Shift + 4096, 4096)]), new("layout", [])];
        BlockManifest manifest;
        using (var file = CommittedFile.Create(scratch["out"]))
        {
            using var writer = KnownDiskFormats.ByName("raw").CreateWriter(file, disk.Content.Length, new ImageWriterOptions());
            manifest = DiskCopy.Run(new DiskCopyRequest(disk.Content, writer) { Mapping = MappedRange.Whole(disk.Source.Length, SampleDisk.Shift), ChangedRanges = [new ByteRange(0, SampleDisk.Shift), .. disk.Overlay.ChangedRanges.Select(range => range with { Offset = range.Offset + SampleDisk.Shift })], Source = disk.Source, Touched = touched });
            file.Commit();
        }

        var loaded = BlockManifest.Load(new MemoryDevice(Save(manifest, scratch["m"])), "m");
        Assert.Equal(touched.Select(one => one.Change), loaded.Touched.Select(one => one.Change));
        Assert.Equal(touched[0].Ranges, loaded.Touched[0].Ranges);

        // The root is that of the source at its place, without any change.
        var unchanged = new byte[disk.Content.Length];
        disk.Source.Read(GuestOffset.Zero, unchanged.AsSpan((int)SampleDisk.Shift, (int)disk.Source.Length));
        var tree = new MerkleTree();
        for (var at = 0; at < unchanged.Length; at += BlockManifest.BlockSize)
        {
            tree.Add(System.Security.Cryptography.SHA256.HashData(unchanged.AsSpan(at, Math.Min(BlockManifest.BlockSize, unchanged.Length - at))));
        }

        Assert.Equal(tree.Root(), loaded.SourceRoot);
        using var target = FileDevice.OpenRead(scratch["out"]);
        Assert.True(DeltaProof.Run(disk.Source, target, loaded).IsSourceAsItWas);
        Assert.Null(DeltaProof.Run(null, target, loaded).IsSourceAsItWas);

        // A source that changed is told from a target that did, also where the plan changed the target.
        foreach (var at in new[] { 0, 5000, (int)disk.Source.Length - 1 })
        {
            unchanged[(int)SampleDisk.Shift + at] ^= 4;
            using var other = new MemoryDevice(unchanged[(int)SampleDisk.Shift..(int)(SampleDisk.Shift + disk.Source.Length)]);
            Assert.False(DeltaProof.Run(other, target, loaded).IsSourceAsItWas);
            unchanged[(int)SampleDisk.Shift + at] ^= 4;
        }
    }

    [Fact]
    public void DamageIsFound()
    {
        using var scratch = new ScratchDirectory();
        using var disk = SampleDisk.Make(scratch, 3 << 20);
        var good = Save(disk.Copy(scratch["out"], "raw", ImageCompression.None), scratch["m"]);
        var random = new Random(5);
        for (var round = 0; round < 500; round++)
        {
            var bytes = (byte[])good.Clone();
            var at = random.Next(2) == 0 ? random.Next(200) : random.Next(bytes.Length);
            bytes[at] ^= (byte)(1 << random.Next(8));
            if (random.Next(3) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            // Resealed, so that the structure itself is tested, too.
            if (round % 2 == 0 && bytes.Length > 120)
            {
                System.Security.Cryptography.SHA256.HashData(bytes.AsSpan(0, bytes.Length - 32)).CopyTo(bytes, bytes.Length - 32);
            }

            try
            {
                _ = BlockManifest.Load(new MemoryDevice(bytes), "m");
                Assert.Equal(0, round % 2); // a resealed mapping is a valid other mapping
            }
            catch (DiagnosticException e)
            {
                Assert.Contains(e.Diagnostic.Id, new[] { "TRF001", "TRF002" });
            }
        }
    }

    private static byte[] Save(BlockManifest manifest, string path)
    {
        using (var file = CommittedFile.Create(path))
        {
            manifest.Save(file);
            file.Commit();
        }

        return File.ReadAllBytes(path);
    }
}
