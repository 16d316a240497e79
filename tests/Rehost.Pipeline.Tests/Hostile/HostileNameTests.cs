using System.Text.RegularExpressions;
using System.Xml.Linq;
using Rehost.Pipeline.Tests.Conversion;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Hostile;

/// <summary>
/// A guest whose every name is an attack: of the machine, of its networks, of menu entries, kernel arguments, files, labels and links. What is written stays in the output directory, reads
/// as what it should be, and runs nothing; what is shown steers no terminal.
/// </summary>
public sealed partial class HostileNameTests : IDisposable
{
    // A directory traversal, a line end, an escape sequence that sets the title, C1's CSI, a mark that turns the direction, a shell in three ways, XML, Markdown.
    private const string Evil = "../../../x\n\x1b]0;owned\a\u009b31m\u202eexe.txt '; touch $PWNED; ' $(touch $PWNED) `touch $PWNED` \" ]]> <script>&evil; | [x](javascript:1) %s";

    private readonly ScratchDirectory _scratch = new();

    public static TheoryData<string> Targets => ["kvm", "xen", "xenserver", "vmware", "openstack"];

    [Theory]
    [MemberData(nameof(Targets))]
    public void What_a_stranger_calls_things_becomes_nothing_else(string target)
    {
        var config = MakeGuest();
        var plan = CommandLine.Run("plan", config, "--to", target);
        AssertHarmless(plan.Output + plan.Error);
        var output = _scratch["out"];
        var result = CommandLine.MustRun("convert", config, "--to", target, "--output", output);
        AssertHarmless(result.Output + result.Error);
        var verify = CommandLine.MustRun("verify", output);
        AssertHarmless(verify.Output + verify.Error);

        // All in the directory, under names that need no quotes anywhere.
        Assert.Equal(["guest.cfg", "out", "root.img", "tree"], Directory.GetFileSystemEntries(_scratch.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetFileSystemEntries(output), path => Assert.Matches("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", Path.GetFileName(path)));
        foreach (var file in Directory.GetFiles(output).Where(file => Path.GetExtension(file) is ".json" or ".md" or ".cfg" or ".xml" or ".sh"))
        {
            AssertHarmless(File.ReadAllText(file));
        }

        foreach (var xml in Directory.GetFiles(output, "*.xml"))
        {
            Assert.Equal("domain", XDocument.Load(xml).Root?.Name.LocalName);
            Tool.MustRun("virt-xml-validate", xml, "domain");
        }

        foreach (var script in Directory.GetFiles(output, "*.sh"))
        {
            RunWithStubs(script);
        }

        foreach (var text in Directory.GetFiles(output, "*.cfg"))
        {
            Assert.All(File.ReadAllLines(text), line => Assert.Matches(@"^(#.*|[a-z_]+ = (""([^""\\]|\\.)*""|[0-9]+|\[)|    ""([^""\\]|\\.)*"",|\])$", line));
        }
    }

    [Fact]
    public void Listings_steer_no_terminal()
    {
        MakeGuest();
        foreach (var arguments in (string[][])[["ls", "/odd"], ["ls", "/odd", "--long"], ["tree", "/odd"], ["tree", "/odd", "--sha256"], ["tree", "/odd", "--json"], ["cat", "/odd/no\x1b[2Jsuch"], ["get", "/odd", _scratch["got"]]])
        {
            Directory.CreateDirectory(_scratch["got"]);
            var result = CommandLine.Run(["files", arguments[0], _scratch["root.img"], .. arguments[1..]]);
            AssertHarmless(result.Output + result.Error);
        }

        // On a terminal cat shows what a pipe gets as it is.
        Assert.Contains('\e', CommandLine.MustRun("files", "cat", _scratch["root.img"], "/odd/colour").Output);
        var shown = Tool.MustRun("env", "TERM=dumb", "script", "-q", "-e", "-c", $"'{CommandLine.Program}' files cat '{_scratch["root.img"]}' /odd/colour", "/dev/null");
        Assert.DoesNotContain('\e', shown);
        Assert.Contains("\\u001b[31mred", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("libvirt")]
    [InlineData("vmx")]
    public void Descriptions_of_other_hypervisors_are_no_better(string kind)
    {
        MakeGuest();
        var name = Evil.Replace("\x1b", "", StringComparison.Ordinal).Replace("\a", "", StringComparison.Ordinal);
        string description;
        if (kind == "libvirt")
        {
            description = _scratch["x.xml"];
            new XElement("domain", new XAttribute("type", "xen"), new XElement("name", name), new XElement("description", name), new XElement("memory", "524288"), new XElement("vcpu", "1"), new XElement("bootloader", "pygrub"),
                new XElement("os", new XElement("type", "linux")),
                new XElement("devices", new XElement("disk", new XAttribute("type", "file"), new XElement("driver", new XAttribute("type", "raw")), new XElement("source", new XAttribute("file", _scratch["root.img"])), new XElement("target", new XAttribute("dev", "xvda1"))),
                    new XElement("interface", new XAttribute("type", "network"), new XElement("source", new XAttribute("network", name))))).Save(description);
        }
        else
        {
            description = _scratch["x.vmx"];
            Tool.MustRun("qemu-img", "convert", "-O", "vmdk", _scratch["root.img"], _scratch["root.vmdk"]);
            var one = name.ReplaceLineEndings(" ").Replace('"', '\'');
            File.WriteAllText(description, $".encoding = \"UTF-8\"\ndisplayName = \"{one}\"\nannotation = \"{one}\"\nmemSize = \"512\"\nscsi0.present = \"TRUE\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"root.vmdk\"\nethernet0.present = \"TRUE\"\nethernet0.networkName = \"{one}\"\n");
        }

        var result = CommandLine.Run("inspect", description);
        AssertHarmless(result.Output + result.Error);
        foreach (var target in (string[])["kvm", "xenserver", "vmware", "openstack"])
        {
            var converted = CommandLine.Run("convert", description, "--to", target, "--output", _scratch[target]);
            AssertHarmless(converted.Output + converted.Error);
            if (kind == "libvirt")
            {
                Assert.True(converted.ExitCode == 0, converted.Error);
            }

            foreach (var script in Directory.Exists(_scratch[target]) ? Directory.GetFiles(_scratch[target], "*.sh") : [])
            {
                RunWithStubs(script);
            }
        }
    }

    /// <summary>What names a disk outside of its own folder, and what is no disk at all, is refused and not waited for.</summary>
    [Theory]
    [InlineData("pipe")]
    [InlineData("/dev/zero")]
    [InlineData("/dev/tty")]
    public void A_configuration_cannot_make_us_wait_for_a_pipe_or_a_terminal(string disk)
    {
        Tool.MustRun("mkfifo", _scratch["pipe"]);
        File.WriteAllText(_scratch["x.cfg"], $"name='x'\nmemory=64\nbootloader='pygrub'\ndisk=['file:{(disk == "pipe" ? _scratch["pipe"] : disk)},xvda,w']\n");
        var result = Tool.Run("timeout", "120", CommandLine.Program, "inspect", _scratch["x.cfg"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("neither a file nor a block device", result.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _scratch.Dispose();

    private static void AssertHarmless(string text)
    {
        var bad = text.FirstOrDefault(letter => letter is not ('\n' or '\t') && (char.IsControl(letter) || char.GetUnicodeCategory(letter) is System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator));
        Assert.True(bad == default, $"U+{(int)bad:X4} in: {text[Math.Max(0, text.IndexOf(bad, StringComparison.Ordinal) - 200)..Math.Min(text.Length, text.IndexOf(bad, StringComparison.Ordinal) + 100)]}");
    }

    /// <summary>Runs a script with programs that do nothing in the place of openstack and xe: nothing else may happen.</summary>
    private void RunWithStubs(string script)
    {
        Directory.CreateDirectory(_scratch["stubs"]);
        foreach (var stub in (string[])["openstack", "xe", "xe-edit-bootloader"])
        {
            File.WriteAllText(_scratch["stubs/" + stub], "#!/bin/sh\necho 0000\n");
            File.SetUnixFileMode(_scratch["stubs/" + stub], (UnixFileMode)0x1ED);
        }

        foreach (var verb in (string[])["import", "setup", "pygrub", "rescue", "rescue-end"])
        {
            Tool.MustRun("env", $"PATH={_scratch["stubs"]}:/usr/bin:/bin", $"PWNED={_scratch["pwned"]}", "network=net", "flavor=small", "sh", script, verb);
        }

        Assert.False(File.Exists(_scratch["pwned"]), script);
        Directory.Delete(_scratch["stubs"], recursive: true);
    }

    private string MakeGuest()
    {
        var title = Line().Replace(Evil, " ");
        var guest = new SmallGuest(_scratch["tree"], $"/dev/xvda1 / ext4 defaults 0 1\n/dev/xvdz9 /srv/\x1b[31m{title.Replace(' ', '_').Replace('/', '_')} ext4 noauto 0 0\n");
        guest.Text("/etc/hostname", title + "\n").Text("/etc/os-release", $"ID=debian\nVERSION_ID='12{title.Replace('\'', '"')}'\nPRETTY_NAME='{title.Replace('\'', '"')}'\n")
            .Text("/boot/grub/menu.lst", $"default 0\ntimeout 1\ntitle {title}\nroot (hd0,0)\nkernel /boot/vmlinuz-{SmallGuest.Kernel} root=/dev/xvda1 ro console=hvc0 evil={title}\n")
            .Text("/etc/network/interfaces", $"auto eth0\niface eth0 inet static\n    address 192.0.2.1{title}\n")
            .Text("/etc/systemd/system/getty.target.wants/x\x1b[31m.service", "").Text("/odd/colour", "\x1b[31mred\x1b]0;title\a\n").Text("/odd/\x1b[2J\nname", "x").Text("/odd/\u202etxt.exe", "x");
        File.CreateSymbolicLink(Path.Combine(guest.Directory, "odd/link"), "\x1b[31m/etc/passwd");
        var root = SmallGuest.Junk(_scratch["root.img"], 48, 12);
        guest.ForEveryTarget();
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-L", "\x1b[31mx'\"$(id)", "-E", "root_owner=0:0", "-d", guest.Directory, root);
        var quoted = Evil.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\x1b", "\\x1b", StringComparison.Ordinal).Replace("\a", "\\x07", StringComparison.Ordinal);
        File.WriteAllText(_scratch["guest.cfg"], $"name = \"{quoted}\"\nmemory = 512\nvcpus = 1\nbootloader = \"pygrub\"\nextra = \"{quoted}\"\ndisk = ['file:{root},xvda1,w']\nvif = [\"bridge={quoted.Replace(',', ' ')}\"]\n");
        return _scratch["guest.cfg"];
    }

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Line();
}
