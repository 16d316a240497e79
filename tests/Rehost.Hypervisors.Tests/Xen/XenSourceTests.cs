using Rehost.Hypervisors.Xen;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Xen;

public sealed class XenSourceTests
{
    [Fact]
    public void Finds_disks_beside_the_configuration_and_keeps_their_order()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["images"]);
        File.WriteAllBytes(scratch["images/root.img"], new byte[8192]);
        File.WriteAllBytes(scratch["swap.img"], new byte[4096]);
        File.WriteAllText(scratch["web.cfg"], """
            memory = 256
            kernel = "vmlinuz"
            cmdline = "root=/dev/xvda1"
            disk = [ 'file:images/root.img,xvda1,w', '/nowhere.iso,,hdc,cdrom', 'swap.img,raw,xvda2,rw' ]
            vif = [ 'mac=00:16:3e:01:02:03,bridge=br0,model=e1000' ]
            """);
        var source = XenSource.Open(scratch["web.cfg"]);
        Assert.Equal("web", source.Machine.Name);
        Assert.Equal(256L << 20, source.Machine.MemoryBytes);
        Assert.Equal([scratch["images/root.img"], scratch["swap.img"]], source.Disks.Select(disk => disk.HostPath));
        Assert.Equal([8192L, 4096L], source.Machine.Disks.Select(disk => disk.LengthBytes));
        Assert.True(source.Machine.Disks[0].IsBootable);
        Assert.Single(source.Cdroms);
        Assert.Equal(scratch["vmlinuz"], source.ResolvePath(source.Machine.ParavirtualBoot!.Kernel!));
        Assert.Equal("root=/dev/xvda1", source.Machine.ParavirtualBoot.CommandLine);
        Assert.Equal(("br0", "netfront"), (source.Machine.NetworkAdapters[0].Network, source.Machine.NetworkAdapters[0].Model));
    }

    [Fact]
    public void A_missing_disk_is_told_with_line_and_path()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["a.cfg"], "name = 'a'\ndisk = [\n  'phy:/srv/nowhere/a.img,xvda,w' ]\n");
        File.WriteAllText(scratch["a.img"], "");
        var finding = Assert.Throws<DiagnosticException>(() => XenSource.Open(scratch["a.cfg"])).Diagnostic;
        Assert.Equal("XEN007", finding.Id);
        Assert.Equal(scratch["a.cfg"] + ":3:3", finding.Where);
        Assert.Contains("/srv/nowhere/a.img", finding.Message, StringComparison.Ordinal);
        Assert.Contains(scratch["a.img"] + " exists", finding.Message, StringComparison.Ordinal);
        Assert.Equal(scratch["a.img"], XenSource.Open(scratch["a.cfg"], new Dictionary<string, string> { ["xvda"] = scratch["a.img"] }).Disks[0].HostPath);
    }

    [Theory]
    [InlineData("name = 'a'", "XEN008")]
    [InlineData("disk = [ ',,hdc:cdrom,r' ]", "XEN008")]
    [InlineData("disk = [ '/a,raw,xvda,w', '/b,raw,xvda,w' ]", "XEN009")]
    [InlineData("disk = [ 'nbd:server:1,xvda,w' ]", "XEN010")]
    [InlineData("disk = [ 'vdev=xvda,backend=storage,target=/a' ]", "XEN010")]
    public void Refusals(string text, string id)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["a.cfg"], text);
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => XenSource.Open(scratch["a.cfg"])).Diagnostic.Id);
    }

    [Fact]
    public void A_missing_configuration_is_told() =>
        Assert.Equal("XEN012", Assert.Throws<DiagnosticException>(() => XenSource.Open("/nonexistent/a.cfg")).Diagnostic.Id);

    [Fact]
    public void A_configuration_without_memory_gets_a_warning()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["a.cfg"], "disk = [ 'd,raw,xvda,w' ]");
        File.WriteAllText(scratch["d"], "x");
        Assert.Equal("XEN011", Assert.Single(XenSource.Open(scratch["a.cfg"]).Findings).Id);
    }

    [Fact]
    public void Hvmloader_is_firmware_and_no_kernel()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["d"], "x");
        File.WriteAllText(scratch["a.cfg"], "memory=64\nbuilder='hvm'\nkernel='/usr/lib/xen/boot/hvmloader'\ndisk = [ 'd,raw,hda,w' ]");
        var machine = XenSource.Open(scratch["a.cfg"]).Machine;
        Assert.Null(machine.ParavirtualBoot);
        Assert.Equal(Firmware.Bios, machine.Firmware);
    }
}
