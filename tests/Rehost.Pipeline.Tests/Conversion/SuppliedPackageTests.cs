using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>Packages of the operator through the whole of a conversion, with their hash in the report, and proved.</summary>
public sealed class SuppliedPackageTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    [Requirement("S0.39", "S0.40", "S2.9")]
    public void A_deb_is_unpacked_its_service_switched_on_and_the_result_proved()
    {
        using var scratch = new ScratchDirectory();
        var guest = new SmallGuest(scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n").Text("/etc/network/interfaces", "auto eth0\niface eth0 inet static\n\taddress 192.0.2.9/24\n").Text("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        Tool.MustRun("mke2fs", "-q", "-t", "ext4", "-d", guest.Directory, scratch["root.img"], "32M");
        var root = scratch["package"];
        Directory.CreateDirectory(Path.Combine(root, "usr/lib/systemd/system"));
        Directory.CreateDirectory(Path.Combine(root, "DEBIAN"));
        File.WriteAllText(Path.Combine(root, "usr/lib/systemd/system/agent.service"), "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n");
        File.WriteAllText(Path.Combine(root, "DEBIAN/control"), "Package: agent\nVersion: 1.0\nArchitecture: amd64\nMaintainer: n <n@example.org>\nDescription: test\n");
        File.WriteAllText(Path.Combine(root, "DEBIAN/postinst"), "#!/bin/sh\nexit 1\n");
        File.SetUnixFileMode(Path.Combine(root, "DEBIAN/postinst"), (UnixFileMode)0x1ED);
        Tool.MustRun("dpkg-deb", "--root-owner-group", "--build", root, scratch["agent.deb"]);

        var request = new SourceRequest(scratch["root.img"]) { DeviceName = "xvda1", MacAddresses = ["00:16:3e:01:02:03"] };
        var target = new TargetRequest("kvm") { OutputDirectory = scratch["out"], Packages = [scratch["agent.deb"]], Options = new ConversionOptions { DiskFormat = "raw", IsClone = true } };
        var migration = new Migration(new SilentProgress());
        var planned = migration.Plan(request, target, NoStop);
        var package = Assert.Single(planned.Plan.Changes.OfType<InstallPackage>()).Package;
        Assert.Equal(Tool.MustRun("sha256sum", scratch["agent.deb"])[..64], package.Sha256);
        Assert.Equal(["postinst"], package.ScriptsNotRun);

        migration.Convert(request, target, NoStop);
        var report = File.ReadAllText(scratch["out/report.md"]);
        Assert.Contains(package.Sha256, report, StringComparison.Ordinal);
        Assert.Contains("## Network", report, StringComparison.Ordinal);
        Assert.Contains("| eth0 |", report, StringComparison.Ordinal);
        File.WriteAllBytes(scratch["part"], File.ReadAllBytes(Directory.GetFiles(scratch["out"], "*.img").Single())[(1 << 20)..]);
        Tool.MustRun("e2fsck", "-fn", scratch["part"]);
        string Debugfs(string command) => Tool.MustRun("debugfs", "-R", command, scratch["part"]);
        Assert.Contains("WantedBy=multi-user.target", Debugfs("cat /usr/lib/systemd/system/agent.service"), StringComparison.Ordinal);
        Assert.Contains("agent.service", Debugfs("ls /etc/systemd/system/multi-user.target.wants"), StringComparison.Ordinal);
        Assert.Equal("", Debugfs("cat /etc/machine-id"));
        Assert.DoesNotContain(migration.Verify(scratch["out"], null, [], NoStop).Checks, check => check.Outcome == CheckOutcome.Failed);
    }

    [Fact]
    public void A_package_that_is_none_stops_the_plan()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["x.rpm"], "no package");
        var target = new TargetRequest("kvm") { Packages = [scratch["x.rpm"]] };
        File.WriteAllBytes(scratch["disk"], new byte[1 << 20]);
        Assert.Equal("PKG001", Assert.Throws<DiagnosticException>(() => new Migration(new SilentProgress()).Plan(new SourceRequest(scratch["disk"]), target, NoStop)).Diagnostic.Id);
    }
}
