using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Hypervisors.Tests.Xen;

public sealed class XenConfigParserTests
{
    internal const string Web = """
        # web server   of 2009
        name    = "web01"            # shown by xl list
        uuid = 'f0e1d2c3-0000-4000-8000-0123456789ab'
        memory  = 0x200; vcpus = '2'
        maxmem = 1024
        bootloader = "/usr/lib/xen-4.17/bin/pygrub"
        bootloader_args = [ "-q", ]
        root = "/dev/xvda1 ro"
        extra = "console=hvc0 " "quiet"
        disk = [
            'phy:/dev/vg0/web01,xvda1,w',   # the root
            "format=raw, vdev=xvda2, access=rw, target=swap, really.img",
            'tap:qcow2:/srv/data.qcow2,xvdb,r',
            ',,hdc:cdrom,r',
        ]
        vif = [ 'mac=00:16:3E:AA:bb:01, bridge=xenbr0, script=vif-bridge', '' ]
        vfb = [ 'type=vnc,vnclisten=127.0.0.1' ]
        on_reboot = 'restart'
        cpu_weight = 256
        """;

    [Fact]
    public void Reads_every_part_of_an_ordinary_configuration()
    {
        var config = XenConfig.Parse(Web, "web01.cfg");
        Assert.Equal("web01", config.Name);
        Assert.Equal(new Guid("f0e1d2c3-0000-4000-8000-0123456789ab"), config.Uuid);
        Assert.Equal(512, config.Memory);
        Assert.Equal(1024, config.MaximumMemory);
        Assert.Equal(2, config.VirtualCpus);
        Assert.Equal(VirtualizationMode.Paravirtual, config.Mode);
        Assert.Equal("root=/dev/xvda1 ro console=hvc0 quiet", config.KernelArguments);
        Assert.Equal(["-q"], config.BootloaderArguments);
        Assert.Equal(["xvda1", "xvda2", "xvdb", "hdc"], config.Disks.Select(disk => disk.DeviceName));
        Assert.Equal("swap, really.img", config.Disks[1].Target);
        Assert.Equal("qcow2", config.Disks[2].Format);
        Assert.True(config.Disks[2].IsReadOnly);
        Assert.True(config.Disks[3].IsCdrom);
        Assert.Equal("00:16:3e:aa:bb:01", config.NetworkAdapters[0].MacAddress);
        Assert.Equal("xenbr0", config.NetworkAdapters[0].Bridge);
        Assert.Equal("vif-bridge", config.NetworkAdapters[0].Other["script"]);
        Assert.Null(config.NetworkAdapters[1].MacAddress);
        Assert.Equal("restart", config.Events["on_reboot"]);
        Assert.Equal("256", config.Other["cpu_weight"]);
        Assert.Single(config.FrameBuffers);
    }

    [Theory]
    [InlineData("a = '''one\ntwo''' ; b = 1", "one\ntwo")]
    [InlineData("a = 'it\\'s' \"\\x41\\n\"", "it'sA\n")]
    [InlineData("a = \\\n   'x'", "x")]
    [InlineData("a = 'x'\r\nb = 2\r\n", "x")]
    [InlineData("\uFEFFa = -5", "-5")]
    [InlineData("a = True", "1")]
    [InlineData("a = 'c:\\d'", "c:\\d")]
    [InlineData("a = '#no comment'", "#no comment")]
    [InlineData("a = 'x'\na += 'y'", "xy")]
    public void Values(string text, string expected) =>
        Assert.Equal(expected, XenConfigParser.Parse(text, "t").First(setting => setting.Name == "a").Value.ToString());

    [Fact]
    public void Nested_lists_and_trailing_commas() =>
        Assert.Equal("[1, [2, 3], ]", XenConfigParser.Parse("a = [ 1, # one\n [\n 2, 3,\n ],\n '' ]", "t")[0].Value.ToString());

    [Theory]
    [InlineData("name = 'a'\nimport os\n", "XEN002", "t:2:1")]
    [InlineData("arch = os.uname()[4]", "XEN002", "t:1:8")]
    [InlineData("if x:\n  a = 1", "XEN002", "t:1:1")]
    [InlineData("a = 'x' + 'y'", "XEN002", "t:1:9")]
    [InlineData("a = 'x' % 3", "XEN002", "t:1:9")]
    [InlineData("print('x')", "XEN002", "t:1:1")]
    [InlineData("f('x')", "XEN002", "t:1:2")]
    [InlineData("a = (1, 2)", "XEN002", "t:1:5")]
    [InlineData("a = 'x\nb = 2", "XEN001", "t:1:5")]
    [InlineData("a = [ 1, 2\nb = 3", "XEN001", "t:2:1")]
    [InlineData("a = [ 1, 2\n", "XEN001", "t:1:5")]
    [InlineData("a = [ , ]", "XEN001", "t:1:7")]
    [InlineData("a 5", "XEN001", "t:1:3")]
    [InlineData("a = ]", "XEN001", "t:1:5")]
    [InlineData("= 5", "XEN001", "t:1:1")]
    [InlineData("memory = 'much'", "XEN004", "t:1:10")]
    [InlineData("memory = -5", "XEN004", "t:1:10")]
    [InlineData("memory = [ 5 ]", "XEN004", "t:1:10")]
    [InlineData("type = 'qemu'", "XEN004", "t:1:8")]
    [InlineData("uuid = 'x'", "XEN004", "t:1:8")]
    [InlineData("disk = [ 'phy:/dev/a' ]", "XEN005", "t:1:10")]
    [InlineData("disk = [ '/a,raw,zzz,w' ]", "XEN005", "t:1:10")]
    [InlineData("disk = [ '/a,raw,xvda,maybe' ]", "XEN005", "t:1:10")]
    [InlineData("disk = [ 'magic:/a,xvda,w' ]", "XEN005", "t:1:10")]
    [InlineData("disk = [ 'format=floppy,vdev=xvda,target=/a' ]", "XEN005", "t:1:10")]
    [InlineData("vif = [ 'mac=zz' ]", "XEN006", "t:1:9")]
    [InlineData("vif = [ 'bridge' ]", "XEN006", "t:1:9")]
    public void Refusals_say_where(string text, string id, string where)
    {
        var finding = Assert.Throws<DiagnosticException>(() => XenConfig.Parse(text, "t")).Diagnostic;
        Assert.Equal((id, where), (finding.Id, finding.Where));
    }

    [Fact]
    public void Limits_hold()
    {
        Assert.Equal("XEN003", Assert.Throws<DiagnosticException>(() => XenConfig.Parse("a = " + new string('[', 5000), "t")).Diagnostic.Id);
        Assert.Equal("XEN003", Assert.Throws<DiagnosticException>(() => XenConfig.Parse(new string(' ', XenConfigParser.MaximumLength + 1), "t")).Diagnostic.Id);
        Assert.Equal("XEN003", Assert.Throws<DiagnosticException>(() => XenConfig.Parse("a=[" + string.Concat(Enumerable.Repeat("1,", 30_000)) + "]", "t")).Diagnostic.Id);
        Assert.Equal("XEN003", Assert.Throws<DiagnosticException>(() => XenConfig.Parse("a=''\n" + string.Concat(Enumerable.Repeat("a+='xxxxxxxx'\n", 300)), "t")).Diagnostic.Id);
    }

    [Theory]
    [InlineData("builder = 'hvm'", VirtualizationMode.Hardware)]
    [InlineData("builder = 'linux'", VirtualizationMode.Paravirtual)]
    [InlineData("type = 'pvh'", VirtualizationMode.Pvh)]
    [InlineData("pvh = 1", VirtualizationMode.Pvh)]
    [InlineData("type = 'pv'\nbuilder = 'hvm'", VirtualizationMode.Paravirtual)]
    public void Modes(string text, VirtualizationMode mode) => Assert.Equal(mode, XenConfig.Parse(text, "t").Mode);

    [Fact]
    public void Last_setting_counts_and_is_told()
    {
        var config = XenConfig.Parse("memory = 1\nmemory = 2", "t");
        Assert.Equal(2, config.Memory);
        Assert.Equal("XEN013", Assert.Single(config.Findings).Id);
    }

    [Fact]
    public void Damaged_configurations_end_in_a_diagnostic() =>
        Fuzz.Run(6000, [Web, "disk=['a,raw,xvda,w']"], "'\"[],=;#\\\n:+%(", text => XenConfig.Parse(text, "t"));
}
