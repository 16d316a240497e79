using Rehost.Hypervisors.Xen;

namespace Rehost.Hypervisors.Tests.Xen;

public sealed class XenDiskSpecificationTests
{
    [Theory]
    // xl-disk-configuration(5), positional
    [InlineData("/dev/vg/guest-volume,,hda", "/dev/vg/guest-volume", "raw", "hda", "rw")]
    [InlineData("/dev/vg/guest-volume,raw,hda,rw", "/dev/vg/guest-volume", "raw", "hda", "rw")]
    [InlineData("format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume", "/dev/vg/guest-volume", "raw", "hda", "rw")]
    [InlineData("raw:/dev/vg/guest-volume,hda,w", "/dev/vg/guest-volume", "raw", "hda", "rw")]
    [InlineData("/root/image.iso,,hdc,cdrom", "/root/image.iso", "raw", "hdc", "ro cd")]
    [InlineData("/root/image.iso,,hdc,,cdrom", "/root/image.iso", "raw", "hdc", "ro cd")]
    [InlineData("format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso", "/root/image.iso", "raw", "hdc", "ro cd")]
    [InlineData("raw:/root/image.iso,hdc:cdrom,ro", "/root/image.iso", "raw", "hdc", "ro cd")]
    [InlineData("/srv/a.qcow2,qcow2,xvda,w", "/srv/a.qcow2", "qcow2", "xvda", "rw")]
    [InlineData("vdev=xvda,format=vhd,target=/srv/a,b=c.vhd", "/srv/a,b=c.vhd", "vhd", "xvda", "rw")]
    [InlineData("/srv/a.img,xvda,w", "/srv/a.img", "raw", "xvda", "rw")]
    [InlineData("vdev=xvda,/srv/a.img", "/srv/a.img", "raw", "xvda", "rw")]
    [InlineData("/dev/disk/by-path/ip-10.0.0.1-iqn.x=y,raw,xvda,r", "/dev/disk/by-path/ip-10.0.0.1-iqn.x=y", "raw", "xvda", "ro")]
    // xm prefixes
    [InlineData("phy:/dev/vg0/a,xvda1,w", "/dev/vg0/a", "raw", "xvda1", "rw phy")]
    [InlineData("phy:vg0/a,sda1,w!", "vg0/a", "raw", "sda1", "rw phy")]
    [InlineData("file:/srv/a.img,ioemu:hda,w", "/srv/a.img", "raw", "hda", "rw")]
    [InlineData("file:/srv/a.iso,hdc:cdrom,r", "/srv/a.iso", "raw", "hdc", "ro cd")]
    [InlineData("tap:aio:/srv/a.img,xvda,w", "/srv/a.img", "raw", "xvda", "rw")]
    [InlineData("tap2:tapdisk:aio:/srv/a.img,xvda,w", "/srv/a.img", "raw", "xvda", "rw")]
    [InlineData("tap2:vhd:/srv/a.vhd,xvda,w", "/srv/a.vhd", "vhd", "xvda", "rw")]
    [InlineData("tap:qcow2:/srv/a.q,/dev/xvdb,r", "/srv/a.q", "qcow2", "xvdb", "ro")]
    [InlineData("file:a.img,0xca00,w", "a.img", "raw", "xvda", "rw")]
    [InlineData("file:a.img,51713,w", "a.img", "raw", "xvda1", "rw")]
    [InlineData("file:a.img,2049,w", "a.img", "raw", "sda1", "rw")]
    [InlineData("a.img,raw,d1p2,w", "a.img", "raw", "xvdb2", "rw")]
    [InlineData(",,hdc:cdrom,r", "", "raw", "hdc", "ro cd")]
    public void Both_dialects(string text, string target, string format, string device, string flags)
    {
        var disk = XenConfig.Parse($"disk = [ '{text}' ]", "t").Disks[0];
        var found = (disk.IsReadOnly ? "ro" : "rw") + (disk.IsCdrom ? " cd" : "") + (disk.IsPhysical ? " phy" : "");
        Assert.Equal((target, format, device, flags), (disk.Target, disk.Format, disk.DeviceName, found));
    }

    [Theory]
    [InlineData(0, "xvda")]
    [InlineData(25, "xvdz")]
    [InlineData(26, "xvdaa")]
    [InlineData(701, "xvdzz")]
    [InlineData(702, "xvdaaa")]
    public void Names_count_in_letters(int index, string name)
    {
        Assert.Equal(name, XenDeviceName.FromIndex(index));
        Assert.Equal(index, XenDeviceName.DiskIndexOf(name));
    }
}
