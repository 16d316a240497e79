using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vhd;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vhd;

/// <summary>VHD against qemu-img and libvhdi, both ways.</summary>
public sealed class VhdTests
{
    private static readonly string[] Kinds = ["dynamic", "fixed", "azure-dynamic", "azure-fixed"];

    public static TheoryData<int, string> Written()
    {
        var data = new TheoryData<int, string>();
        foreach (var kind in Kinds)
        {
            foreach (var size in new[] { 512, 65536, 2 << 20, (2 << 20) + 512, (21 << 20) + 1536 })
            {
                data.Add(size, kind);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Written))]
    public void QemuReadsWhatWeWrite(int size, string kind)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, size);
        var options = new ImageWriterOptions { SubFormat = kind, IdentitySeed = "machine/0" };
        ImageChecks.Write(scratch["a.vhd"], "vhd", content, options, 1);
        ImageChecks.Write(scratch["b.vhd"], "vhd", content, options, 2);
        Assert.Equal(File.ReadAllBytes(scratch["a.vhd"]), File.ReadAllBytes(scratch["b.vhd"]));
        var aligned = kind.StartsWith("azure", StringComparison.Ordinal) ? (size + (1 << 20) - 1) >> 20 << 20 : size;
        using (var raw = File.Create(scratch["a.raw"]))
        {
            raw.Write(content);
            raw.SetLength(aligned);
        }

        // The sizes must be the same too: QEMU takes the size by geometry from creators that it does not know, and loses the end of the disk.
        Assert.Contains($"\"virtual-size\": {aligned},", Tool.MustRun("qemu-img", "info", "--output=json", "-f", "vpc", scratch["a.vhd"]), StringComparison.Ordinal);
        Tool.MustRun("qemu-img", "compare", "-f", "vpc", "-F", "raw", scratch["a.vhd"], scratch["a.raw"]);
        if (kind.EndsWith("fixed", StringComparison.Ordinal))
        {
            Assert.Equal(aligned + 512, new FileInfo(scratch["a.vhd"]).Length);
        }

        var info = Tool.MustRun("vhdiinfo", scratch["a.vhd"]);
        Assert.Contains(kind.EndsWith("fixed", StringComparison.Ordinal) ? "Fixed" : "Dynamic", info, StringComparison.Ordinal);
        using var image = (VhdImage)ImageChecks.Open(scratch["a.vhd"]);
        ImageChecks.Check(image, content);
        Assert.Equal(aligned, image.Length);
        var report = new VhdFormat().Check(ImageChecks.Request(scratch["a.vhd"]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.True(report.IsSound);
        Assert.InRange(report.LeakedBytes, 0, 12 * 4096);
    }

    [Theory]
    [InlineData("subformat=dynamic,force_size=on", 9 << 20)]
    [InlineData("subformat=dynamic", (9 << 20) + 512)]
    [InlineData("subformat=fixed,force_size=on", 3 << 20)]
    [InlineData("subformat=fixed", 3 << 20)]
    public void WeReadWhatQemuWrites(string options, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, 7);
        File.WriteAllBytes(scratch["a.raw"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", options, scratch["a.raw"], scratch["a.vhd"]);
        using var image = (VhdImage)ImageChecks.Open(scratch["a.vhd"]);
        ImageChecks.Check(image, content);
        var report = new VhdFormat().Check(ImageChecks.Request(scratch["a.vhd"]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(0, report.LeakedBytes);
        Assert.Equal(options.Contains("fixed", StringComparison.Ordinal) ? "fixed" : "dynamic", image.Info.SubFormat);
        Assert.Contains(image.Info.Properties, property => property.Name == "creator");

        var bytes = File.ReadAllBytes(scratch["a.vhd"]);
        Assert.Equal(bytes[^512..], VhdFooter.Parse(bytes.AsSpan(bytes.Length - 512)).ToBytes());
        if (image.Structure.Header is { } header)
        {
            Assert.Equal(bytes[512..1536], header.ToBytes());
        }
    }

    /// <summary>The pitfall: 256 MiB is no size of a geometry, and with an unknown creator its last 64 KiB were lost. 127 GiB is where geometries end.</summary>
    [Theory]
    [InlineData(256L << 20)]
    [InlineData((127L << 30) - 512)]
    [InlineData(127L << 30)]
    [InlineData((127L << 30) + (64 << 10))]
    [InlineData(1L << 40)]
    [InlineData(2040L << 30)]
    public void TheEndOfALargeDiskIsThere(long length) // S3.5
    {
        using var scratch = new ScratchDirectory();
        foreach (var kind in new[] { "dynamic", "azure-dynamic" })
        {
            using (var file = CommittedFile.Create(scratch[kind + ".vhd"]))
            {
                using var writer = new VhdFormat().CreateWriter(file, length, new ImageWriterOptions { SubFormat = kind });
                writer.Write(GuestOffset.Zero, [1, 2, 3]);
                writer.Write(new GuestOffset(length - 512), [7, 8]);
                writer.Complete();
                file.Commit();
            }

            Tool.MustRun("qemu-io", "-r", "-f", "vpc", "-c", $"read -P 7 {length - 512} 1", "-c", $"read -P 0 {length - 1024} 512", "-c", "read -P 1 0 1", scratch[kind + ".vhd"]);
            Assert.True(new FileInfo(scratch[kind + ".vhd"]).Length < 12 << 20);
            using var image = ImageChecks.Open(scratch[kind + ".vhd"]);
            var read = new byte[2];
            image.Read(new GuestOffset(length - 512), read);
            Assert.Equal([7, 8], read);
            Assert.Equal(2, image.GetExtents(GuestOffset.Zero, image.Length).Count(extent => extent.Kind == ExtentKind.Data));
            Assert.True(new VhdFormat().Check(ImageChecks.Request(scratch[kind + ".vhd"]), CancellationToken.None).IsSound);
        }
    }

    [Fact]
    public void WhatAVhdCannotHoldIsRefused()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a.vhd"]);
        string Id(long length, ImageWriterOptions options)
            => Assert.Throws<DiagnosticException>(() => new VhdFormat().CreateWriter(file, length, options)).Diagnostic.Id;
        Assert.Equal("VHD010", Id((2040L << 30) + 512, new ImageWriterOptions()));
        Assert.Equal("VHD010", Id((2040L << 30) + 512, new ImageWriterOptions { SubFormat = "fixed" }));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions(ImageCompression.Zlib)));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { SubFormat = "thin" }));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { UnitBytes = 1 << 20 }));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { Preallocation = ImagePreallocation.Full }));
    }

    [Fact]
    public void AnEmptyDisk()
    {
        using var scratch = new ScratchDirectory();
        foreach (var kind in Kinds)
        {
            ImageChecks.Write(scratch[kind + ".vhd"], "vhd", [], new ImageWriterOptions { SubFormat = kind }, 1);
            using var image = ImageChecks.Open(scratch[kind + ".vhd"]);
            Assert.Equal(0, image.Length);
            Assert.Empty(image.GetExtents(GuestOffset.Zero, 0));
        }
    }

    [Fact]
    public void ADamagedFooterIsReplacedByItsCopyWithAWarning()
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(5 << 20, 3);
        foreach (var kind in new[] { "dynamic", "fixed" })
        {
            ImageChecks.Write(scratch[kind + ".vhd"], "vhd", content, new ImageWriterOptions { SubFormat = kind }, 1);
            var bytes = File.ReadAllBytes(scratch[kind + ".vhd"]);
            bytes[^400] ^= 1; // within the reserved bytes: only the checksum tells
            File.WriteAllBytes(scratch["a.vhd"], bytes);
            var findings = new List<Diagnostic>();
            using (var image = ImageChecks.Open(scratch["a.vhd"], findings.Add))
            {
                ImageChecks.Check(image, content);
            }

            Assert.Equal(["VHD002"], findings.Select(finding => finding.Id));

            bytes.AsSpan(bytes.Length - 512).Clear();
            File.WriteAllBytes(scratch["b.vhd"], bytes);
            findings.Clear();
            if (kind == "fixed")
            {
                Assert.Equal("VHD001", ImageChecks.Refusal(scratch["b.vhd"], new VhdFormat()));
                continue;
            }

            using (var image = ImageChecks.Open(scratch["b.vhd"], findings.Add))
            {
                ImageChecks.Check(image, content);
            }

            Assert.Equal(["VHD002"], findings.Select(finding => finding.Id));
            bytes[100] ^= 1;
            File.WriteAllBytes(scratch["b.vhd"], bytes);
            Assert.Equal("VHD001", ImageChecks.Refusal(scratch["b.vhd"], new VhdFormat()));
        }
    }

    [Fact]
    public void AFooterOf511Bytes()
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(1 << 20, 4);
        ImageChecks.Write(scratch["a.vhd"], "vhd", content, new ImageWriterOptions { SubFormat = "fixed" }, 1);
        var bytes = File.ReadAllBytes(scratch["a.vhd"]);
        File.WriteAllBytes(scratch["a.vhd"], bytes[..^1]);
        using var image = ImageChecks.Open(scratch["a.vhd"], finding => Assert.Fail(finding.ToString()));
        ImageChecks.Check(image, content);
    }

    /// <summary>Bits of the bitmap that are not set mean zero, also where the file holds something: XenServer puts VHDs on volumes that are not wiped.</summary>
    [Fact]
    public void WhatTheBitmapDoesNotHaveIsZeroAndTheBatmapHasTheLastWord() // S3.5
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(7 << 20, 11);
        content.AsSpan(0, 4 << 20).Fill(5);
        var expected = (byte[])content.Clone();
        foreach (var (creatorVersion, isBatmapRead) in new[] { (0x0001_0003u, true), (0x0000_0001u, false), (0x0001_0003u, false) })
        {
            ImageChecks.Write(scratch["a.vhd"], "vhd", content, new ImageWriterOptions(), 1);
            var bytes = File.ReadAllBytes(scratch["a.vhd"]);
            File.Delete(scratch["a.vhd"]);
            var footer = VhdFooter.Parse(bytes) with { CreatorVersion = creatorVersion };
            footer.ToBytes().CopyTo(bytes, 0);
            footer.ToBytes().CopyTo(bytes, bytes.Length - 512);
            var block = (int)BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(1536)) * 512;
            var isReversed = footer.HasReversedBitmaps;
            bytes[block + 3] = isReversed ? (byte)0b0000_0001 : (byte)0b1000_0000; // sectors 25 to 31 of the disk were never written
            bytes.AsSpan(block + 8, 5).Clear(); // 64 to 103
            if (!isBatmapRead && !isReversed)
            {
                bytes[2048 + 512] = 0; // the batmap of seven blocks: checksum is wrong now, so it is not used
            }

            content.AsSpan().CopyTo(expected);
            if (!isBatmapRead)
            {
                expected.AsSpan(25 * 512, 7 * 512).Clear();
                expected.AsSpan(64 * 512, 40 * 512).Clear();
            }

            File.WriteAllBytes(scratch["b.vhd"], bytes);
            var findings = new List<Diagnostic>();
            using var image = ImageChecks.Open(scratch["b.vhd"], findings.Add);
            ImageChecks.Check(image, expected);
            Assert.Equal(isBatmapRead || isReversed ? [] : ["VHD009"], findings.Select(finding => finding.Id));
        }
    }

    [Theory]
    [InlineData("a type that does not exist", "VHD006")]
    [InlineData("a format version to come", "VHD006")]
    [InlineData("blocks of three bytes", "VHD003")]
    [InlineData("a table behind the end", "VHD003")]
    [InlineData("a table too small", "VHD003")]
    [InlineData("a header elsewhere", "VHD003")]
    [InlineData("poisoned", "VHD006")]
    [InlineData("a header with a wrong checksum", "VHD003")]
    public void DamagedHeadersAreRefusedByName(string damage, string id)
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["a.vhd"], "vhd", ImageChecks.Content(5 << 20, 3), new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vhd"]);
        var footer = VhdFooter.Parse(bytes);
        var header = VhdDynamicHeader.Parse(bytes.AsSpan(512));
        (footer, header) = damage switch
        {
            "a type that does not exist" => (footer with { Type = 7 }, header),
            "a format version to come" => (footer with { FormatVersion = 0x0002_0000 }, header),
            "blocks of three bytes" => (footer, header with { BlockSize = 3 }),
            "a table behind the end" => (footer, header with { TableOffset = 1UL << 40 }),
            "a table too small" => (footer, header with { TableEntries = 1 }),
            "a header elsewhere" => (footer with { DataOffset = 1024 }, header),
            _ => (footer, header),
        };
        header.ToBytes().CopyTo(bytes, 512);
        footer.ToBytes().CopyTo(bytes, 0);
        footer.ToBytes().CopyTo(bytes, bytes.Length - 512);
        if (damage == "poisoned")
        {
            VhdFooter.PoisonCookie.CopyTo(bytes);
        }

        bytes[600] ^= damage == "a header with a wrong checksum" ? (byte)1 : (byte)0;
        File.WriteAllBytes(scratch["a.vhd"], bytes);
        Assert.Equal(id, ImageChecks.Refusal(scratch["a.vhd"], new VhdFormat()));
    }

    [Fact]
    public void ACheckFindsBlocksInOnePlaceAndBlocksOutOfTheFile()
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[9 << 20];
        content.AsSpan().Fill(3);
        ImageChecks.Write(scratch["a.vhd"], "vhd", content, new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vhd"]);
        bytes.AsSpan(1536, 4).CopyTo(bytes.AsSpan(1540));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1544), 0x1234567);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1548), uint.MaxValue);
        File.WriteAllBytes(scratch["a.vhd"], bytes);
        var report = new VhdFormat().Check(ImageChecks.Request(scratch["a.vhd"]), CancellationToken.None);
        Assert.Equal(["VHD004", "VHD005"], report.Findings.Select(finding => finding.Id));
        Assert.Equal(2, report.ErrorCount);
        Assert.InRange(report.LeakedBytes, 6 << 20, 7 << 20);
        Assert.Equal(5 << 20, report.StoredBytes);
        using var image = ImageChecks.Open(scratch["a.vhd"]);
        Assert.Equal("VHD004", Assert.Throws<DiagnosticException>(() => image.Read(new GuestOffset(4 << 20), new byte[1])).Diagnostic.Id);
    }

    [Fact]
    public void MutatedImagesGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["a.vhd"], "vhd", ImageChecks.Content(9 << 20, 3), new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vhd"]);
        ImageChecks.Fuzz(bytes, new VhdFormat(), [(0, 128), (512, 128), (1024, 512), (1536, 32), (2048, 540), (bytes.Length - 512, 100)], Repair, 600, scratch["x"]);
    }

    /// <summary>Makes the checksums right again, so that what is behind them is reached.</summary>
    internal static void Repair(byte[] bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(64), VhdFooter.Sum(bytes.AsSpan(0, 512), 64));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(512 + 36), VhdFooter.Sum(bytes.AsSpan(512, 1024), 36));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(bytes.Length - 512 + 64), VhdFooter.Sum(bytes.AsSpan(bytes.Length - 512), 64));
    }
}
