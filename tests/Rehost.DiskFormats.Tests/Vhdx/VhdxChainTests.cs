using Rehost.Blocks;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vhdx;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vhdx;

/// <summary>Differencing VHDX.</summary>
public sealed class VhdxChainTests
{
    private const int Mega = 1 << 20;
    private const int Size = (7 * Mega) + 4096;

    [Theory]
    [InlineData(512, Mega)]
    [InlineData(512, 2 * Mega)]
    [InlineData(4096, Mega)]
    public void AChainThreeDeepWithChangesOfSingleSectors(int sectorSize, int blockSize)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(Size, 1);
        var first = new VhdxBuilder { Size = Size, Sector = sectorSize, BlockSize = blockSize, Id = 0x10 };
        first.Put(0, content);
        var last = "base.vhdx";
        File.WriteAllBytes(scratch[last], first.Build());
        for (byte depth = 1; depth <= 3; depth++)
        {
            var random = new Random(depth);
            var builder = new VhdxBuilder { Size = Size, Sector = sectorSize, BlockSize = blockSize, Id = depth };
            builder.Parent.Add(("parent_linkage", VhdxBuilder.Linkage(File.ReadAllBytes(scratch[last]))));
            builder.Parent.Add(("relative_path", @".\" + last));
            builder.Parent.Add(("absolute_win32_path", @"C:\Machines\" + last));
            for (var change = 0; change < 12; change++)
            {
                var sectors = random.Next(1, 30);
                var sector = random.Next((Size / sectorSize) - sectors);
                var data = new byte[sectors * sectorSize];
                random.NextBytes(data);
                builder.Put(sector, data);
                data.CopyTo(content, sector * sectorSize);
            }

            // One whole block in each, and one that was discarded and hides what the parent has.
            var whole = ImageChecks.Content(blockSize, depth);
            builder.Put((long)blockSize / sectorSize, whole);
            whole.CopyTo(content, blockSize);
            last = $"checkpoint{depth}.avhdx";
            File.WriteAllBytes(scratch[last], builder.Build());
        }

        using var image = (IDiskImage)ImageChecks.Open(scratch[last]);
        ImageChecks.Check(image, content);
        Assert.Equal("differencing", image.Info.SubFormat);
        Assert.Equal("./checkpoint2.avhdx", image.Info.ParentReference);
        var report = new VhdxFormat().Check(ImageChecks.Request(scratch[last]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.True(report.StoredBytes < Size / 2);
    }

    [Fact]
    public void BlocksThatWereDiscardedHideTheParent()
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[5 * Mega];
        content.AsSpan().Fill(9);
        var first = new VhdxBuilder { Size = content.Length, Id = 0x10 };
        first.Put(0, content);
        File.WriteAllBytes(scratch["base.vhdx"], first.Build());
        var builder = Child(scratch, "base.vhdx", @".\base.vhdx", content.Length);
        for (var state = 0; state <= 3; state++)
        {
            builder.SetState(state, state);
        }

        content.AsSpan(Mega, 3 * Mega).Clear();
        File.WriteAllBytes(scratch["child.avhdx"], builder.Build());
        using var image = ImageChecks.Open(scratch["child.avhdx"]);
        ImageChecks.Check(image, content);
        Assert.Contains(new Extent(Mega, 3 * Mega, ExtentKind.Zero), image.GetExtents(GuestOffset.Zero, image.Length));
    }

    [Fact]
    public void ParentsElsewhereOrChangedAreRefused()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["vm"]);
        ImageChecks.Write(scratch["secret.vhdx"], "vhdx", new byte[Mega], new ImageWriterOptions(), 1);
        string Id(string path, Action<VhdxBuilder>? change = null)
        {
            var builder = Child(scratch, "secret.vhdx", path, Mega);
            change?.Invoke(builder);
            File.WriteAllBytes(scratch["vm/child.avhdx"], builder.Build());
            return ImageChecks.Refusal(scratch["vm/child.avhdx"], new VhdxFormat());
        }

        Assert.Equal("BLK006", Id(@"..\secret.vhdx"));
        Assert.Equal("BLK006", Id(scratch["secret.vhdx"]));
        Assert.Equal("BLK006", Id("/etc/passwd"));
        Assert.Equal("BLK005", Id(@"C:\nothing.vhdx"));
        Assert.Equal("VHX010", Id(@"..\secret.vhdx", builder => builder.Parent.RemoveAt(0)));
        Assert.Equal("VHX010", Id(@"..\secret.vhdx", builder => builder.Parent.RemoveAt(1)));
        Assert.Equal("DSK006", Id(@".\child.avhdx"));
        ImageChecks.Write(scratch["vm/secret.vhdx"], "vhdx", new byte[Mega], new ImageWriterOptions { IdentitySeed = "another" }, 1);
        Assert.Equal("VHX009", Id(@".\secret.vhdx"));
        var request = ImageChecks.Request(scratch["vm/child.avhdx"]);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VhdxFormat().Open(request with { Directory = null })).Diagnostic.Id);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VhdxFormat().Open(ImageChecks.Request(scratch["vm/child.avhdx"]) with { IsFormatGuessed = true })).Diagnostic.Id);
        File.Copy(scratch["secret.vhdx"], scratch["vm/secret.vhdx"], overwrite: true);
        Id2(@"D:\Hyper-V\Virtual Hard Disks\secret.vhdx");

        // By its name alone: the id proves it.
        void Id2(string path)
        {
            File.WriteAllBytes(scratch["vm/child.avhdx"], Child(scratch, "secret.vhdx", path, Mega).Build());
            using var image = ImageChecks.Open(scratch["vm/child.avhdx"]);
            Assert.Equal(Mega, image.Length);
        }
    }

    [Fact]
    public void MutatedDifferencingImagesGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["x"]);
        ImageChecks.Write(scratch["x/base.vhdx"], "vhdx", ImageChecks.Content(2 * Mega, 1), new ImageWriterOptions(), 1);
        var builder = Child(scratch, "x/base.vhdx", @".\base.vhdx", 2 * Mega);
        builder.Put(77, ImageChecks.Content(65536, 4));
        var bytes = builder.Build();
        ImageChecks.Fuzz(
            bytes,
            new VhdxFormat(),
            [(128 << 10, 100), (192 << 10, 90), (3 * Mega, 240), ((3 * Mega) + 65536, 300), (VhdxBuilder.BatAt, 24), (VhdxBuilder.BatAt + 32768, 8)],
            VhdxTests.Repair,
            300,
            scratch["x"]);
    }

    private static VhdxBuilder Child(ScratchDirectory scratch, string parent, string path, long size)
    {
        var builder = new VhdxBuilder { Size = size, Id = 0x20 };
        builder.Parent.Add(("parent_linkage", VhdxBuilder.Linkage(File.ReadAllBytes(scratch[parent]))));
        builder.Parent.Add(("relative_path", path));
        return builder;
    }
}
