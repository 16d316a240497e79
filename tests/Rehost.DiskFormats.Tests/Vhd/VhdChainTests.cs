using Rehost.Blocks;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vhd;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vhd;

/// <summary>Differencing VHDs and the ways to their parents.</summary>
public sealed class VhdChainTests
{
    private const int Size = (7 << 20) + 512;

    [Fact]
    public void AChainThreeDeepWithChangesOfSingleSectors() // S3.5
    {
        using var scratch = new ScratchDirectory();
        var content = Base(scratch["base.vhd"]);
        var last = "base.vhd";
        for (byte depth = 1; depth <= 3; depth++)
        {
            var random = new Random(depth);
            var builder = new VhdBuilder(FooterOf(scratch[last]), depth);
            builder.Locate("W2ru", @".\" + last).Locate("W2ku", @"C:\Machines\" + last);
            if (depth == 3)
            {
                // A disk that was enlarged while it had a snapshot: behind the parent's end there is nothing.
                builder.Size += 1 << 20;
                Array.Resize(ref content, content.Length + (1 << 20));
            }

            for (var change = 0; change < 60; change++)
            {
                var sectors = random.Next(1, 40);
                var sector = random.Next((content.Length / 512) - sectors);
                var data = new byte[sectors * 512];
                random.NextBytes(data);
                builder.Put(sector, data);
                data.CopyTo(content, sector * 512);
            }

            last = $"snapshot{depth}.avhd";
            var bytes = builder.Build();
            File.WriteAllBytes(scratch[last], bytes);
            Assert.Equal(bytes[..512], VhdFooter.Parse(bytes).ToBytes());
            Assert.Equal(bytes[512..1536], VhdDynamicHeader.Parse(bytes.AsSpan(512)).ToBytes());
        }

        using var image = (IDiskImage)ImageChecks.Open(scratch[last]);
        ImageChecks.Check(image, content);
        Assert.Equal("differencing", image.Info.SubFormat);
        Assert.Equal("./snapshot2.avhd", image.Info.ParentReference);
        var report = new VhdFormat().Check(ImageChecks.Request(scratch[last]), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.True(report.StoredBytes < content.Length / 2);
    }

    [Theory]
    [InlineData("W2ru", @".\base disk.vhd")]
    [InlineData("W2ru", @"sub\..\base disk.vhd")]
    [InlineData("Wi2r", @".\base disk.vhd")]
    [InlineData("W2ku", @"D:\VMs\Windows 2003\base disk.vhd")]
    [InlineData("Wi2k", @"D:\VMs\base disk.vhd")]
    [InlineData("MacX", "file://localhost/Users/me/base%20disk.vhd")]
    [InlineData("MacX", "file://./base%20disk.vhd")]
    [InlineData("MacX", "file:///var/run/sr-mount/0815/base%20disk.vhd")]
    [InlineData("", @"base disk.vhd")]
    [InlineData("", @"\\server\share\base disk.vhd")]
    [InlineData("W2ru", @"..\..\base disk.vhd")] // elsewhere; the file of this name here is proved by its id
    public void EveryKindOfLocatorLeadsToTheParent(string code, string path)
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["sub"]);
        var content = Base(scratch["base disk.vhd"]);
        var builder = new VhdBuilder(FooterOf(scratch["base disk.vhd"]), 9);
        if (code.Length == 0)
        {
            builder.ParentName = path;
        }
        else
        {
            builder.Locate("Mac ", "an alias that nobody can read").Locate(code, path);
        }

        builder.Put(3, new byte[512]);
        content.AsSpan(3 * 512, 512).Clear();
        File.WriteAllBytes(scratch["child.vhd"], builder.Build());
        using var image = ImageChecks.Open(scratch["child.vhd"]);
        ImageChecks.Check(image, content);
    }

    [Fact]
    public void AParentElsewhereOrWithAnotherIdIsRefused()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["vm"]);
        Base(scratch["secret.vhd"]);
        var footer = FooterOf(scratch["secret.vhd"]);
        string Id(Action<VhdBuilder> change)
        {
            var builder = new VhdBuilder(footer, 9);
            change(builder);
            File.WriteAllBytes(scratch["vm/child.vhd"], builder.Build());
            return ImageChecks.Refusal(scratch["vm/child.vhd"], new VhdFormat());
        }

        Assert.Equal("BLK006", Id(builder => builder.Locate("W2ru", @"..\secret.vhd")));
        Assert.Equal("BLK006", Id(builder => builder.Locate("MacX", "file://" + scratch["secret.vhd"])));
        Assert.Equal("BLK006", Id(builder => builder.Locate("MacX", "file:///etc/passwd")));
        Assert.Equal("BLK006", Id(builder => builder.Locate("MacX", "file://./%2e%2e/secret.vhd")));
        Assert.Equal("BLK005", Id(builder => builder.Locate("W2ru", @".\nothing.vhd")));
        Assert.Equal("VHD008", Id(_ => { }));
        Assert.Equal("VHD006", Id(builder => builder.Locate("W2ru", @".\a.vhd").ParentId = Guid.Empty));
        Assert.Equal("DSK006", Id(builder => builder.Locate("W2ru", @".\child.vhd").ParentId = new Guid(Enumerable.Repeat((byte)9, 16).ToArray())));
        Base(scratch["vm/secret.vhd"], "another");
        Assert.Equal("VHD007", Id(builder => builder.Locate("W2ru", @".\secret.vhd")));
        var request = ImageChecks.Request(scratch["vm/child.vhd"]);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VhdFormat().Open(request with { Directory = null })).Diagnostic.Id);
        Assert.Equal("DSK005", Assert.Throws<DiagnosticException>(() => new VhdFormat().Open(ImageChecks.Request(scratch["vm/child.vhd"]) with { IsFormatGuessed = true })).Diagnostic.Id);

        // What the operator allows is read.
        Id(builder => builder.Locate("W2ru", @"..\secret.vhd"));
        File.Delete(scratch["vm/secret.vhd"]);
        using var image = new VhdFormat().Open(ImageChecks.Request(scratch["vm/child.vhd"]) with { Directory = HostImageDirectory.Of(scratch["vm/child.vhd"], [scratch["secret.vhd"]]) });
        Assert.Equal(Size, image.Length);
    }

    [Fact]
    public void MutatedDifferencingImagesGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["x"]);
        Base(scratch["x/base.vhd"]);
        var builder = new VhdBuilder(FooterOf(scratch["x/base.vhd"]), 9).Locate("W2ru", @".\base.vhd").Locate("MacX", "file://./base.vhd");
        builder.Put(77, ImageChecks.Content(65536, 4));
        var bytes = builder.Build();
        ImageChecks.Fuzz(bytes, new VhdFormat(), [(0, 128), (512, 128), (1088, 64), (512 + 576, 60), (1536, 60), (2560, 60), (3584, 20), (bytes.Length - 512, 100)], VhdTests.Repair, 400, scratch["x"]);
    }

    private static byte[] Base(string path, string seed = "base")
    {
        var content = ImageChecks.Content(Size, 1);
        ImageChecks.Write(path, "vhd", content, new ImageWriterOptions { IdentitySeed = seed }, 1);
        return content;
    }

    private static byte[] FooterOf(string path) => File.ReadAllBytes(path)[^512..];
}
