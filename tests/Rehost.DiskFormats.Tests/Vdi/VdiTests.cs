using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vdi;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vdi;

/// <summary>VDI against qemu-img, both ways; chains of images that are laid out here by VirtualBox's format.</summary>
public sealed class VdiTests
{
    private const int Block = 1 << 20;

    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(Block)]
    [InlineData(Block + 512)]
    [InlineData((21 * Block) + 1536)]
    public void QemuAcceptsAndReadsWhatWeWrite(int size)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, size);
        File.WriteAllBytes(scratch["a.raw"], content);
        ImageChecks.Write(scratch["a.vdi"], "vdi", content, new ImageWriterOptions(), 1);
        ImageChecks.Write(scratch["b.vdi"], "vdi", content, new ImageWriterOptions(), 2);
        Assert.Equal(File.ReadAllBytes(scratch["a.vdi"]), File.ReadAllBytes(scratch["b.vdi"]));
        Tool.MustRun("qemu-img", "check", "-f", "vdi", scratch["a.vdi"]);
        Tool.MustRun("qemu-img", "compare", "-f", "vdi", "-F", "raw", scratch["a.vdi"], scratch["a.raw"]);
        Assert.Contains($"\"virtual-size\": {size},", Tool.MustRun("qemu-img", "info", "--output=json", "-f", "vdi", scratch["a.vdi"]), StringComparison.Ordinal);
        using var image = (VdiImage)ImageChecks.Open(scratch["a.vdi"]);
        ImageChecks.Check(image, content);
        Assert.Equal(image.Header.ToBytes(), File.ReadAllBytes(scratch["a.vdi"])[..512]);
        var report = new VdiFormat().Check(ImageChecks.Request(scratch["a.vdi"]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(0, report.LeakedBytes);
    }

    [Theory]
    [InlineData("static=off", (9 << 20) + 512)]
    [InlineData("static=on", (9 << 20) + 512)]
    [InlineData("static=off", 512)]
    public void WeReadWhatQemuWrites(string options, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(size, 7);
        File.WriteAllBytes(scratch["a.raw"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vdi", "-o", options, scratch["a.raw"], scratch["a.vdi"]);
        using var image = (VdiImage)ImageChecks.Open(scratch["a.vdi"]);
        ImageChecks.Check(image, content);
        Assert.Equal(options == "static=on" ? "fixed" : "dynamic", image.Info.SubFormat);
        Assert.Equal(image.Header.ToBytes(), File.ReadAllBytes(scratch["a.vdi"])[..512]);
        Assert.Empty(new VdiFormat().Check(ImageChecks.Request(scratch["a.vdi"]), CancellationToken.None).Findings);
    }

    [Theory]
    [InlineData((2L << 40) + 512)]
    [InlineData(16L << 40)]
    public void LargeSparseDisks(long length)
    {
        using var scratch = new ScratchDirectory();
        var before = GC.GetAllocatedBytesForCurrentThread();
        using (var file = CommittedFile.Create(scratch["a.vdi"]))
        {
            using var writer = new VdiFormat().CreateWriter(file, length, new ImageWriterOptions());
            writer.Write(new GuestOffset(5), [1]);
            writer.Write(new GuestOffset(length / 2), [2]);
            writer.Write(new GuestOffset(length - 512), [7, 8]);
            writer.Complete();
            file.Commit();
        }

        using (var image = ImageChecks.Open(scratch["a.vdi"]))
        {
            var read = new byte[2];
            image.Read(new GuestOffset(length - 512), read);
            Assert.Equal([7, 8], read);
            Assert.Equal(3, image.GetExtents(GuestOffset.Zero, length).Count(extent => extent.Kind == ExtentKind.Data));
        }

        // One scan of the table of 64 MiB, in pages.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512L << 20);
        Tool.MustRun("qemu-io", "-r", "-f", "vdi", "-c", $"read -P 7 {length - 512} 1", "-c", $"read -P 0 {length - 1024} 512", scratch["a.vdi"]);
    }

    [Fact]
    public void DiscardedBlocksAreZeroAndHideTheParent()
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(4 * Block, 5);
        content.AsSpan(0, 4 * Block).Replace((byte)0, (byte)1);
        ImageChecks.Write(scratch["base.vdi"], "vdi", content, new ImageWriterOptions { IdentitySeed = "base" }, 1);
        var builder = new VdiBuilder(scratch["base.vdi"]);
        builder.Put(1, ImageChecks.Content(Block, 9));
        builder.Discard(2);
        File.WriteAllBytes(scratch["child.vdi"], builder.Build(blockExtra: 512, headerSize: 384));
        ImageChecks.Content(Block, 9).CopyTo(content.AsSpan(Block));
        content.AsSpan(2 * Block, Block).Clear();
        using var image = ImageChecks.Open(scratch["child.vdi"]);
        ImageChecks.Check(image, content);
        Assert.Contains(image.GetExtents(GuestOffset.Zero, image.Length), extent => extent is { Kind: ExtentKind.Zero, Length: Block });
    }

    [Fact]
    public void AChainThreeDeepIsFoundByItsUuids()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["vm/Snapshots"]);
        var content = ImageChecks.Content(6 * Block, 5);
        ImageChecks.Write(scratch["vm/base.vdi"], "vdi", content, new ImageWriterOptions { IdentitySeed = "base" }, 1);
        ImageChecks.Write(scratch["vm/other.vdi"], "vdi", new byte[6 * Block], new ImageWriterOptions { IdentitySeed = "other" }, 1);
        File.WriteAllText(scratch["vm/Snapshots/0.vdi"], "no image at all");
        var last = scratch["vm/base.vdi"];
        for (var depth = 1; depth <= 3; depth++)
        {
            var builder = new VdiBuilder(last);
            var change = ImageChecks.Content(Block, 100 + depth);
            builder.Put(depth, change);
            change.CopyTo(content.AsSpan(depth * Block));
            last = scratch[$"vm/Snapshots/{{{depth}}}.vdi"];
            File.WriteAllBytes(last, builder.Build());
        }

        // VirtualBox keeps the base a directory above: that needs the operator's word.
        Assert.Equal("VDI005", ImageChecks.Refusal(last, new VdiFormat()));
        var request = ImageChecks.Request(last) with { Directory = HostImageDirectory.Of(last, [scratch["vm"]]) };
        using (var image = new VdiFormat().Open(request))
        {
            ImageChecks.Check(image, content);
            Assert.Equal("differencing", ((IDiskImage)image).Info.SubFormat);
            Assert.NotNull(((IDiskImage)image).Parent);
        }

        // The base is changed: what the children hold does not fit it any more.
        var bytes = File.ReadAllBytes(scratch["vm/base.vdi"]);
        bytes[410] ^= 1;
        File.WriteAllBytes(scratch["vm/base.vdi"], bytes);
        request = ImageChecks.Request(last) with { Directory = HostImageDirectory.Of(last, [scratch["vm"]]) };
        Assert.Equal("VDI006", Assert.Throws<DiagnosticException>(() => new VdiFormat().Open(request)).Diagnostic.Id);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VdiFormat().Open(ImageChecks.Request(last) with { Directory = null })).Diagnostic.Id);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VdiFormat().Open(ImageChecks.Request(last) with { IsFormatGuessed = true })).Diagnostic.Id);
    }

    [Fact]
    public void AnImageThatIsItsOwnParentIsRefused()
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["base.vdi"], "vdi", new byte[Block], new ImageWriterOptions(), 1);
        var bytes = new VdiBuilder(scratch["base.vdi"]).Build();
        bytes.AsSpan(424, 16).CopyTo(bytes.AsSpan(392));
        bytes.AsSpan(440, 16).CopyTo(bytes.AsSpan(408));
        File.Delete(scratch["base.vdi"]);
        File.WriteAllBytes(scratch["a.vdi"], bytes);
        Assert.Equal("DSK006", ImageChecks.Refusal(scratch["a.vdi"], new VdiFormat()));
    }

    [Theory]
    [InlineData(68, 0x0000_0001u, "VDI002")] // version 0.1
    [InlineData(72, 100u, "VDI001")]
    [InlineData(76, 3u, "VDI002")] // undo image
    [InlineData(340, 0x7fff_0000u, "VDI001")]
    [InlineData(360, 4096u, "VDI002")]
    [InlineData(376, 12345u, "VDI001")]
    [InlineData(384, 1u, "VDI001")]
    public void DamagedHeadersAreRefusedByName(int offset, uint value, string id)
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["a.vdi"], "vdi", ImageChecks.Content(3 * Block, 3), new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vdi"]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);
        File.WriteAllBytes(scratch["a.vdi"], bytes);
        Assert.Equal(id, ImageChecks.Refusal(scratch["a.vdi"], new VdiFormat()));
    }

    [Fact]
    public void ACheckFindsBlocksInOnePlaceAndBlocksOutOfTheFile()
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[4 * Block];
        content.AsSpan().Fill(3);
        ImageChecks.Write(scratch["a.vdi"], "vdi", content, new ImageWriterOptions(), 1);
        var bytes = File.ReadAllBytes(scratch["a.vdi"]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(516), 0);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(520), 77);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(524), 0xffff_ffff);
        File.WriteAllBytes(scratch["a.vdi"], bytes);
        var report = new VdiFormat().Check(ImageChecks.Request(scratch["a.vdi"]), CancellationToken.None);
        Assert.Equal(["VDI004", "VDI003", "VDI008"], report.Findings.Select(finding => finding.Id));
        Assert.Equal(2, report.ErrorCount);
        Assert.Equal(3 * Block, report.LeakedBytes);
        Assert.NotEqual(0, Tool.Run("qemu-img", "check", "-f", "vdi", scratch["a.vdi"]).ExitCode);
    }

    [Fact]
    public void WhatAVdiCannotHoldIsRefused()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a.vdi"]);
        string Id(long length, ImageWriterOptions options)
            => Assert.Throws<DiagnosticException>(() => new VdiFormat().CreateWriter(file, length, options)).Diagnostic.Id;
        Assert.Equal("VDI007", Id(1L << 50, new ImageWriterOptions()));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions(ImageCompression.Zstd)));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { SubFormat = "fixed" }));
        Assert.Equal("DSK003", Id(512, new ImageWriterOptions { UnitBytes = 4096 }));
    }

    [Fact]
    public void MutatedImagesGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        ImageChecks.Write(scratch["a.vdi"], "vdi", ImageChecks.Content(5 * Block, 3), new ImageWriterOptions(), 1);
        ImageChecks.Fuzz(File.ReadAllBytes(scratch["a.vdi"]), new VdiFormat(), [(60, 30), (336, 128), (512, 24)], null, 600, scratch["x"]);
    }
}
