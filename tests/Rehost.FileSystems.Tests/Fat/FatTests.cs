using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Fat;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Fat;

public sealed class FatTests
{
    private static readonly FileSystemOpenOptions Options = new() { Timestamp = new DateTimeOffset(2019, 5, 6, 7, 8, 10, TimeSpan.Zero) };

    [Theory]
    [InlineData("-F 12 -n FLOPPY", 1440, "FAT12", "FLOPPY")]
    [InlineData("-F 16 -n 'MY LABEL'", 20_000, "FAT16", "MY LABEL")]
    [InlineData("-F 32 -s 1 -n EFI", 40_000, "FAT32", "EFI")]
    [InlineData("-F 32 -s 1", 40_000, "FAT32", null)]
    [InlineData("-F 12 -S 4096", 12_000, "FAT12", null)]
    [InlineData("-F 16 -a -D 0x80 -h 63 -R 7", 20_001, "FAT16", null)]
    public void What_mtools_wrote_is_read(string mkfs, int kibibytes, string feature, string? label)
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, mkfs, kibibytes);
        Tool.MustRun("bash", "-c", $$"""
            set -e; export MTOOLS_SKIP_CHECK=1; mkdir -p '{{scratch["s"]}}/EFI/Boot/deep/er' '{{scratch["s"]}}/many'; cd '{{scratch["s"]}}'
            head -c 300000 /dev/urandom > EFI/Boot/bootx64.efi; : > EFI/empty; echo x > 'EFI/größe 名前.txt'; echo deep > EFI/Boot/deep/er/file; echo upper > EFI/UPPER.TXT
            for i in $(seq 150); do echo $i > "many/a rather long name, number $i.conf"; done
            mcopy -s -i '{{image}}' EFI many '::'
            mdel -i '{{image}}' '::many/a rather long name, number 7.conf'; rm 'many/a rather long name, number 7.conf'
            """);
        using var device = FileDevice.OpenRead(image);
        Assert.Equal("fat", KnownFileSystems.Identify(device)?.Name);
        using var fileSystem = FatFileSystem.Open(device, Options);
        var info = fileSystem.Info;
        Assert.Equal((feature, label, "1234-ABCD", true), (info.Features[0], info.Label, info.Uuid, info.IsClean));
        Assert.Equal(info.TotalBytes - info.UsedBytes, fileSystem.GetFreeRanges().Sum(range => range.Length));
        Assert.Empty(fileSystem.Check());
        var tree = new GuestTree(fileSystem);
        foreach (var path in Directory.EnumerateFiles(scratch["s"], "*", SearchOption.AllDirectories))
        {
            var inGuest = path[scratch["s"].Length..];
            Assert.Equal(File.ReadAllBytes(path), tree.ReadAllBytes(inGuest, 1 << 20));
            Assert.Equal(File.ReadAllBytes(path), tree.ReadAllBytes(inGuest.ToUpperInvariant(), 1 << 20));
        }

        Assert.Equal(149, tree.List("/many").Count());
        Assert.Equal("/EFI/Boot/bootx64.efi", tree.CanonicalPath("/efi/boot/BOOTX64.EFI"));
        Assert.Equal(["/many/a rather long name, number 17.conf"], tree.Glob("/many/A*NUMBER 17.*"));
        Assert.Equal("FIL006", Assert.Throws<DiagnosticException>(() => tree.WriteFile("/x", [1])).Diagnostic.Id);
    }

    [Fact]
    public void Aliases_are_unique_and_found()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 16", 20_000);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            using var fileSystem = FatFileSystem.Open(device, Options);
            var tree = new GuestTree(fileSystem);
            for (var i = 0; i < 40; i++)
            {
                tree.WriteFile($"/a long name {i}.text", Encoding.ASCII.GetBytes($"{i}"));
            }

            tree.WriteFile("/ALONGN~9.TEX", "real"u8);
            tree.WriteFile("/.hidden", "dot"u8);
            tree.WriteFile("/日本", "japan"u8);
            tree.WriteFile("/lower.txt", "lower"u8);
            tree.WriteFile("/MiXed.Txt", "mixed"u8);
            Assert.Equal("1", tree.ReadText("/ALONGN~2.TEX"));
            Assert.Equal("FIL003", Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "alongn~1.tex", default)).Diagnostic.Id);
            fileSystem.Flush();
        }

        AssertClean(image);
        var listing = Tool.MustRun("mdir", "-b", "-i", image);
        Assert.Contains("::/日本", listing, StringComparison.Ordinal);
        Assert.Contains("::/lower.txt", listing, StringComparison.Ordinal);
        Assert.Equal("39", Tool.MustRun("mtype", "-i", image, "::/a long name 39.text"));
        Assert.Equal("dot", Tool.MustRun("mtype", "-i", image, "::/.hidden"));
        Assert.Equal("mixed", Tool.MustRun("mtype", "-i", image, "::/MIXED.TXT"));
    }

    [Fact]
    public void A_stale_count_of_free_clusters_is_not_believed_and_set_right()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 32 -s 1", 40_000);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            device.Write(new GuestOffset(512 + 488), [3, 0, 0, 0, 5, 0, 0, 0]);
            using var fileSystem = FatFileSystem.Open(device, Options);
            Assert.Equal("FAT008", Assert.Single(fileSystem.Check()).Id);
            Assert.True(fileSystem.Info.TotalBytes - fileSystem.Info.UsedBytes > 30_000_000);
            new GuestTree(fileSystem).WriteFile("/file", new byte[100_000]);
            fileSystem.Flush();
            Assert.Empty(fileSystem.Check());
        }

        AssertClean(image);
    }

    [Theory]
    [InlineData("-F 32 -s 1", 65)]
    [InlineData("-F 16", 37)]
    [InlineData("-F 32 -s 1", -1)]
    [InlineData("-F 16", -1)]
    public void A_dirty_volume_is_reported(string mkfs, int position)
    {
        using var scratch = new ScratchDirectory();
        using var device = FileDevice.OpenReadWrite(Make(scratch, mkfs, 40_000));
        if (position > 0)
        {
            device.Write(new GuestOffset(position), [1]);
        }
        else
        {
            var boot = FatBootSector.Read(device);
            for (var copy = 0; copy < 2; copy++)
            {
                device.Write(new GuestOffset(boot.FatOffset(copy) + (boot.Bits / 8)), boot.Bits == 16 ? [0xFF, 0x7F] : [0xFF, 0xFF, 0xFF, 0x07]);
            }
        }

        using var fileSystem = FatFileSystem.Open(device, Options);
        Assert.False(fileSystem.Info.IsClean);
        Assert.Equal("FAT009", Assert.Single(fileSystem.Check()).Id);
    }

    [Fact]
    public void Junk_after_the_end_of_a_directory_does_not_come_to_life()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 16", 20_000);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            var boot = FatBootSector.Read(device);
            var junk = new byte[64 * 32];
            junk.AsSpan().Fill((byte)'J');
            junk[0] = 0; // the end; what follows is left from before
            device.Write(new GuestOffset(boot.RootOffset), junk);
            using var fileSystem = FatFileSystem.Open(device, Options);
            Assert.Empty(fileSystem.List(fileSystem.Root));
            fileSystem.CreateFile(fileSystem.Root, "A name of some length", default);
            fileSystem.CreateDirectory(fileSystem.Root, "DIR", default);
            fileSystem.RemoveDirectory(fileSystem.Root, "DIR");
            fileSystem.CreateDirectory(fileSystem.Root, "another directory", default);
            fileSystem.Flush();
            Assert.Equal(2, fileSystem.List(fileSystem.Root).Count());
        }

        Assert.Equal(["::/A name of some length", "::/another directory/"], Tool.MustRun("mdir", "-b", "-i", image).Split((char)10, StringSplitOptions.RemoveEmptyEntries)); // fsck.fat looks past the end, and calls what it sees damage
    }

    [Fact]
    public void Copies_that_differ_stop_a_write_before_it()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 16", 20_000);
        using var device = FileDevice.OpenReadWrite(image);
        var boot = FatBootSector.Read(device);
        device.Write(new GuestOffset(boot.FatOffset(1) + 100), [0x12]);
        var before = File.ReadAllBytes(image);
        using var fileSystem = FatFileSystem.Open(device, Options);
        Assert.Equal("FAT007", Assert.Single(fileSystem.Check()).Id);
        Assert.Equal("FIL006", Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "x", default)).Diagnostic.Id);
        fileSystem.Flush();
        Assert.Equal(before, File.ReadAllBytes(image));
    }

    [Fact]
    public void What_FAT_has_no_place_for_is_refused()
    {
        using var scratch = new ScratchDirectory();
        using var device = FileDevice.OpenReadWrite(Make(scratch, "-F 32 -s 1", 40_000));
        using var fileSystem = FatFileSystem.Open(device, Options);
        var file = fileSystem.CreateFile(fileSystem.Root, "file", default);
        Action[] impossible =
        [
            () => fileSystem.SetMode(file, 0), () => fileSystem.SetOwner(file, 1, 1), () => fileSystem.SetExtendedAttribute(file, "user.x", [1]),
            () => fileSystem.CreateSymbolicLink(fileSystem.Root, "l", "x", default),
        ];
        Assert.All(impossible, action => Assert.Equal("FIL010", Assert.Throws<DiagnosticException>(action).Diagnostic.Id));
        Assert.Equal("FAT006", Assert.Throws<DiagnosticException>(() => fileSystem.SetLength(file, 1L << 32)).Diagnostic.Id);
        Assert.Equal("FAT006", Assert.Throws<DiagnosticException>(() => fileSystem.Write(file, long.MaxValue, [1])).Diagnostic.Id);
        Assert.Equal("FIL004", Assert.Throws<DiagnosticException>(() => fileSystem.SetLength(file, 100_000_000)).Diagnostic.Id);
        Assert.Equal("FIL002", Assert.Throws<DiagnosticException>(() => fileSystem.ReadLink(file)).Diagnostic.Id);
        foreach (var name in new[] { "a:b", "con", "Lpt1.txt", "x.", "x ", "a\u0001", "q?", new string('x', 256), "\uEFFF" })
        {
            Assert.Equal("FIL009", Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, name, default)).Diagnostic.Id);
        }
    }

    [Fact]
    public void The_root_of_FAT16_fills_up_and_stays_sound()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 16 -r 112", 20_000);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            using var fileSystem = FatFileSystem.Open(device, Options);
            var made = 0;
            var full = Assert.Throws<DiagnosticException>((Action)(() =>
            {
                for (; made < 1000; made++)
                {
                    fileSystem.CreateFile(fileSystem.Root, $"file with a long name {made}", default);
                }
            }));
            Assert.Equal("FAT005", full.Diagnostic.Id);
            Assert.Equal(made, fileSystem.List(fileSystem.Root).Count());
            Assert.Equal(128 / 3, made);
            fileSystem.Flush();
        }

        AssertClean(image);
    }

    [Theory]
    [InlineData(11, 0)]
    [InlineData(13, 3)]
    [InlineData(16, 0)]
    [InlineData(21, 0x10)]
    public void A_senseless_boot_sector_is_refused(int position, byte value)
    {
        using var scratch = new ScratchDirectory();
        using var device = FileDevice.OpenReadWrite(Make(scratch, "-F 16", 20_000));
        device.Write(new GuestOffset(position), [value, .. position == 11 ? new byte[1] : []]);
        Assert.False(FatFileSystem.Identify(device));
        Assert.Equal("FAT001", Assert.Throws<DiagnosticException>(() => FatFileSystem.Open(device, Options)).Diagnostic.Id);
    }

    [Fact]
    public void A_short_device_and_broken_chains_are_named()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-F 32 -s 1", 40_000);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            using var slice = new SliceDevice(device, GuestOffset.Zero, 30_000_000);
            Assert.Equal("FAT002", Assert.Throws<DiagnosticException>(() => FatFileSystem.Open(slice, Options)).Diagnostic.Id);
        }

        using (var device = FileDevice.OpenReadWrite(image))
        {
            var boot = FatBootSector.Read(device);
            using (var fileSystem = FatFileSystem.Open(device, Options))
            {
                var file = fileSystem.CreateFile(fileSystem.Root, "FILE", default);
                fileSystem.Write(file, 0, new byte[5000]);
                var directory = fileSystem.CreateDirectory(fileSystem.Root, "DIR", default);
                fileSystem.CreateFile(directory, "x", default);
                fileSystem.Flush();
            }

            // The second cluster of the file leads back to the first; the directory leads to itself.
            Span<byte> entry = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, 3);
            device.Write(new GuestOffset(boot.FatOffset(0) + (4 * 4)), entry);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, 13);
            device.Write(new GuestOffset(boot.FatOffset(0) + (13 * 4)), entry);
            using var damaged = FatFileSystem.Open(device, Options);
            var tree = new GuestTree(damaged);
            Assert.Equal("FAT003", Assert.Throws<DiagnosticException>(() => tree.ReadAllBytes("/FILE", 10_000)).Diagnostic.Id);
            Assert.Equal("FAT003", Assert.Throws<DiagnosticException>(() => tree.List("/DIR").ToArray()).Diagnostic.Id);
        }
    }

    [Fact]
    public void Nodes_keep_their_numbers_when_they_are_renamed()
    {
        using var scratch = new ScratchDirectory();
        using var device = FileDevice.OpenReadWrite(Make(scratch, "-F 16", 20_000));
        using var fileSystem = FatFileSystem.Open(device, Options);
        var (root, a) = (fileSystem.Root, fileSystem.CreateFile(fileSystem.Root, "A", default));
        fileSystem.CreateFile(root, "B", default);
        var directory = fileSystem.CreateDirectory(root, "D", default);
        fileSystem.Rename(root, "A", directory, "moved");
        var c = fileSystem.CreateFile(root, "C", default); // where A was
        fileSystem.Write(a, 0, "a"u8);
        fileSystem.Write(c, 0, "cc"u8);
        fileSystem.Rename(root, "C", root, "B");
        Assert.Equal(1, fileSystem.GetMetadata(a).Length);
        Assert.Equal(2, fileSystem.GetMetadata(c).Length);
        Assert.Equal(c, fileSystem.Lookup(root, "b")?.Node);
        fileSystem.Rename(root, "B", root, "b");
        Assert.Equal("b", fileSystem.Lookup(root, "B")?.Name);
    }

    private static string Make(ScratchDirectory scratch, string mkfs, int kibibytes)
    {
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"yes stale-junk- | head -c {kibibytes}K > '{image}'; mkfs.fat {mkfs} -i 1234ABCD '{image}'");
        return image;
    }

    private static void AssertClean(string image)
    {
        var check = Tool.Run("fsck.fat", "-n", image);
        Assert.True(check.ExitCode == 0, check.Output);
    }
}
