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
