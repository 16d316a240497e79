using Rehost.Blocks;
using Rehost.FileSystems.Fat;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Fat;

public sealed class FatHostileTests
{
    private static readonly int Rounds = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 250);

    [Theory]
    [InlineData("-F 12", 1440, 1)]
    [InlineData("-F 16 -s 1", 4000, 2)]
    [InlineData("-F 32 -s 1", 4000, 3)]
    public void Damage_gives_findings_and_nothing_else(string mkfs, int kibibytes, int seed)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"truncate -s {kibibytes}K '{image}'; mkfs.fat {mkfs} '{image}'");
        var hot = new List<int>();
        using (var device = FileDevice.OpenReadWrite(image))
        {
            var boot = FatBootSector.Read(device);
            using var fileSystem = FatFileSystem.Open(device, new FileSystemOpenOptions());
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/EFI/boot/deeper/still");
            for (var i = 0; i < 60; i++)
            {
                tree.WriteFile($"/EFI/boot/file with a long name {i}", new byte[i * 40]);
            }

            tree.WriteFile("/EFI/boot/deeper/still/big", new byte[100_000]);
            tree.WriteFile("/SHORT.TXT", new byte[10]);
            tree.WriteFile("/a long name in the root", new byte[3000]);
            fileSystem.Flush();
            hot.AddRange(Enumerable.Range(11, 79));
            hot.AddRange(Enumerable.Range((int)boot.FatOffset(0), 600));
            hot.AddRange(Enumerable.Range((int)(boot.Bits == 32 ? boot.ClusterOffset(2) : boot.RootOffset), 500));
            foreach (var path in new[] { "/EFI", "/EFI/boot", "/EFI/boot/deeper" })
            {
                var first = tree.List(path).First().Path;
                var at = (int)tree.Resolve(first).Node.Value * 32;
                hot.AddRange(Enumerable.Range(at - (at % 512), 512));
            }
        }

        HostileReading.Fuzz(File.ReadAllBytes(image), hot, Rounds, seed, device => FatFileSystem.Open(device, new FileSystemOpenOptions()));
    }
}
