using Rehost.Blocks;
using Rehost.FileSystems.Ntfs;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>Aliases of 8.3 characters, symbolic links and further names that our code makes, as ntfs-3g sees them.</summary>
public sealed class NtfsNamesTests
{
    /// <summary>Gives a volume what Windows leaves on one whose names have aliases.</summary>
    private const string WithAliases = "mkdir 'System Volume Information' 'Program Files'; setfattr -h -n system.ntfs_dos_name -v 'SYSTEM~1' 'System Volume Information'; setfattr -h -n system.ntfs_dos_name -v 'PROGRA~1' 'Program Files'";

    [Theory]
    [InlineData("SomeStuff.aspx", 0xBC84)] // as Windows computes it, from Tom Galvin's description
    [InlineData("", 0)]
    public void Checksums_are_those_of_Windows(string name, int expected) => Assert.Equal(expected, ShortAlias.Checksum(name));

    [Theory]
    [InlineData("SomeStuff.aspx", "SOMEST~1.ASP")]
    [InlineData("1+2+3 Hello World.exe", "1_2_3H~1.EXE")]
    [InlineData("a.testing.file.bat", "ATESTI~1.BAT")]
    [InlineData("Program Files (x86)", "PROGRA~1")]
    [InlineData(".profile", "PROFIL~1")]
    [InlineData("grüße", "GR__E~1")]
    [InlineData("a b", "AB~1")]
    [InlineData("x.jpeg", "X~1.JPE")]
    public void Aliases_are_made_as_Windows_makes_them(string name, string expected)
    {
        Assert.False(ShortAlias.IsShort(name));
        Assert.Equal(expected, ShortAlias.Make(name, _ => false));
    }

    [Fact]
    public void New_long_names_get_aliases_where_the_volume_has_them()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 32);
        NtfsImages.Fill(image, mount, WithAliases);
        var expected = new Dictionary<string, string>(StringComparer.Ordinal);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = Open(device))
        {
            var tree = new GuestTree(fileSystem);
            var files = tree.Resolve("/PROGRA~1").Node;
            tree.CreateDirectories("/Program Files/Some Vendor/drivers");
            tree.WriteFile("/Program Files/Some Vendor/readme.txt", "short"u8);
            tree.WriteFile("/Program Files/Some Vendor/A service with a long name.exe", "x"u8);
            Assert.Equal("/Program Files/Some Vendor/A service with a long name.exe", tree.CanonicalPath("/progra~1/someve~1/aservi~1.exe"));

            // Unique, whatever was there before, also a name that somebody chose.
            tree.WriteFile("/SOMEST~2.ASP", "taken"u8);
            for (var i = 0; i < 400; i++)
            {
                tree.WriteFile($"/SomeStuff number {i}.aspx", "x"u8);
            }

            tree.WriteFile("/SomeStuff.aspx", "x"u8);
            Assert.Equal("taken", tree.ReadText("/somest~2.asp"));
            Assert.True(tree.Exists("/SOBC84~1.ASP"));

            fileSystem.Rename(fileSystem.Root, "SomeStuff number 7.aspx", files, "another name.text");
            Assert.Equal("another name.text", fileSystem.Lookup(files, "ANOTHE~1.TEX")?.Name);
            fileSystem.Rename(files, "another name.text", files, "short.txt");
            Assert.Null(fileSystem.Lookup(files, "ANOTHE~1.TEX"));
            tree.DeleteFile("/SomeStuff number 9.aspx");
            fileSystem.CreateHardLink(files, "a further name of it", tree.Resolve("/SomeStuff number 8.aspx").Node);
            fileSystem.Rename(files, "a further name of it", fileSystem.Root, "a further name of it, moved");
            Assert.Null(fileSystem.Lookup(fileSystem.Root, "AFURTH~1"));
            tree.Flush();
            foreach (var path in tree.Glob("/SomeStuff*"))
            {
                expected[path] = "";
            }
        }

        Assert.Equal(399, expected.Count);
        AssertSame(image, mount, scratch, directory =>
        {
            var aliases = Tool.MustRun("bash", "-c", $"cd '{directory}'; for f in SomeStuff*; do getfattr -h -n system.ntfs_dos_name --only-values \"$f\" 2>/dev/null || echo -n \"none-$f\"; echo; done").Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.DoesNotContain(aliases, alias => alias.StartsWith("none", StringComparison.Ordinal) && alias != "none-SomeStuff number 8.aspx"); // ntfs-3g shows none for files with further names
            Assert.Equal(399, aliases.Distinct(StringComparer.OrdinalIgnoreCase).Count());
            Assert.All(aliases, alias => Assert.Matches("^none|^SO[0-9A-F]{4}~[1-9]\\.ASP$|^SOMEST~[134]\\.ASP$", alias));
            Assert.Equal("readme.txt", Tool.MustRun("getfattr", "-h", "-n", "system.ntfs_dos_name", "--only-values", "--absolute-names", $"{directory}/Program Files/Some Vendor/readme.txt"), ignoreCase: true);
        });
    }

    [Theory]
    [InlineData(true, null, true)]
    [InlineData(false, null, false)]
    [InlineData(true, false, false)] // the registry says so
    [InlineData(false, true, true)]
    public void The_volume_or_the_caller_says_whether_names_get_aliases(bool hasAliases, bool? option, bool expected)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, scratch["mount"], hasAliases ? WithAliases : "mkdir 'System Volume Information'");
        using var device = FileDevice.OpenReadWrite(image);
        using var fileSystem = Open(device, option);
        fileSystem.CreateFile(fileSystem.Root, "A name of some length", default);
        Assert.Equal(expected, fileSystem.Lookup(fileSystem.Root, "ANAMEO~1") is not null);
        fileSystem.Flush();
        Assert.Null(NtfsImages.FindFault(image));
    }

    [Fact]
    public void Symbolic_links_are_made_as_Windows_makes_them()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 48);
        NtfsImages.Fill(image, mount, WithAliases);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = Open(device))
        {
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/Users/All");
            tree.WriteFile("/Users/All/file", "found"u8);
            tree.CreateSymbolicLink("/Users/to a file", "All/file");
            tree.CreateSymbolicLink("/Users/All/up", "../All/./file");
            tree.CreateSymbolicLink("/to a directory", "Users/All");
            tree.CreateSymbolicLink("/from the root", "/Users/All/file");
            tree.CreateSymbolicLink("/nowhere", "not/there");
            foreach (var path in (string[])["/Users/to a file", "/Users/All/up", "/to a directory/file", "/from the root", "/TOADIR~1/file"])
            {
                Assert.Equal("found", tree.ReadText(path));
            }

            Assert.Equal(("/Users/All/file", "not/there"), (tree.ReadLink("/from the root"), tree.ReadLink("/nowhere")));
            foreach (var target in (string[])["", "a:b", "C:\\x", "//server/share", "x/nul", new string('x', 5000)])
            {
                Assert.Equal("FIL009", Assert.Throws<DiagnosticException>(() => fileSystem.CreateSymbolicLink(fileSystem.Root, "bad", target, default)).Diagnostic.Id);
            }

            // The index of reparse points grows into blocks, and shrinks.
            tree.CreateDirectories("/many");
            for (var i = 0; i < 600; i++)
            {
                tree.CreateSymbolicLink($"/many/link {i}", $"../Users/All/file {i}");
            }

            for (var i = 0; i < 600; i += 2)
            {
                tree.DeleteFile($"/many/link {i}");
            }

            tree.Rename("/many/link 1", "/renamed");
            tree.Flush();
        }

        AssertSame(image, mount, scratch, directory =>
        {
            Assert.Equal("found", File.ReadAllText(Path.Combine(directory, "Users", "to a file")));
            Assert.Equal("found", File.ReadAllText(Path.Combine(directory, "to a directory", "file")));
            Assert.Equal("found", File.ReadAllText(Path.Combine(directory, "from the root")));
            Assert.Equal(299, Directory.GetFiles(Path.Combine(directory, "many")).Length);
        });

        // ntfs-3g keeps the index of reparse points itself when it removes one of ours and makes one of its own.
        NtfsImages.Fill(image, mount, "rm 'many/link 3' 'to a directory'; ln -s x made; rm -r many");
        Assert.Null(NtfsImages.FindFault(image));
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = Open(device))
        {
            fileSystem.Unlink(fileSystem.Root, "made");
            fileSystem.Unlink(fileSystem.Root, "renamed");
            fileSystem.Flush();
        }

        Assert.Null(NtfsImages.FindFault(image));
    }

    [Fact]
    public void Files_get_further_names()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 48);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = Open(device))
        {
            var tree = new GuestTree(fileSystem);
            tree.WriteFile("/file", "content"u8);
            tree.CreateDirectories("/d");
            var (file, directory) = (tree.Resolve("/file").Node, tree.Resolve("/d").Node);
            for (var i = 0; i < 120; i++)
            {
                fileSystem.CreateHardLink(directory, $"a further name of the file, number {i}", file);
            }

            Assert.Equal("FIL003", Assert.Throws<DiagnosticException>(() => fileSystem.CreateHardLink(directory, "A further name of the file, number 7", file)).Diagnostic.Id);
            Assert.Equal("FIL002", Assert.Throws<DiagnosticException>(() => fileSystem.CreateHardLink(fileSystem.Root, "again", directory)).Diagnostic.Id);
            fileSystem.Unlink(fileSystem.Root, "file");
            tree.WriteFile("/d/a further name of the file, number 3", "changed"u8);
            Assert.Equal(120u, tree.Resolve("/d/a further name of the file, number 119").Metadata.Links);
            tree.Flush();
        }

        AssertSame(image, mount, scratch, directory => Assert.Equal("120", Tool.MustRun("stat", "-c", "%h", $"{directory}/d/a further name of the file, number 5").Trim()));
    }

    private static NtfsFileSystem Open(FileDevice device, bool? shortNames = null)
        => NtfsFileSystem.Open(device, new FileSystemOpenOptions { Timestamp = DateTimeOffset.UnixEpoch.AddYears(50), ShortNames = shortNames });

    private static void AssertSame(string image, string mount, ScratchDirectory scratch, Action<string> look)
    {
        Assert.Null(NtfsImages.FindFault(image));
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = Open(device);
        Assert.Empty(fileSystem.Check());
        Directory.CreateDirectory(mount);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro,streams_interface=xattr"))
        {
            look(mount);
            MountedTreeLinks(new GuestTree(fileSystem), mount);
        }

        static void MountedTreeLinks(GuestTree tree, string directory)
        {
            foreach (var path in tree.Glob("/*"))
            {
                Assert.True(File.Exists(directory + path) || Directory.Exists(directory + path) || new FileInfo(directory + path).LinkTarget is not null, path);
            }
        }
    }
}
