using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hostile;

/// <summary>What holds a guest's data is its owner's alone, whatever the umask; nothing is left in directories that others can write to, and nothing there is followed.</summary>
public sealed class PrivacyOfFilesTests : IDisposable
{
    private const string OnlyOwner = "600";
    private readonly ScratchDirectory _scratch = new();

    [Theory]
    [InlineData("000")]
    [InlineData("077")]
    public void Every_file_of_a_target_is_its_owners_alone(string umask)
    {
        var root = MakeGuest();
        (string, string[])[] targets = [("kvm", ["--disk-format", "raw"]), ("xen", ["--xen-boot", "direct"]), ("xenserver", []), ("vmware", []), ("openstack", [])];
        foreach (var (target, options) in umask == "000" ? targets : targets[..1])
        {
            var output = _scratch[$"{target}{options.LastOrDefault()}"];
            var result = Under(umask, ["convert", root, "--device-name", "xvda1", "--to", target, "--output", output, .. options]);
            Assert.True(result.ExitCode == 0, result.Error);
            Assert.All(Directory.GetFiles(output), file => Assert.Equal(OnlyOwner, ModeOf(file)));
        }

        Assert.Equal(0, Under(umask, ["image", "convert", root, _scratch["copy.qcow2"]]).ExitCode);
        Assert.Equal(OnlyOwner, ModeOf(_scratch["copy.qcow2"]));
        Directory.CreateDirectory(_scratch["got"]);
        Assert.Equal(0, Under(umask, ["files", "get", root, "/open", _scratch["got"]]).ExitCode);
        Assert.Equal("700", ModeOf(_scratch["got/open"]));
        Assert.Equal("755", ModeOf(_scratch["got/open/all"])); // 4777 in the guest: no set-id bit, and nobody else writes
    }

    [Fact]
    public void Scratch_files_have_names_that_nobody_foresees_and_are_gone_at_once()
    {
        var root = MakeGuest();
        Directory.CreateDirectory(_scratch["shared"]);
        File.SetUnixFileMode(_scratch["shared"], (UnixFileMode)0x3FF);
        var trace = Tool.Run("env", $"TMPDIR={_scratch["shared"]}", CommandLine.Program, "files", "ls", root, "/");
        Assert.Equal(0, trace.ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(_scratch["shared"]));
    }

    /// <summary>An attacker who shares the directory has put links where our files go.</summary>
    [Fact]
    public void A_link_in_the_place_of_a_file_is_not_written_through()
    {
        var root = MakeGuest();
        File.WriteAllText(_scratch["victim"], "mine");
        Directory.CreateDirectory(_scratch["out"]);
        foreach (var name in (string[])["guest-vda.img.partial", "report.json.partial", "guest.xml.partial", "guest-vda.manifest.partial"])
        {
            File.CreateSymbolicLink(Path.Combine(_scratch["out"], name), _scratch["victim"]);
        }

        CommandLine.MustRun("convert", root, "--device-name", "xvda1", "--to", "kvm", "--disk-format", "raw", "--name", "guest", "--output", _scratch["out"]);
        Assert.Equal("mine", File.ReadAllText(_scratch["victim"]));
        Assert.All(Directory.GetFiles(_scratch["out"]), file => Assert.Null(new FileInfo(file).LinkTarget));

        File.CreateSymbolicLink(_scratch["link.qcow2"], _scratch["victim"]);
        Assert.NotEqual(0, CommandLine.Run("image", "convert", root, _scratch["link.qcow2"]).ExitCode);
        File.CreateSymbolicLink(_scratch["dangling.qcow2"], _scratch["elsewhere"]);
        CommandLine.Run("image", "convert", root, _scratch["dangling.qcow2"]);
        Assert.False(File.Exists(_scratch["elsewhere"]));
        Assert.Equal("mine", File.ReadAllText(_scratch["victim"]));
    }

    public void Dispose() => _scratch.Dispose();

    private static string ModeOf(string path) => Tool.MustRun("stat", "-c", "%a", path).Trim();

    private static ToolResult Under(string umask, string[] arguments) => Tool.Run("sh", ["-c", $"umask {umask}; exec \"$0\" \"$@\"", CommandLine.Program, .. arguments]);

    private string MakeGuest()
    {
        var guest = new SmallGuest(_scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Text("/open/all", "x");
        File.SetUnixFileMode(Path.Combine(guest.Directory, "open/all"), (UnixFileMode)0x9FF);
        var root = SmallGuest.Junk(_scratch["root.img"], 48, 13);
        guest.ForEveryTarget();
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        return root;
    }
}
