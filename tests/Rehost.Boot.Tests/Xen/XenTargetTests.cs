using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests.Xen;

/// <summary>What is written for Xen and XenServer in the forms that the laboratory does not start, and onto devices (S2.24, S4.8, S4.12).</summary>
public sealed class XenTargetTests
{
    [Theory]
    [InlineData("hvm", "--xen-boot hvm", "hvm")]
    [InlineData("xm", "--xen-version 3", "pv")]
    [InlineData("vnc", "--xen-vnc", "pv")]
    [InlineData("qcow2", "--disk-format qcow2", "pv")]
    [InlineData("pvgrub", "--xen-boot pvgrub", "pv")]
    [InlineData("ends", "--on-crash preserve --on-reboot destroy", "pv")]
    [Requirement("S2.1", "S2.21", "S2.24", "S2.30", "S4.8")]
    public void The_real_xl_takes_the_configuration(string name, string options, string type)
    {
        using var scratch = Cli.Scratch();
        var record = Cli.Json(["convert", Guests.File(Guests.DebianMbr, "web01.xva"), "--to", "xen", "--output", scratch["out"], .. options.Split(' ')]);
        var configuration = Path.Combine(scratch["out"], record.GetProperty("configurationFile").GetString() ?? "");
        var seen = JsonDocument.Parse(Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xl-dryrun.sh"), configuration)).RootElement;
        Assert.Equal(type, seen.GetProperty("c_info").GetProperty("type").GetString());
        Assert.Equal(2, seen.GetProperty("disks").GetArrayLength());
        Assert.Equal(name == "vnc", seen.TryGetProperty("vfbs", out var frames) && frames.GetArrayLength() == 1);
        if (name == "ends")
        {
            Assert.Equal(("preserve", "destroy"), (seen.GetProperty("on_crash").GetString(), seen.TryGetProperty("on_reboot", out var word) ? word.GetString() : "destroy"));
        }

        if (name == "pvgrub")
        {
            Assert.Equal("/usr/lib/grub-xen/grub-x86_64-xen.bin", seen.GetProperty("b_info").GetProperty("kernel").GetString());
        }

        if (name == "xm")
        {
            Assert.Contains("tap:aio:", File.ReadAllText(configuration), StringComparison.Ordinal);
            Assert.Contains("/usr/bin/pygrub", File.ReadAllText(configuration), StringComparison.Ordinal);
        }

        if (name == "hvm")
        {
            Assert.Equal("seabios", seen.GetProperty("b_info").GetProperty("type.hvm").GetProperty("bios").GetString());
        }

        Assert.Equal(0, Cli.Run("verify", scratch["out"]).ExitCode);
    }

    [Fact]
    [Requirement("X.7")]
    public void A_guest_with_firmware_starts_in_QEMU_with_the_devices_that_Xen_emulates()
    {
        using var scratch = Cli.Scratch();
        Cli.MustRun("convert", Guests.File(Guests.DebianMbr, "web01.xva"), "--to", "xen", "--xen-boot", "hvm", "--output", scratch["out"]);
        Assert.Contains("XLB002", Cli.Run("boot", "--hypervisor", "xen", "--xen-lab", XenLab.Directory, scratch["out"]).Error, StringComparison.Ordinal);
        var boot = Cli.Run("boot", "--hypervisor", "kvm", scratch["out"], "--evidence", scratch["evidence"], "--timeout", "900", "--json");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        Assert.Contains("web01 login:", File.ReadAllText(scratch["evidence/serial.log"]), StringComparison.Ordinal);
    }

    [Fact]
    [Requirement("S4.12")]
    public void A_disk_goes_straight_onto_a_device() // S4.12
    {
        using var scratch = Cli.Scratch();
        var source = Guests.File(Guests.DebianMbr, "web01.xva");
        using (var file = File.Create(scratch["volume.img"]))
        {
            file.SetLength((1L << 30) + (8L << 20)); // larger than the disk, as a logical volume may be
        }

        using var loop = new LoopDevice(scratch["volume.img"]);
        Tool.MustRun("chmod", "666", loop.Path);
        string[] convert = ["convert", source, "--to", "xen", "--output", scratch["out"], "--disk-target", $"xvda={loop.Path}"];
        Cli.MustRun(convert);
        Assert.Contains($"format=raw, vdev=xvda, access=rw, target={loop.Path}", File.ReadAllText(scratch["out/web01.cfg"]), StringComparison.Ordinal);
        Assert.False(File.Exists(scratch["out/web01-xvda.img"]));
        var verified = Cli.Json("verify", scratch["out"]);
        Assert.All(verified.GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));

        // It holds something now, and the file that the loop device stands on is in the way of nothing.
        convert[5] = scratch["again"];
        Assert.Contains("PIP012", Cli.Run(convert).Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch["again"]));
        Cli.MustRun([.. convert, "--overwrite-device"]);
        convert[5] = scratch["small"];
        Assert.Contains("PIP010", Cli.Run([.. convert[..^1], $"xvdq={loop.Path}"]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_too_small_is_refused_before_anything_is_written()
    {
        using var scratch = Cli.Scratch();
        using (var file = File.Create(scratch["volume.img"]))
        {
            file.SetLength(64 << 20);
        }

        using var loop = new LoopDevice(scratch["volume.img"]);
        Tool.MustRun("chmod", "666", loop.Path);
        var result = Cli.Run("convert", Guests.File(Guests.DebianMbr, "web01.xva"), "--to", "xen", "--output", scratch["out"], "--disk-target", $"xvda={loop.Path}");
        Assert.Contains("BLK008", result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch["out"]));
    }

    [Theory]
    [InlineData("5.5", "pv", "checksum")]
    [InlineData("7", "pv", "checksum")]
    [InlineData("xcp-8.2", "pv", "xxhash")]
    [InlineData("8", "hvm", "xxhash")]
    [Requirement("S0.29", "S0.30", "S0.31", "S0.32", "S0.33", "S0.34", "S0.46", "S0.47", "X.2")]
    public void The_archive_is_of_the_release(string release, string domain, string checksum)
    {
        using var scratch = Cli.Scratch();
        var record = Cli.Json("convert", Guests.File(Guests.DebianMbr, "web01.xva"), "--to", "xenserver", "--xenserver-version", release, "--output", scratch["out"]);
        Assert.Equal(domain == "hvm", record.GetProperty("plan").GetProperty("findings").EnumerateArray().Any(finding => finding.GetProperty("id").GetString() == "XPN002"));
        var members = Tool.MustRun("tar", "-tf", scratch["out/web01.xva"]).Split('\n');
        Assert.Equal("ova.xml", members[0]);
        Assert.EndsWith("." + checksum, members[2], StringComparison.Ordinal);
        var xml = Tool.MustRun("tar", "-xOf", scratch["out/web01.xva"], "ova.xml");
        Assert.Contains($"<name>domain_type</name><value>{domain}</value>", xml, StringComparison.Ordinal);
        Assert.Contains("<name>bootable</name><value><boolean>1</boolean></value>", xml, StringComparison.Ordinal); // S0.34
        Assert.Equal(0, Cli.Run("image", "check", scratch["out/web01.xva"]).ExitCode);
        Assert.Equal(0, Cli.Run("verify", scratch["out"]).ExitCode);

        // xe is played by a function that writes down its arguments.
        var calls = Tool.MustRun("sh", "-c", "cd \"$1\"; mkdir bin; printf '#!/bin/sh\\nprintf \"%%s|\" \"$@\"; echo\\n' > bin/xe; chmod +x bin/xe; for verb in 'import SR' 'setup VM' 'rescue VM' 'rescue-end VM'; do PATH=$PWD/bin:$PATH sh web01-xe.sh $verb; done", "sh", scratch["out"]);
        Assert.Contains("vm-import|filename=web01.xva|sr-uuid=SR|preserve=true|", calls, StringComparison.Ordinal);
        Assert.Contains(domain == "pv" ? "vm-param-set|uuid=VM|HVM-boot-policy=|\n" : "vm-param-set|uuid=VM|HVM-boot-params:order=cd|", calls, StringComparison.Ordinal);
        Assert.Contains(domain == "pv" ? "PV-args=console=hvc0|" : "HVM-boot-params:firmware=bios|", calls, StringComparison.Ordinal);
        Assert.Contains("bootable=true|", calls, StringComparison.Ordinal);
    }
}
