using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests;

/// <summary>
/// One machine through all hypervisors and back (S0, S1, S2, S4): from XenServer to KVM, to plain Xen, to VMware, to KVM again. What each hypervisor's own programs say of the
/// result is asked on the way; at the end the guest boots, and differs from the first conversion in what a step left on purpose.
/// </summary>
public sealed class RoundTripTests
{
    [Fact]
    public void A_guest_comes_back_as_it_went()
    {
        using var scratch = Cli.Scratch();
        var kvm = Convert(Guests.File(Guests.DebianMbr, "web01.xva"), "kvm", scratch["kvm"]);
        Tool.MustRun("virt-xml-validate", kvm, "domain");

        var xen = Convert(kvm, "xen", scratch["xen"]);
        Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xl-dryrun.sh"), xen);
        Pygrub.Ask(scratch, Path.Combine(scratch["xen"], "web01-xvda.img"));

        var vmware = Convert(xen, "vmware", scratch["vmware"]);
        Tool.MustRun("tar", "-C", scratch["vmware"], "-xf", vmware);
        foreach (var disk in Directory.GetFiles(scratch["vmware"], "*.vmdk"))
        {
            Assert.Equal("vmdk", JsonDocument.Parse(Tool.MustRun("qemu-img", "info", "--output=json", disk)).RootElement.GetProperty("format").GetString());
        }

        var back = Convert(vmware, "kvm", scratch["back"]);
        var differences = Cli.Run("files", "diff", kvm, back).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // The initramfs of the next kernel may keep VMware's drivers: harmless, and nobody's business to take out.
        Assert.All(differences, line => Assert.Contains("/etc/initramfs-tools/modules", line, StringComparison.Ordinal));
        var boot = Cli.Run("boot", back, "--evidence", scratch["evidence"], "--timeout", "900", "--json");
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error);
        Assert.Contains("web01 login:", File.ReadAllText(scratch["evidence/serial.log"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Guests.DebianPv)]
    [InlineData(Guests.Sysvinit)]
    public void Xen_takes_what_XenServer_had(string guest)
    {
        using var scratch = Cli.Scratch();
        var xen = Convert(Guests.File(guest, "web01.xva"), "xen", scratch["xen"]);
        Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xl-dryrun.sh"), xen);
        Pygrub.Ask(scratch, Path.Combine(scratch["xen"], "web01-xvda.img"));
        var again = Convert(xen, "xenserver", scratch["xenserver"]);
        Assert.Equal(0, Cli.Run("image", "check", again).ExitCode);
        var report = Cli.Json("inspect", again);
        Assert.Equal("pygrub", report.GetProperty("machine").GetProperty("paravirtualBoot").GetProperty("bootloader").GetString());
    }

    [Fact]
    public void OpenStack_gets_commands_that_a_shell_reads() // S3.1, S3.16
    {
        using var scratch = Cli.Scratch();
        var description = Convert(Guests.File(Guests.DebianPv, "web01.xva"), "openstack", scratch["out"]);
        var images = JsonDocument.Parse(File.ReadAllText(description)).RootElement.GetProperty("images");
        Assert.Equal(["virtio", "bios", "debian"], new[] { "hw_disk_bus", "hw_firmware_type", "os_distro" }.Select(name => images[0].GetProperty("properties").GetProperty(name).GetString()));

        // The client is played by a function that writes down its arguments.
        var calls = Tool.MustRun("sh", "-c", "cd \"$1\"; openstack() { printf '%s|' \"$@\"; echo; }; network=net; flavor=small; . ./web01.sh", "sh", scratch["out"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(calls, call => call.StartsWith("image|create|--file|web01-vda.qcow2|--disk-format|qcow2|", StringComparison.Ordinal));
        Assert.Contains(calls, call => call.StartsWith("server|create|--image|web01-vda|--flavor|small|--port|web01-0|", StringComparison.Ordinal));
        Assert.All(calls.Where(call => call.StartsWith("image|", StringComparison.Ordinal)), call => Assert.True(File.Exists(Path.Combine(scratch["out"], call.Split('|')[3]))));
    }

    private static string Convert(string source, string target, string output)
    {
        var record = Cli.Json("convert", source, "--to", target, "--output", output);
        var verified = Cli.Json("verify", output);
        Assert.All(verified.GetProperty("checks").EnumerateArray(), check => Assert.Equal("passed", check.GetProperty("outcome").GetString()));
        return Path.Combine(output, record.GetProperty("configurationFile").GetString() ?? "");
    }
}
