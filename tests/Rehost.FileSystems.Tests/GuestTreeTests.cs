using System.Text;
using Rehost.Model;

namespace Rehost.FileSystems.Tests;

public sealed class GuestTreeTests : IDisposable
{
    private readonly InMemoryFileSystem _root = new();
    private readonly GuestTree _tree;

    public GuestTreeTests() => _tree = new GuestTree(_root);

    public void Dispose() => _root.Dispose();

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string IdOf(Action action) => Assert.Throws<DiagnosticException>(action).Diagnostic.Id;

    private void File(string path, string content = "")
    {
        _tree.CreateDirectories(path[..path.LastIndexOf('/')]);
        _tree.WriteFile(path, Bytes(content));
    }

    private void Link(string path, string target)
    {
        _tree.CreateDirectories(path[..path.LastIndexOf('/')]);
        _tree.CreateSymbolicLink(path, target);
    }

    [Fact]
    public void Children_are_sorted_see_what_is_mounted_and_are_loaded_one_by_one()
    {
        File("/b/file");
        File("/a");
        _tree.CreateDirectories("/c");
        Link("/d", "/b");
        using var other = new InMemoryFileSystem();
        other.CreateFile(other.Root, "inside", new NodeAttributes(0x1A4));
        _tree.Mount("/c", other);
        var children = _tree.Children(_tree.Resolve("/")).ToList();
        Assert.Equal([("/a", NodeKind.File), ("/b", NodeKind.Directory), ("/c", NodeKind.Directory), ("/d", NodeKind.SymbolicLink)], children.Select(child => (child.Path, child.Kind)));
        Assert.All(children, child => Assert.Equal(_tree.Resolve(child.Path, followLast: false), child));
        Assert.Equal(["/c/inside"], _tree.Children(children[2]).Select(child => child.Path));
        Assert.Equal("FIL002", IdOf(() => _tree.Children(children[0])));
    }

    [Theory]
    [InlineData("/etc/passwd", "/etc/passwd")]
    [InlineData("etc//./passwd", "/etc/passwd")]
    [InlineData("/../../etc/../etc/passwd", "/etc/passwd")]
    [InlineData("/absolute/passwd", "/etc/passwd")]
    [InlineData("/relative/passwd", "/etc/passwd")]
    [InlineData("/escape/etc/passwd", "/etc/passwd")]
    [InlineData("/chain/passwd", "/etc/passwd")]
    [InlineData("/etc/", "/etc")]
    [InlineData("/", "/")]
    [InlineData("", "/")]
    [InlineData("/deep/up/passwd", "/etc/passwd")]
    public void Paths_resolve_inside_the_guest(string path, string canonical)
    {
        File("/etc/passwd", "root");
        Link("/absolute", "/etc");
        Link("/relative", "./etc/");
        Link("/escape", "../../../..");
        Link("/chain", "absolute");
        Link("/deep/up", "../etc");
        Assert.Equal(canonical, _tree.CanonicalPath(path));
    }

    [Theory]
    [InlineData("/missing")]
    [InlineData("/etc/passwd/x")]
    [InlineData("/etc/passwd/..")]
    [InlineData("/etc/passwd/")]
    [InlineData("/dangling")]
    [InlineData("/link-to-file/")]
    [InlineData("/missing/..")]
    public void Paths_that_lead_nowhere(string path)
    {
        File("/etc/passwd", "root");
        Link("/dangling", "/nowhere");
        Link("/link-to-file", "/etc/passwd");
        Assert.Null(_tree.TryResolve(path));
        Assert.False(_tree.Exists(path));
        Assert.Equal("FIL001", IdOf(() => _tree.ReadAllBytes(path, 10)));
    }

    [Fact]
    public void A_link_at_the_end_is_followed_only_when_asked()
    {
        File("/etc/real", "x");
        Link("/etc/link", "real");
        Assert.Equal(NodeKind.SymbolicLink, _tree.Resolve("/etc/link", followLast: false).Kind);
        Assert.Equal("/etc/link", _tree.Resolve("/etc/link", followLast: false).Path);
        Assert.Equal("/etc/real", _tree.Resolve("/etc/link").Path);
        Assert.Equal("real", _tree.ReadLink("/etc/link"));
        Assert.Equal("FIL002", IdOf(() => _tree.ReadLink("/etc/real")));
    }

    [Fact]
    public void Circular_links_are_refused()
    {
        Link("/a", "b");
        Link("/b", "a");
        Link("/self", "self/x");
        Assert.Equal("FIL005", IdOf(() => _tree.TryResolve("/a")));
        Assert.Equal("FIL005", IdOf(() => _tree.TryResolve("/self")));
        Assert.Equal("FIL005", IdOf(() => _tree.WriteFile("/a", [1])));
        Assert.False(_tree.Exists("/a"));
        Assert.Empty(_tree.Glob("/a/*"));
        Assert.Equal(["/a"], _tree.Glob("/[a]"));
    }

    [Fact]
    public void Forty_links_are_followed_and_forty_one_are_not()
    {
        File("/l0", "end");
        for (var i = 1; i <= 41; i++)
        {
            Link($"/l{i}", $"/l{i - 1}");
        }

        Assert.Equal("end", _tree.ReadText("/l40"));
        Assert.Equal("FIL005", IdOf(() => _tree.ReadText("/l41")));
    }

    [Fact]
    public void Mounts_are_crossed_down_up_and_through_links()
    {
        var boot = new InMemoryFileSystem();
        var efi = new InMemoryFileSystem();
        File("/boot/hidden", "x");
        File("/etc/fstab", "f");
        Link("/kernel", "/boot/vmlinuz");
        _tree.Mount("/boot", boot);
        _tree.CreateDirectories("/boot/efi");
        _tree.Mount("/boot/../boot/efi", efi);
        _tree.WriteFile("/boot/vmlinuz", Bytes("k"));
        _tree.WriteFile("/boot/efi/x", Bytes("e"));
        _tree.CreateSymbolicLink("/boot/efi/up", "../../etc/fstab");
        _tree.CreateSymbolicLink("/boot/absolute", "/etc/fstab");

        Assert.Equal("k", _tree.ReadText("/kernel"));
        Assert.Equal("f", _tree.ReadText("/boot/efi/up"));
        Assert.Equal("f", _tree.ReadText("/boot/absolute"));
        Assert.False(_tree.Exists("/boot/hidden"));
        Assert.Equal(["absolute", "efi", "vmlinuz"], _tree.List("/boot").Select(entry => entry.Name));
        Assert.Same(efi, _tree.Resolve("/boot/efi").FileSystem);
        Assert.Equal(["/boot/efi/up", "/boot/efi/x"], _tree.Glob("/boot/e*/*"));
        Assert.NotNull(boot.Lookup(boot.Root, "vmlinuz"));
        Assert.Equal(["/", "/boot", "/boot/efi"], _tree.Mounts.Select(mount => mount.Path));
        Assert.Equal("FIL003", IdOf(() => _tree.Mount("/boot", new InMemoryFileSystem())));
        Assert.Equal("FIL003", IdOf(() => _tree.Mount("/", new InMemoryFileSystem())));
        Assert.Equal("FIL003", IdOf(() => _tree.Mount("/etc", efi)));
        Assert.Equal("FIL001", IdOf(() => _tree.Mount("/no", new InMemoryFileSystem())));
        Assert.Equal("FIL002", IdOf(() => _tree.Mount("/etc/fstab", new InMemoryFileSystem())));
        Assert.Equal("FIL002", IdOf(() => _tree.Rename("/etc/fstab", "/boot/fstab")));
        Assert.Equal("FIL002", IdOf(() => _tree.Rename("/boot", "/boot2")));
        _tree.Flush();
        Assert.Equal([1, 1, 1], new[] { _root.Flushes, boot.Flushes, efi.Flushes });
    }

    [Theory]
    [InlineData("/boot/vmlinuz-*", "/boot/vmlinuz-5.10 /boot/vmlinuz-6.1")]
    [InlineData("/boot/vmlinuz-?.?", "/boot/vmlinuz-6.1")]
    [InlineData("/boot/vmlinuz-[0-5]*", "/boot/vmlinuz-5.10")]
    [InlineData("/boot/vmlinuz-[!0-5]*", "/boot/vmlinuz-6.1")]
    [InlineData("/lib/modules/*/modules.dep", "/lib/modules/6.1/modules.dep")]
    [InlineData("/l?b/**/virtio*.ko", "/lib/modules/6.1/kernel/a/virtio_blk.ko /lib/modules/6.1/virtio.ko")]
    [InlineData("/usr/lib/**/*.ko", "/usr/lib/modules/6.1/kernel/a/virtio_blk.ko /usr/lib/modules/6.1/virtio.ko")]
    [InlineData("/usr/lib/modules/6.1/**", "/usr/lib/modules/6.1/kernel /usr/lib/modules/6.1/kernel/a /usr/lib/modules/6.1/kernel/a/virtio_blk.ko /usr/lib/modules/6.1/modules.dep /usr/lib/modules/6.1/virtio.ko")]
    [InlineData("/**/modules.dep", "/usr/lib/modules/6.1/modules.dep")]
    [InlineData("/boot/*", "/boot/dangling /boot/vmlinuz-5.10 /boot/vmlinuz-6.1")]
    [InlineData("/boot/.*", "/boot/.hidden")]
    [InlineData("/boot/dangling", "/boot/dangling")]
    [InlineData("/boot/missing", "")]
    [InlineData("/missing/*", "")]
    [InlineData("/boot/vmlinuz-6.1/*", "")]
    [InlineData("/boot/[", "")]
    [InlineData("/", "/")]
    public void Glob(string pattern, string expected)
    {
        File("/boot/vmlinuz-6.1");
        File("/boot/vmlinuz-5.10");
        File("/boot/.hidden");
        Link("/boot/dangling", "/nowhere");
        File("/usr/lib/modules/6.1/modules.dep");
        File("/usr/lib/modules/6.1/virtio.ko");
        File("/usr/lib/modules/6.1/kernel/a/virtio_blk.ko");
        Link("/lib", "usr/lib");
        Assert.Equal(expected, string.Join(' ', _tree.Glob(pattern)));
    }

    [Theory]
    [InlineData("*a*b*c", "xxaxxbxxc", true)]
    [InlineData("*a*b*c", "xxaxxbxxcd", false)]
    [InlineData("[]]", "]", true)]
    [InlineData("[!]]", "]", false)]
    [InlineData("[a-]", "-", true)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[^a-c]x", "bx", false)]
    [InlineData("[ab", "[ab", true)]
    [InlineData("**", "anything", true)]
    [InlineData("", "", true)]
    [InlineData("?", "", false)]
    public void Glob_of_one_component(string pattern, string name, bool matches) => Assert.Equal(matches, GuestGlob.Matches(pattern, name));

    [Fact]
    public void Glob_patterns_made_to_explode_stay_quick()
    {
        var pattern = string.Concat(Enumerable.Repeat("*a", 60)) + "b";
        Assert.False(GuestGlob.Matches(pattern, new string('a', 255)));
    }

    [Fact]
    public void Reading_refuses_what_is_too_large_or_no_file()
    {
        File("/big");
        _root.SetLength(_tree.Resolve("/big").Node, long.MaxValue / 2);
        _tree.CreateDirectories("/dir");
        Assert.Equal("FIL007", IdOf(() => _tree.ReadText("/big")));
        Assert.Equal("FIL007", IdOf(() => _tree.ReadAllBytes("/big", long.MaxValue)));
        Assert.Equal("FIL002", IdOf(() => _tree.ReadText("/dir")));
        Assert.Equal("FIL002", IdOf(() => Assert.Empty(_tree.List("/big"))));
    }

    [Fact]
    public void Text_is_decoded_without_loss()
    {
        byte[] latin = [.. Bytes("gr"), 0xFC, .. Bytes("n\r\n")];
        _tree.WriteFile("/motd", latin);
        Assert.Equal(latin, GuestText.Encode(_tree.ReadText("/motd")));
    }

    [Fact]
    public void Overwriting_keeps_what_is_not_content()
    {
        File("/etc/real", "a long first content");
        Link("/etc/link", "real");
        _tree.SetMode("/etc/real", 0x180);
        _tree.SetOwner("/etc/real", 5, 6);
        _tree.SetExtendedAttribute("/etc/real", "user.x", [1]);
        var before = _tree.Resolve("/etc/real");

        var after = _tree.WriteFile("/etc/link", Bytes("short"), new NodeAttributes(0x1FF), "other:label");

        Assert.Equal(before.Metadata with { Length = 5 }, after.Metadata);
        Assert.Equal("short", _tree.ReadText("/etc/real"));
        Assert.Equal(["user.x"], _tree.GetExtendedAttributes("/etc/link").Keys);
        Assert.Equal(NodeKind.SymbolicLink, _tree.Resolve("/etc/link", followLast: false).Kind);
    }

    [Fact]
    public void Segments_are_written_one_after_another()
    {
        File("/initrd", new string('x', 100));
        ReadOnlyMemory<byte>[] segments = [Bytes("one "), ReadOnlyMemory<byte>.Empty, Bytes("two")];
        Assert.Equal(7, _tree.WriteFile("/initrd", segments).Metadata.Length);
        Assert.Equal("one two", _tree.ReadText("/initrd"));
        _tree.WriteFile("/new", segments, new NodeAttributes(0x180, 1, 2));
        Assert.Equal(0x180, _tree.Resolve("/new").Metadata.Permissions);
    }

    [Fact]
    public void A_dangling_link_is_written_through()
    {
        Link("/etc/link", "../run/target");
        Assert.Equal("FIL001", IdOf(() => _tree.WriteFile("/etc/link", [1])));
        _tree.CreateDirectories("/run");
        Assert.Equal("/run/target", _tree.WriteFile("/etc/link", [1]).Path);
        Assert.True(_tree.Exists("/run/target"));
    }

    [Fact]
    public void New_files_get_the_label_of_their_neighbours()
    {
        static byte[] Label(string type) => Bytes($"system_u:object_r:{type}:s0\0");
        File("/etc/shadow");
        File("/etc/hosts");
        File("/etc/fstab");
        File("/etc/plain");
        _tree.CreateDirectories("/etc/empty");
        _tree.SetExtendedAttribute("/etc", GuestLabel.AttributeName, Label("dir_t"));
        _tree.SetExtendedAttribute("/etc/shadow", GuestLabel.AttributeName, Label("shadow_t"));
        _tree.SetExtendedAttribute("/etc/hosts", GuestLabel.AttributeName, Label("etc_t"));
        _tree.SetExtendedAttribute("/etc/fstab", GuestLabel.AttributeName, Label("etc_t"));
        _tree.SetExtendedAttribute("/etc/empty", GuestLabel.AttributeName, Label("empty_t"));

        _tree.WriteFile("/etc/new", [1]);
        _tree.WriteFile("/etc/chosen", [1], labelIfNew: "system_u:object_r:chosen_t:s0");
        _tree.WriteFile("/etc/empty/new", [1]);
        _tree.CreateDirectories("/etc/sub/sub");
        _tree.CreateSymbolicLink("/etc/link", "new");
        _tree.WriteFile("/outside", [1]);

        Assert.Equal(Label("etc_t"), _tree.GetExtendedAttributes("/etc/new")[GuestLabel.AttributeName]);
        Assert.Equal(Label("chosen_t"), _tree.GetExtendedAttributes("/etc/chosen")[GuestLabel.AttributeName]);
        Assert.Equal(Label("empty_t"), _tree.GetExtendedAttributes("/etc/empty/new")[GuestLabel.AttributeName]);
        Assert.Equal(Label("dir_t"), _tree.GetExtendedAttributes("/etc/sub/sub")[GuestLabel.AttributeName]);
        Assert.Equal(Label("dir_t"), _tree.GetExtendedAttributes("/etc/link", followLast: false)[GuestLabel.AttributeName]);
        Assert.Empty(_tree.GetExtendedAttributes("/outside"));
    }

    [Fact]
    public void Deleting_takes_the_link_and_not_its_target()
    {
        File("/real", "x");
        Link("/link", "real");
        Assert.True(_tree.DeleteFile("/link"));
        Assert.False(_tree.DeleteFile("/link"));
        Assert.True(_tree.Exists("/real"));
        _tree.CreateDirectories("/dir");
        Assert.Equal("FIL002", IdOf(() => _tree.DeleteFile("/dir")));
        Assert.Equal("FIL002", IdOf(() => _tree.DeleteFile("/")));
    }

    [Fact]
    public void Directories_are_made_through_links_and_not_through_files()
    {
        Link("/var/lib", "../srv/lib");
        _tree.CreateDirectories("/srv/lib");
        Assert.Equal("/srv/lib/a/b", _tree.CreateDirectories("/var/lib/a/b", new NodeAttributes(0x1C0, 7, 8)).Path);
        Assert.Equal(0x1C0, _tree.Resolve("/srv/lib/a").Metadata.Permissions);
        Assert.Equal(0x1ED, _tree.Resolve("/srv").Metadata.Permissions);
        File("/file");
        Assert.Equal("FIL002", IdOf(() => _tree.CreateDirectories("/file/x")));
    }

    [Fact]
    public void Links_are_replaced_only_when_asked()
    {
        File("/etc/localtime", "x");
        Assert.Equal("FIL003", IdOf(() => _tree.CreateSymbolicLink("/etc/localtime", "/zone")));
        _tree.CreateSymbolicLink("/etc/localtime", "/zone", replace: true);
        var first = _tree.Resolve("/etc/localtime", followLast: false).Node;
        _tree.CreateSymbolicLink("/etc/localtime", "/zone", replace: true);
        Assert.Equal(first, _tree.Resolve("/etc/localtime", followLast: false).Node);
        Assert.Equal("/zone", _tree.ReadLink("/etc/localtime"));
        Assert.Equal("FIL002", IdOf(() => _tree.CreateSymbolicLink("/etc", "/x", replace: true)));
        Assert.Equal("FIL001", IdOf(() => _tree.CreateSymbolicLink("/no/x", "/x")));
    }

    [Fact]
    public void Renaming()
    {
        File("/a/one", "1");
        File("/b/two", "2");
        _tree.Rename("/a/one", "/b/two");
        Assert.Equal("1", _tree.ReadText("/b/two"));
        Assert.False(_tree.Exists("/a/one"));
        Assert.Equal("FIL001", IdOf(() => _tree.Rename("/a/one", "/a/x")));
        Assert.Equal("FIL001", IdOf(() => _tree.Rename("/b/two", "/no/x")));
    }
}
