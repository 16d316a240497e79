using System.Runtime.CompilerServices;
using Rehost.Pipeline.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

/// <summary>XVAs that Xen Orchestra's own writer packs are read: a stranger's, in current use (S0.25).</summary>
public sealed class XenOrchestraTests
{
    [Fact]
    public void ItsExportsAreRead() // S4.7, S4.13
    {
        using var scratch = new ScratchDirectory();
        var disks = new[] { ImageFiles.MakeRaw(scratch, "one.raw", 7 << 20), ImageFiles.MakeRaw(scratch, "two.raw", 3 << 20, seed: 2) };
        var repository = Path.GetFullPath("../../..", Path.GetDirectoryName(ThisFile()) ?? "/");
        var packer = Path.Combine(repository, "build/fixtures/xva-by-xen-orchestra.mjs");
        Tool.MustRun("bash", "-c", "cd \"$1\" && shift && node \"$@\"", "bash", Path.Combine(repository, "artifacts/npm"), packer, scratch["a.xva"], disks[0], disks[1]);
        Assert.True(ImageInspection.Check(new ImageRequest(scratch["a.xva"]), TestContext.Current.CancellationToken).IsSound);
        for (var i = 0; i < disks.Length; i++)
        {
            var target = scratch[$"{i}.raw"];
            var request = new ImageConversionRequest(new ImageRequest(scratch["a.xva"]) { Disk = $"{i + 1}" }, target);
            ImageConversion.Run(request, new SilentProgress(), TestContext.Current.CancellationToken);
            Assert.True(File.ReadAllBytes(disks[i]).AsSpan().SequenceEqual(File.ReadAllBytes(target)));
        }
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
