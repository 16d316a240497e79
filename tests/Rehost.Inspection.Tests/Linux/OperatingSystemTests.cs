using Rehost.Inspection.Linux;
using Rehost.Model;

namespace Rehost.Inspection.Tests.Linux;

public sealed class OperatingSystemTests
{
    private static readonly byte[] Elf64 = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0];
    private static readonly byte[] Elf32 = [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0];

    [Fact]
    public void Debian_12_with_merged_usr()
    {
        var guest = new MemoryGuest().Link("/bin", "usr/bin").Link("/sbin", "usr/sbin").Link("/lib", "usr/lib")
            .File("/usr/bin/dash", Elf64).Link("/usr/bin/sh", "dash").File("/usr/lib/systemd/systemd", Elf64).Link("/usr/sbin/init", "/lib/systemd/systemd")
            .File("/usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n").Link("/etc/os-release", "../usr/lib/os-release")
            .File("/usr/lib/systemd/network/99-default.link", "").File("/etc/hostname", "web01\n");
        var system = OperatingSystemReader.Read(guest.Reader);

        Assert.Equal(("debian", "12", DistributionFamily.Debian, "x86_64", InitSystem.Systemd, true, "web01"),
            (system.Id, system.Version, system.Family, system.Architecture, system.Init, system.HasLinkFiles, system.HostName));
        Assert.Empty(guest.Findings);
    }

    [Fact]
    public void Centos_5_of_2013()
    {
        var guest = new MemoryGuest().File("/bin/bash", Elf32).Link("/bin/sh", "bash").File("/sbin/init", Elf32).File("/etc/inittab", "id:3:initdefault:\n")
            .File("/etc/redhat-release", "CentOS release 5.9 (Final)\n").File("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=db.example.com\n");
        var system = OperatingSystemReader.Read(guest.Reader);

        Assert.Equal(("centos", "5.9", DistributionFamily.RedHat, "i686", InitSystem.SysVinit, false, "db.example.com"),
            (system.Id, system.Version, system.Family, system.Architecture, system.Init, system.HasLinkFiles, system.HostName));
    }

    [Fact]
    public void Centos_6_is_upstart_although_it_has_an_inittab()
    {
        var guest = new MemoryGuest().File("/sbin/init", Elf64).File("/sbin/initctl", Elf64).File("/etc/inittab", "id:3:initdefault:\n").File("/etc/init/rcS.conf", "task\n")
            .File("/etc/redhat-release", "CentOS release 6.5 (Final)\n");

        Assert.Equal(InitSystem.Upstart, OperatingSystemReader.Read(guest.Reader).Init);
    }

    [Theory]
    [InlineData("/etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 3\n", "sles", "11.3", DistributionFamily.Suse)]
    [InlineData("/etc/SuSE-release", "openSUSE 12.1 (x86_64)\nVERSION = 12.1\nCODENAME = Asparagus\n", "opensuse", "12.1", DistributionFamily.Suse)]
    [InlineData("/etc/debian_version", "4.0\n", "debian", "4.0", DistributionFamily.Debian)]
    [InlineData("/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=8.04\nDISTRIB_DESCRIPTION=\"Ubuntu 8.04.4 LTS\"\n", "ubuntu", "8.04", DistributionFamily.Debian)]
    [InlineData("/etc/alpine-release", "3.18.4\n", "alpine", "3.18.4", DistributionFamily.Alpine)]
    [InlineData("/etc/gentoo-release", "Gentoo Base System release 2.2\n", "gentoo", "2.2", DistributionFamily.Gentoo)]
    [InlineData("/etc/arch-release", "", "arch", null, DistributionFamily.Arch)]
    [InlineData("/etc/os-release", "NAME=\"Arch Linux\"\nID=arch\nID_LIKE=archlinux\n", "arch", null, DistributionFamily.Arch)]
    [InlineData("/etc/os-release", "NAME=Strange\nID=strange\nID_LIKE=\"rhel fedora\"\nVERSION_ID=9\n", "strange", "9", DistributionFamily.RedHat)]
    [InlineData("/etc/os-release", "NAME=Void\nID=void\n", "void", null, DistributionFamily.Unknown)]
    [InlineData("/etc/fstab", "", "linux", null, DistributionFamily.Unknown)]
    public void Release_files(string path, string text, string id, string? version, DistributionFamily family)
    {
        var guest = new MemoryGuest().File(path, text);
        var system = OperatingSystemReader.Read(guest.Reader);

        Assert.Equal((id, version, family), (system.Id, system.Version, system.Family));
        Assert.Equal(family == DistributionFamily.Unknown, guest.Findings.Any(finding => finding.Id == InspectionDiagnostics.UnknownDistribution.Id));
    }

    [Fact]
    public void Release_order_of_kernels()
    {
        string[] expected = ["2.6.18-348.el5", "2.6.18-348.1.1.el5", "2.6.32-5-xen-amd64", "3.10.0-9.el7", "3.10.0-1160.el7", "6.1.0~rc1", "6.1.0-9-amd64", "6.1.0-50-amd64"];
        Assert.Equal(expected.Skip(2), expected.Skip(2).Reverse().Order(VersionOrder.Instance));
        Assert.Equal(0, VersionOrder.Instance.Compare("6.01", "6.1"));
    }

    [Fact]
    public void Xen_tools_are_found_and_shadow_is_not_read()
    {
        var guest = new MemoryGuest().File("/usr/sbin/xe-daemon", "x").File("/etc/init.d/xe-linux-distribution", "x").File("/usr/lib/systemd/system/open-vm-tools.service", "x")
            .File("/etc/shadow", "root:$6$x:").File("/etc/fstab", "text\u00ef").Link("/etc/mtab", "../proc/self/mounts").Link("/etc/s", "shadow");
        var tools = HypervisorToolReader.Read(guest.Reader);
        var files = GuestFileReader.Read(guest.Reader, ["/etc/*", "/none"], CancellationToken.None);

        Assert.Equal(["xe-guest-utilities", "open-vm-tools"], tools.Select(tool => tool.Name));
        Assert.Equal(["xe-linux-distribution"], tools[0].Services);
        Assert.Equal(["/usr/sbin/xe-daemon", "/etc/init.d/xe-linux-distribution"], tools[0].Paths);
        Assert.Null(files["/etc/shadow"].Text);
        Assert.Null(files["/etc/s"].Text);
        Assert.Equal("../proc/self/mounts", files["/etc/mtab"].LinkTarget);
        Assert.Equal(GuestFileKind.Directory, files["/etc/init.d"].Kind);
        var text = files["/etc/fstab"].Text;
        Assert.NotNull(text);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(GuestText.Encode(text))), files["/etc/fstab"].Sha256);
    }
}
