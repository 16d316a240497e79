using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>Large directories, maps and file systems, and those that have no room: correct, or refused before anything is written.</summary>
public sealed class XfsLimitTests
{
    [Fact]
    public void A_file_system_of_16_tebibytes_is_edited()
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"truncate -s 17592186040320 '{image}' && mkfs.xfs -q -l size=64m -m rmapbt=1 '{image}'");
        Edit(image, tree =>
        {
            tree.CreateDirectories("/etc");
            tree.WriteFile("/etc/fstab", "text"u8);
            for (var i = 0; i < 100; i++)
            {
                tree.CreateDirectories($"/etc/d{i}");
                tree.WriteFile($"/etc/d{i}/f", new byte[5000 * (i + 1)]);
            }
        });
        Assert.Null(XfsProfile.FindFault(image));
        Directory.CreateDirectory(scratch["mounted"]);
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Assert.Equal("text", File.ReadAllText(Path.Combine(scratch["mounted"], "etc", "fstab")));
            Assert.Equal(5000 * 101 * 50, Directory.GetFiles(scratch["mounted"], "f", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length));
        }
    }

    [Theory]
    [InlineData("-m rmapbt=1 -b size=1024")]
    [InlineData("-m crc=1,finobt=0,reflink=0 -i sparse=0")]
    public void A_directory_of_100_000_entries_and_a_file_of_10_000_extents_are_edited(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var image = new XfsProfile("large", mkfs, 300)
        {
            Script = """
                mkdir many; cd many; seq -f 'name-%.0f' 100000 | xargs touch; cd ..
                for i in $(seq 0 2 20002); do echo "pwrite -q $((i * 4096)) 4096"; done | xfs_io -f pieces > /dev/null
                """,
        }.Make(scratch);
        Edit(image, tree =>
        {
            for (var i = 1; i <= 8; i++)
            {
                tree.WriteFile($"/many/new-{i}", "x"u8);
                tree.DeleteFile($"/many/name-{i * 77}");
            }

            var (file, fileSystem) = (tree.Resolve("/pieces").Node, tree.Resolve("/pieces").FileSystem);
            for (var i = 0; i < 30; i++)
            {
                fileSystem.Write(file, ((i * 500L) + 1) * 4096, new byte[] { 1, 2, 3 });
            }

            fileSystem.SetLength(file, 15000L * 4096);
        });
        Assert.Null(XfsProfile.FindFault(image));
        using (new Mounted(image, scratch["prepare"], "-o", "loop"))
        {
            Assert.Equal("100000", Tool.MustRun("bash", "-c", $"ls -U '{scratch["prepare"]}/many' | wc -l").Trim());
            Assert.Equal("x", File.ReadAllText(Path.Combine(scratch["prepare"], "many", "new-8")));
            Tool.MustRun("bash", "-c", $"cd '{scratch["prepare"]}'; echo y > many/after; test ! -e many/name-77; rm many/new-1 many/name-99999; truncate -s 5000 pieces");
        }

        Assert.Null(XfsProfile.FindFault(image));
    }

    [Theory]
    [InlineData("-i maxpct=1")]
    [InlineData("-i maxpct=1 -m rmapbt=1 -b size=1024")]
    [InlineData("-m crc=0,finobt=0 -b size=512 -i size=256,maxpct=1")]
    public void Without_room_for_inodes_nothing_is_changed(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var image = new XfsProfile("few inodes", mkfs, 96).Make(scratch);
        Edit(image, tree =>
        {
            tree.CreateDirectories("/d");
            var count = 0;
            var refused = Assert.Throws<DiagnosticException>(() =>
            {
                for (; count < 20_000; count++)
                {
                    tree.WriteFile($"/d/{count}", ""u8);
                }
            });
            Assert.Equal("FIL004", refused.Diagnostic.Id);
            tree.Flush();
            Assert.Null(XfsProfile.FindFault(image));
            Assert.Equal(count, tree.List("/d").Count());
            tree.DeleteFile("/d/0");
            tree.WriteFile("/d/other", "x"u8);
        });
        Assert.Null(XfsProfile.FindFault(image));
    }

    private static void Edit(string image, Action<GuestTree> edit)
    {
        using var device = FileDevice.OpenReadWrite(image);
        using var fileSystem = XfsProfile.Open(device);
        Assert.Null(fileSystem.Info.ReadOnlyReason);
        edit(new GuestTree(fileSystem));
        fileSystem.Flush();
        Assert.Empty(fileSystem.Check());
    }
}
