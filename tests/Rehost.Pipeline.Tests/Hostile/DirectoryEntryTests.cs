using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hostile;

/// <summary>Directory entries that no kernel would make: names with slashes, and a link and a directory of one name. Copied out, they stay in the directory given.</summary>
public sealed class DirectoryEntryTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("../../evil")]
    [InlineData("/tmp/evil0")]
    [InlineData("..")]
    [InlineData("a\0b")]
    public void A_name_that_is_a_path_is_no_name(string name)
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["tree/sub"]);
        File.WriteAllText(scratch["tree/sub/" + new string('N', name.Length)], "evil");
        File.WriteAllText(scratch["tree/sub/other"], "fine");
        var disk = Make(scratch);
        Patch(disk, new string('N', name.Length), name);
        Directory.CreateDirectory(scratch["out"]);
        using var guest = Open(disk);

        if (name == "..")
        {
            FileExtraction.Get(guest, "/sub", scratch["out"], NoStop); // one more way up, which is what all directories have
            Assert.Equal(["other"], Directory.GetFileSystemEntries(scratch["out/sub"]).Select(path => Path.GetFileName(path)));
        }
        else
        {
            Assert.Equal("EXT009", Assert.Throws<DiagnosticException>(() => FileExtraction.Get(guest, "/sub", scratch["out"], NoStop)).Diagnostic.Id);
        }

        Assert.Equal(["disk.img", "out", "tree"], Directory.GetFileSystemEntries(scratch.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.False(File.Exists("/tmp/evil0"));
    }

    [Fact]
    public void A_link_and_a_directory_of_one_name_do_not_lead_out()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["tree/sub/DDDD1"]);
        Directory.CreateDirectory(scratch["victim"]);
        File.WriteAllText(scratch["tree/sub/DDDD1/planted"], "evil");
        File.CreateSymbolicLink(scratch["tree/sub/DDDD0"], scratch["victim"]);
        var disk = Make(scratch);
        Patch(disk, "DDDD1", "DDDD0");
        Directory.CreateDirectory(scratch["out"]);
        using var guest = Open(disk);

        try
        {
            FileExtraction.Get(guest, "/sub", scratch["out"], NoStop);
        }
        catch (DiagnosticException e)
        {
            Assert.Equal("FLE002", e.Diagnostic.Id);
        }

        Assert.Empty(Directory.GetFileSystemEntries(scratch["victim"]));
    }

    private static GuestFiles Open(string disk) => GuestFiles.Open(new SourceRequest(disk), null, Path.GetTempPath(), null, NoStop);

    private static string Make(ScratchDirectory scratch)
    {
        Tool.MustRun("truncate", "-s", "8M", scratch["disk.img"]);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum,^dir_index,^has_journal", "-E", "root_owner=0:0", "-d", scratch["tree"], scratch["disk.img"]);
        return scratch["disk.img"];
    }

    // An entry of ext4: inode, length, length of the name, kind, name (fs/ext4/ext4.h, ext4_dir_entry_2).
    private static void Patch(string disk, string before, string after)
    {
        var bytes = File.ReadAllBytes(disk);
        var at = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(before));
        Assert.True(at > 8);
        Encoding.ASCII.GetBytes(after).CopyTo(bytes.AsSpan(at));
        bytes[at - 2] = (byte)after.Length;
        File.WriteAllBytes(disk, bytes);
    }
}
