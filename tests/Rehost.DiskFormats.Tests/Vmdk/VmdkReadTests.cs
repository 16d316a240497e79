using Rehost.Blocks;
using Rehost.DiskFormats.Vmdk;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vmdk;

/// <summary>What qemu-img writes.</summary>
public sealed class VmdkReadTests
{
    public static TheoryData<string, int> Kinds()
    {
        var data = new TheoryData<string, int>();
        foreach (var kind in new[] { "monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized" })
        {
            foreach (var size in new[] { 0, 512, VmdkContent.Grain, (3 * VmdkContent.Grain) + 1024, (40 << 20) + 512 })
            {
                data.Add(kind, size);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void WeReadWhatQemuWrites(string kind, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(size, size + 1);
        File.WriteAllBytes(scratch["a.raw"], content);
        if (size == 0)
        {
            // qemu-img makes such images and cannot open them again.
            Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-o", $"subformat={kind}", scratch["a.vmdk"], "0");
        }
        else
        {
            Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={kind}", scratch["a.raw"], scratch["a.vmdk"]);
        }

        Assert.Equal("vmdk", KnownDiskFormats.Identify(FileDevice.OpenRead(scratch["a.vmdk"])).Name);
        using var image = VmdkContent.Open(scratch["a.vmdk"], finding => Assert.Fail(finding.ToString()));
        VmdkContent.Check(image, content);
        Assert.Equal(kind, image.Info.SubFormat);
        Assert.Contains(image.Info.Properties, property => property.Name == "adapter type" && property.Value == "ide");
        var report = KnownDiskFormats.ByName("vmdk").Check(VmdkContent.Request(scratch["a.vmdk"]), CancellationToken.None);
        Assert.True(report.IsSound, string.Join("\n", report.Findings));
        Assert.Empty(report.Findings);
    }

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("streamOptimized")]
    public void HeadersAndDescriptorsAreWrittenBackAsTheyWere(string kind)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["a.raw"], VmdkContent.Make(1 << 20, 1));
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={kind}", scratch["a.raw"], scratch["a.vmdk"]);
        var bytes = File.ReadAllBytes(scratch["a.vmdk"]);
        var header = VmdkHeader.Parse(bytes, "a");
        Assert.Equal(bytes[..VmdkHeader.Size], header.ToBytes());
        var text = bytes.AsSpan((int)header.DescriptorOffset * 512, (int)header.DescriptorSectors * 512);
        Assert.Equal(text[..text.IndexOf((byte)0)].ToArray(), VmdkDescriptor.Parse(text, "a").ToBytes());
    }

    [Fact]
    public void SplitDisksOfSeveralExtentsAreRead()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", scratch["a.vmdk"], "5G");
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 7 2097100k 200k", "-c", "write -P 8 5242879k 1k", scratch["a.vmdk"]);
        using var image = VmdkContent.Open(scratch["a.vmdk"]);
        Assert.Equal(5L << 30, image.Length);
        Assert.Equal(3, image.Info.Files.Length);
        var buffer = new byte[400 << 10];
        image.Read(new GuestOffset(2097000L << 10), buffer);
        Assert.Equal(200 << 10, buffer.Count(b => b == 7));
        Assert.Equal(7, buffer[100 << 10]);
        Assert.Equal(0, buffer[(100 << 10) - 1]);
        Assert.Equal(0, buffer[300 << 10]);
        image.Read(new GuestOffset((5L << 30) - 1024), buffer.AsSpan(0, 1024));
        Assert.All(buffer[..1024], b => Assert.Equal(8, b));
        Assert.Equal(ExtentKind.Hole, image.GetExtents(GuestOffset.Zero, image.Length).First().Kind);
        var error = Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["a-s001.vmdk"]));
        Assert.Equal("VMD010", error.Diagnostic.Id);
    }

    [Fact]
    public void ZeroedGrainsAndPartlyWrittenOnesAreRead()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicSparse,zeroed_grain=on", scratch["a.vmdk"], "10M");
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 7 1M 3M", "-c", "write -z 2M 1M", "-c", "write -P 9 9999k 1k", scratch["a.vmdk"]);
        Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch["a.vmdk"], scratch["a.raw"]);
        using var image = VmdkContent.Open(scratch["a.vmdk"]);
        VmdkContent.Check(image, File.ReadAllBytes(scratch["a.raw"]));
        Assert.Contains(image.GetExtents(GuestOffset.Zero, image.Length), extent => extent.Kind == ExtentKind.Zero);
    }

    [Fact]
    public void AChainOfThreeIsReadAndItsParentMustHaveTheCid()
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(8 << 20, 3);
        File.WriteAllBytes(scratch["a.raw"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vmdk", scratch["a.raw"], scratch["base.vmdk"]);
        Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-b", scratch["base.vmdk"], "-F", "vmdk", scratch["one.vmdk"]);
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 7 1M 1M", "-c", "write -P 5 5000k 3k", scratch["one.vmdk"]);
        Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-b", scratch["one.vmdk"], "-F", "vmdk", scratch["two.vmdk"]);
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 9 1500k 100k", "-c", "write -z 0 64k", scratch["two.vmdk"]);
        Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch["two.vmdk"], scratch["two.raw"]);
        var expected = File.ReadAllBytes(scratch["two.raw"]);
        using (var image = VmdkContent.Open(scratch["two.vmdk"]))
        {
            VmdkContent.Check(image, expected);
            Assert.Equal(scratch["one.vmdk"], image.Info.ParentReference);
            Assert.NotNull(((IDiskImage)image.Parent!).Parent);
        }

        // Moved to another directory, as a copy of the machine is: the hint's own directory is not there any more.
        Directory.CreateDirectory(scratch["moved"]);
        foreach (var name in new[] { "base", "one", "two" })
        {
            File.Move(scratch[$"{name}.vmdk"], scratch[$"moved/{name}.vmdk"]);
        }

        using (var image = VmdkContent.Open(scratch["moved/two.vmdk"]))
        {
            VmdkContent.Check(image, expected);
        }

        // The parent is written after the snapshot: QEMU gives it a new CID.
        Tool.MustRun("qemu-io", "-f", "vmdk", "-c", "write -P 1 0 1k", scratch["moved/base.vmdk"]);
        var error = Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["moved/two.vmdk"]));
        Assert.Equal("VMD008", error.Diagnostic.Id);
        File.Delete(scratch["moved/base.vmdk"]);
        error = Assert.Throws<DiagnosticException>(() => VmdkContent.Open(scratch["moved/two.vmdk"]));
        Assert.Equal("BLK005", error.Diagnostic.Id);
    }

    [Fact]
    public void AGuessedImageRefersToNothing()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicFlat", scratch["a.vmdk"], "1M");
        var error = Assert.Throws<DiagnosticException>(() => KnownDiskFormats.ByName("vmdk").Open(VmdkContent.Request(scratch["a.vmdk"]) with { IsFormatGuessed = true }));
        Assert.Equal("DSK005", error.Diagnostic.Id);
    }
}
