using Rehost.Blocks;
using Rehost.FileSystems.Fat;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Fat;

/// <summary>File systems that we make: dosfstools and mtools agree with them, and files can be put there.</summary>
public sealed class FatFormatterTests
{
    [Theory]
    [InlineData(34L << 20, 512)]
    [InlineData(48L << 20, 512)]
    [InlineData((66L << 20) + 1536, 1024)]
    [InlineData(300L << 20, 4096)]
    [InlineData(5L << 30, 32768)]
    public void Others_find_no_fault(long length, int cluster)
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["fat.img"];
        using (var device = FileDevice.Create(path, length))
        {
            // Junk below the structures: nothing of it may be taken for content.
            device.Write(new GuestOffset(0), [.. Enumerable.Range(0, 8 << 20).Select(index => (byte)(((index * 37) + 5) & 0xFF))]);
            FatFormatter.Format(device, new FatFormatOptions("Rehost-EFI", 0x1A2B3C4D) { HiddenSectors = 2048 });
            using var fileSystem = FatFileSystem.Open(device, new FileSystemOpenOptions());
            Assert.Equal(("vfat", "REHOST-EFI", "1A2B-3C4D", cluster), (fileSystem.Info.Type, fileSystem.Info.Label, fileSystem.Info.Uuid, fileSystem.Info.BlockSize));
            Assert.Empty(fileSystem.List(fileSystem.Root));
            Assert.Empty(fileSystem.Check());
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/EFI/BOOT");
            tree.WriteFile("/EFI/BOOT/BOOTX64.EFI", new byte[3_000_001]);
            tree.WriteFile("/rehost long name.cfg", "text"u8);
            fileSystem.Flush();
        }

        var check = Tool.Run("fsck.fat", "-n", path);
        Assert.True(check.ExitCode == 0, check.Output + check.Error);
        Assert.Contains("FAT (32 bit)", Tool.MustRun("file", path), StringComparison.Ordinal);
        Assert.Contains("UUID=\"1A2B-3C4D\"", Tool.MustRun("blkid", "-p", path), StringComparison.Ordinal);
        Assert.Equal("text", Tool.MustRun("mtype", "-i", path, "::/rehost long name.cfg"));
        Assert.Contains("3 000 001", Tool.MustRun("mdir", "-i", path, "::/EFI/BOOT"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_options_give_the_same_bytes()
    {
        byte[] Make()
        {
            var bytes = new byte[40 << 20];
            FatFormatter.Format(new MemoryDevice(bytes), new FatFormatOptions("A", 7));
            return bytes;
        }

        Assert.True(Make().AsSpan().SequenceEqual(Make()));
    }

    [Theory]
    [InlineData(32 << 20, "A")]
    [InlineData(64 << 20, "twelve chars")]
    [InlineData(64 << 20, "a/b")]
    public void What_is_no_fat32_is_refused(int length, string label)
        => Assert.Equal("FAT010", Assert.Throws<DiagnosticException>(() => FatFormatter.Format(new MemoryDevice(new byte[length]), new FatFormatOptions(label, 1))).Diagnostic.Id);
}
