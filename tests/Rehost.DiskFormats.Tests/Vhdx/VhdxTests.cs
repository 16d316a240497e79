using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vhdx;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vhdx;

/// <summary>VHDX against qemu-img, both ways.</summary>
public sealed class VhdxTests
{
    private const int Mega = 1 << 20;

    [Theory]
    [InlineData(512, null)]
    [InlineData(2 << 20, null)]
    [InlineData((21 << 20) + 1536, null)]
    [InlineData((21 << 20) + 1536, 1 << 20)]
    [InlineData((21 << 20) + 1536, 16 << 20)]
    public void QemuAcceptsAndReadsWhatWeWrite(int size, int? unit)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, size);
        File.WriteAllBytes(scratch["a.raw"], content);
        ImageChecks.Write(scratch["a.vhdx"], "vhdx", content, new ImageWriterOptions { UnitBytes = unit }, 1);
        ImageChecks.Write(scratch["b.vhdx"], "vhdx", content, new ImageWriterOptions { UnitBytes = unit }, 2);
        Assert.Equal(File.ReadAllBytes(scratch["a.vhdx"]), File.ReadAllBytes(scratch["b.vhdx"]));
        Tool.MustRun("qemu-img", "check", "-f", "vhdx", scratch["a.vhdx"]);
        Assert.Contains($"\"virtual-size\": {size},", Tool.MustRun("qemu-img", "info", "--output=json", "-f", "vhdx", scratch["a.vhdx"]), StringComparison.Ordinal);
        Tool.MustRun("qemu-img", "compare", "-f", "vhdx", "-F", "raw", scratch["a.vhdx"], scratch["a.raw"]);
        using var image = (VhdxImage)ImageChecks.Open(scratch["a.vhdx"], finding => Assert.Fail(finding.ToString()));
        ImageChecks.Check(image, content);
        var report = new VhdxFormat().Check(ImageChecks.Request(scratch["a.vhdx"]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(0, report.LeakedBytes);
    }

    [Theory]
    [InlineData("subformat=dynamic", (19 << 20) + 512)]
    [InlineData("subformat=dynamic,block_size=1M,block_state_zero=off", 19 << 20)]
    [InlineData("subformat=dynamic,block_size=2M,log_size=3M", (19 << 20) + 512)]
    [InlineData("subformat=fixed", (9 << 20) + 512)] // a fixed image whose size is no multiple of a megabyte
    [InlineData("subformat=fixed,block_size=1M", 4 << 20)]
    public void WeReadWhatQemuWrites(string options, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, 7);
        File.WriteAllBytes(scratch["a.raw"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", options, scratch["a.raw"], scratch["a.vhdx"]);
        using var image = (VhdxImage)ImageChecks.Open(scratch["a.vhdx"]);
        ImageChecks.Check(image, content);
        Assert.Equal(options.Contains("fixed", StringComparison.Ordinal) ? "fixed" : "dynamic", image.Info.SubFormat);
        Assert.True(new VhdxFormat().Check(ImageChecks.Request(scratch["a.vhdx"]), CancellationToken.None).IsSound);

        var bytes = File.ReadAllBytes(scratch["a.vhdx"]);
        foreach (var at in new[] { VhdxHeader.FirstAt, VhdxHeader.SecondAt })
        {
            var header = bytes.AsSpan((int)at, VhdxHeader.Size).ToArray();
            Assert.Equal(header, VhdxHeader.Parse(header).ToBytes());
        }

        var regions = bytes.AsSpan((int)VhdxRegionTable.FirstAt, VhdxRegionTable.Size).ToArray();
        Assert.Equal(regions, VhdxRegionTable.TryParse(regions)?.ToBytes());
        AssertSameMetadata(image);
    }

    [Theory]
    [InlineData((2L << 40) + 512, null)]
    [InlineData(16L << 40, null)]
    [InlineData(16L << 40, 1 << 20)]
    [InlineData(64L << 40, null)]
    public void LargeSparseDisks(long length, int? unit)
    {
        using var scratch = new ScratchDirectory();
        var before = GC.GetAllocatedBytesForCurrentThread();
        long[] marks = [5, (4L << 30) - 1, 4L << 30, length / 2, length - 512];
        using (var file = CommittedFile.Create(scratch["a.vhdx"]))
        {
            using var writer = new VhdxFormat().CreateWriter(file, length, new ImageWriterOptions { UnitBytes = unit });
            foreach (var mark in marks)
            {
                writer.Write(new GuestOffset(mark), [7]);
            }

            writer.Complete();
            file.Commit();
        }

        using (var image = ImageChecks.Open(scratch["a.vhdx"]))
        {
            var read = new byte[1];
            foreach (var mark in marks)
            {
                image.Read(new GuestOffset(mark), read);
                Assert.Equal(7, read[0]);
            }

            Assert.InRange(image.GetExtents(GuestOffset.Zero, length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length), 1, 5 * 65536);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512L << 20);
        Tool.MustRun("qemu-io", "-r", "-f", "vhdx", "-c", $"read -P 7 {length - 512} 1", "-c", $"read -P 0 {length - 1024} 512", "-c", $"read -P 7 {4L << 30} 1", scratch["a.vhdx"]);
    }

    [Fact]
    public void SectorsOf4096Bytes()
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(5 * Mega, 3);
        var builder = new VhdxBuilder { Size = content.Length, Sector = 4096 };
        builder.Put(0, content);
        builder.SetState(7, 2);
        File.WriteAllBytes(scratch["a.vhdx"], builder.Build());
        using var image = (VhdxImage)ImageChecks.Open(scratch["a.vhdx"]);
        ImageChecks.Check(image, content);
        Assert.Contains(new ImageProperty("logical sector size", "4096"), image.Info.Properties);
        Assert.Equal("test builder", image.Info.Properties[0].Value);
    }

    [Fact]
    public void OneDamagedCopyOfHeaderOrRegionsIsReported()
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(3 * Mega, 3);
        ImageChecks.Write(scratch["a.vhdx"], "vhdx", content, new ImageWriterOptions(), 1);
        var sound = File.ReadAllBytes(scratch["a.vhdx"]);
        foreach (var at in new[] { 64 << 10, 128 << 10, 192 << 10, 256 << 10 })
        {
            var bytes = (byte[])sound.Clone();
            bytes[at + 3000] ^= 1;
            File.WriteAllBytes(scratch["b.vhdx"], bytes);
            var findings = new List<Diagnostic>();
            using (var image = ImageChecks.Open(scratch["b.vhdx"], findings.Add))
            {
                ImageChecks.Check(image, content);
            }

            Assert.Equal(["VHX012"], findings.Select(finding => finding.Id));
            bytes[at ^ (at < 192 << 10 ? 192 << 10 : 448 << 10)] ^= 1; // the other one
            File.WriteAllBytes(scratch["b.vhdx"], bytes);
            Assert.Equal(at < 192 << 10 ? "VHX001" : "VHX002", ImageChecks.Refusal(scratch["b.vhdx"], new VhdxFormat()));
        }
    }

    [Theory]
    [InlineData("version 2", "VHX004")]
    [InlineData("an unknown region", "VHX004")]
    [InlineData("a region behind the end", "VHX002")]
    [InlineData("no block table", "VHX002")]
    [InlineData("a table too small", "VHX002")]
    [InlineData("an unknown item", "VHX004")]
    [InlineData("blocks of 3 MiB", "VHX003")]
    [InlineData("sectors of 520", "VHX003")]
    [InlineData("too large", "VHX003")]
    [InlineData("an item behind the end", "VHX003")]
    [InlineData("no metadata", "VHX003")]
    public void WhatCannotBeRightIsRefusedByName(string damage, string id)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(3 * Mega, 3);
        ImageChecks.Write(scratch["a.vhdx"], "vhdx", content, new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vhdx"]);
        var header = VhdxHeader.Parse(bytes.AsSpan(128 << 10));
        var regions = VhdxRegionTable.TryParse(bytes.AsSpan(192 << 10, 64 << 10)) ?? throw new InvalidOperationException();
        var metadata = VhdxMetadata.Read(new MemoryDevice(bytes), regions.Metadata, "a");
        header = damage == "version 2" ? header with { Version = 2 } : header;
        regions = damage switch
        {
            "an unknown region" => new([.. regions.Regions, new VhdxRegion(header.DataWriteId, Mega, Mega, true)]),
            "a region behind the end" => new([regions.Table with { Offset = 1L << 40 }, regions.Metadata]),
            "no block table" => new([regions.Metadata]),
            "a table too small" => new([regions.Table with { Length = 8 }, regions.Metadata]),
            _ => regions,
        };
        metadata = damage switch
        {
            "blocks of 3 MiB" => metadata with { BlockSize = 3 * Mega },
            "sectors of 520" => metadata with { LogicalSector = 520 },
            "too large" => metadata with { DiskSize = 65L << 40 },
            _ => metadata,
        };
        var items = metadata.ToBytes();
        if (damage == "an unknown item")
        {
            items[32 + 64] ^= 1;
        }
        else if (damage == "an item behind the end")
        {
            items[32 + 16 + 3] = 0x70;
        }
        else if (damage == "no metadata")
        {
            items[0] ^= 1;
        }

        items.CopyTo(bytes, 2 * Mega);
        regions.ToBytes().CopyTo(bytes, 192 << 10);
        header.ToBytes().CopyTo(bytes, 128 << 10);
        File.WriteAllBytes(scratch["a.vhdx"], bytes);
        Assert.Equal(id, ImageChecks.Refusal(scratch["a.vhdx"], new VhdxFormat()));
    }

    [Fact]
    public void ACheckFindsBlocksInOnePlaceOnTablesAndOutOfTheFile()
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[5 * Mega];
        content.AsSpan().Fill(3);
        ImageChecks.Write(scratch["a.vhdx"], "vhdx", content, new ImageWriterOptions { UnitBytes = Mega }, 1);
        var bytes = File.ReadAllBytes(scratch["a.vhdx"]);
        void Entry(int block, long value) => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((3 * Mega) + (block * 8)), value);
        Entry(1, (4L * Mega) | 6);
        Entry(2, (3L * Mega) | 6);
        Entry(3, (1L << 45) | 6);
        Entry(4, 5);
        File.WriteAllBytes(scratch["a.vhdx"], bytes);
        var report = new VhdxFormat().Check(ImageChecks.Request(scratch["a.vhdx"]), CancellationToken.None);
        Assert.Equal(["VHX006", "VHX006", "VHX005", "VHX005"], report.Findings.Select(finding => finding.Id));
        Assert.Equal(4 * Mega, report.LeakedBytes);
        Assert.Equal(3 * Mega, report.StoredBytes);
    }

    [Fact]
    public void WhatAVhdxCannotHoldIsRefused()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a.vhdx"]);
        string Id(long length, ImageWriterOptions options)
            => Assert.Throws<DiagnosticException>(() => new VhdxFormat().CreateWriter(file, length, options)).Diagnostic.Id;
        Assert.Equal("VHX011", Id((64L << 40) + 512, new ImageWriterOptions()));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions(ImageCompression.Zstd)));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { SubFormat = "fixed" }));
        Assert.Equal("DSK003", Id(0, new ImageWriterOptions())); // QEMU does not open such an image
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { UnitBytes = 65536 }));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { UnitBytes = 3 * Mega }));
    }

    [Fact]
    public void MutatedImagesGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["a.vhdx"], "vhdx", ImageChecks.Content(3 * Mega, 3), new ImageWriterOptions { UnitBytes = Mega }, 1);
        ImageChecks.Fuzz(
            File.ReadAllBytes(scratch["a.vhdx"]),
            new VhdxFormat(),
            [(64 << 10, 100), (128 << 10, 100), (192 << 10, 90), (256 << 10, 90), (2 * Mega, 200), ((2 * Mega) + 65536, 40), (3 * Mega, 30)],
            Repair,
            400,
            scratch["x"]);
    }

    /// <summary>Makes the checksums right again, so that what is behind them is reached.</summary>
    internal static void Repair(byte[] bytes)
    {
        foreach (var (at, length) in new[] { (64 << 10, 4096), (128 << 10, 4096), (192 << 10, 65536), (256 << 10, 65536) })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 4), VhdxFields.Sum(bytes.AsSpan(at, length)));
        }
    }

    /// <summary>Other writers order the items otherwise: what was read is written and read again.</summary>
    private static void AssertSameMetadata(VhdxImage image)
    {
        var bytes = image.Metadata.ToBytes();
        var again = VhdxMetadata.Read(new MemoryDevice(bytes), new VhdxRegion(VhdxRegion.MetadataId, 0, (uint)bytes.Length, true), "again");
        Assert.Equal(bytes, again.ToBytes());
        Assert.Equal(image.Metadata with { ParentLocator = [] }, again with { ParentLocator = [] });
    }
}
