using System.Formats.Tar;
using System.Text;
using Rehost.Model;
using Rehost.Proof.Xen;
using Rehost.Testing;

namespace Rehost.Proof.Tests.Xen;

/// <summary>The laboratory's own parts, without starting it: tests/Rehost.Boot.Tests/Xen does that.</summary>
public sealed class XenLabTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(4096)]
    public void Lines_of_dom0_are_told_from_the_guests_output(int piece)
    {
        var sent = Encoding.UTF8.GetBytes("\r\nword up 4.17\r\n\r\nword begin 0\r\nBooting\nwo\nwordy\nroot login: \r\nword end 0 0 \r\n");
        var lines = new List<string>();
        var output = new StringBuilder();
        var console = new XenLabConsole("word");
        for (var at = 0; at < sent.Length; at += piece)
        {
            console.Feed(sent.AsSpan(at, Math.Min(piece, sent.Length - at)), bytes => output.Append(Encoding.UTF8.GetString(bytes)), lines.Add);
        }

        Assert.Equal(["up 4.17", "begin 0", "end 0 0 "], lines);
        Assert.Equal("Booting\nwo\nwordy\nroot login:", output.ToString().Trim().Replace("\r", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_prompt_is_passed_on_at_once()
    {
        var seen = "";
        new XenLabConsole("word").Feed("x login: "u8, bytes => seen += Encoding.UTF8.GetString(bytes), _ => { });
        Assert.Equal("x login: ", seen);
    }

    [Fact]
    public void A_guest_cannot_hold_back_memory_without_end()
    {
        var count = 0;
        var console = new XenLabConsole("word");
        for (var i = 0; i < 100; i++)
        {
            console.Feed(Encoding.UTF8.GetBytes("word " + new string('x', 1000)), bytes => count += bytes.Length, _ => Assert.Fail("no line ended"));
        }

        Assert.True(count > 90_000);
    }

    [Fact]
    public void The_job_has_what_the_configurations_name()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["a.img"], new byte[1024]);
        File.WriteAllText(scratch["vmlinuz"], "kernel");
        File.WriteAllText(scratch["a.cfg"], "name='a'\ntype='pv'\nmemory=128\nkernel='/elsewhere/vmlinuz'\ndisk=['format=raw,vdev=xvda,access=rw,target=a.img']\nvif=['bridge=br7']\n");
        File.WriteAllText(scratch["b.cfg"], $"name='b'\ntype='pvh'\nmemory=128\nbootloader='pygrub'\ndisk=['phy:{scratch["a.img"]},xvda,w']\n");
        var guests = new[] { scratch["a.cfg"], scratch["b.cfg"] }.Select(XenLabGuest.Open).ToList();
        XenLabJob.Write(scratch["job.tar"], "word", [.. guests]);
        var members = Members(scratch["job.tar"]);
        Assert.Equal("word\n", members["nonce"]);
        Assert.Equal("2\n", members["guests"]);
        Assert.Equal("br7\n", members["bridges"]);
        Assert.Equal("g0d0 /run/job/0/a.img\n", members["0/links"]); // a relative path is looked for where xl is started
        Assert.Equal("file0 /elsewhere/vmlinuz\n", members["0/files"]); // found beside the configuration, put where it says
        Assert.Equal("kernel", members["0/file0"]);
        Assert.Equal($"g1d0 {scratch["a.img"]}\n", members["1/links"]);
        Assert.Equal(File.ReadAllText(scratch["b.cfg"]), members["1/guest.cfg"]);

        var arguments = string.Join(' ', XenLabCommandLine.Build(new XenLaboratory("/lab"), [.. guests], "/job", "/log", sandbox: true));
        Assert.Contains("-cpu max,smap=off,xsave=off,rdtscp=off", arguments, StringComparison.Ordinal);
        Assert.Contains("virtio-blk-pci,drive=g1d0,serial=g1d0", arguments, StringComparison.Ordinal);
        Assert.DoesNotContain("-netdev", arguments, StringComparison.Ordinal);
        Assert.Equal(arguments.Split("snapshot=on").Length - 1, arguments.Split("-drive").Length - 1);
    }

    [Fact]
    public void What_the_laboratory_does_not_start_is_said()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["a.img"], new byte[1024]);
        File.WriteAllText(scratch["a.cfg"], "name='a'\ntype='hvm'\nmemory=128\ndisk=['format=raw,vdev=xvda,access=rw,target=a.img']\n");
        Assert.Equal("XLB002", Assert.Throws<DiagnosticException>(() => XenLabGuest.Open(scratch["a.cfg"], 0)).Diagnostic.Id);
        File.WriteAllText(scratch["a.cfg"], "name='a'\ntype='pv'\nmemory=128\nkernel='/nowhere/vmlinuz'\ndisk=['format=raw,vdev=xvda,access=rw,target=a.img']\n");
        Assert.Equal("XLB002", Assert.Throws<DiagnosticException>(() => XenLabGuest.Open(scratch["a.cfg"], 0)).Diagnostic.Id);
        File.WriteAllText(scratch["a.cfg"], "name='a'\ntype='pv'\nmemory=99999\nbootloader='pygrub'\ndisk=['format=raw,vdev=xvda,access=rw,target=a.img']\n");
        var large = XenLabGuest.Open(scratch["a.cfg"], 0);
        Assert.Equal("XLB002", Assert.Throws<DiagnosticException>(() => XenLabCommandLine.Build(new XenLaboratory("/lab"), [large], "/job", "/log", sandbox: false)).Diagnostic.Id);
        Assert.Equal("XLB001", Assert.Throws<DiagnosticException>(() => XenLaboratory.Find(scratch.Path)).Diagnostic.Id);
    }

    private static Dictionary<string, string> Members(string path)
    {
        using var file = File.OpenRead(path);
        using var tar = new TarReader(file);
        var members = new Dictionary<string, string>(StringComparer.Ordinal);
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            using var content = new StreamReader(entry.DataStream ?? Stream.Null);
            members.Add(entry.Name, content.ReadToEnd());
        }

        return members;
    }
}
