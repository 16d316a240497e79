using System.Text.Json;
using Rehost.Testing;

namespace Rehost.Boot.Tests.Xen;

/// <summary>
/// S0, S2 and S4 where they end: guests are converted to Xen by an ordinary user and started by the real xl under a real Xen, all in one dom0 because its start and the guests' cost
/// time. Some of them came from Xen, went to KVM and come back; two are VMware's. The three forms are followed to the login prompt, the others until root is mounted: what is Xen's
/// and the plan's part of a start is over then.
/// </summary>
[Requirement("S0.1", "S0.37", "S2.20", "S2.21", "S2.24", "S2.27", "S4.8", "X.7")]
[Collection(nameof(XenLabCollection))]
public sealed class XenBootTests
{
    [Fact]
    public void Guests_start_under_a_real_Xen_in_every_form()
    {
        using var scratch = Cli.Scratch();
        var kvm = Convert(Guests.File(Guests.DebianMbr, "web01.xva"), "kvm", scratch["kvm"]);
        MakePatient(scratch, kvm);
        string[] machines =
        [
            Convert(kvm, "xen", scratch["xen"], "--name", "pygrub"), // partitioned, grub.cfg; Xen, KVM, Xen (S2.24)
            Convert(kvm, "xen", scratch["xen"], "--name", "direct", "--xen-boot", "direct"), // kernel and initramfs in dom0
            Convert(kvm, "xen", scratch["xen"], "--name", "pvh", "--xen-boot", "pvh"),
            Convert(Guests.File(Guests.DebianPv, "web01.xva"), "xen", scratch["xen"], "--name", "menu"), // ext4 on the whole disk, menu.lst
            Convert(Guests.File(Guests.DebianPv, "web01.xva"), "xen", scratch["xen"], "--name", "qcow2", "--disk-format", "qcow2"), // served by dom0's QEMU
            Convert(kvm, "xen", scratch["xen"], "--name", "partitions", "--disk-layout", "partitions"), // xvda1 without a table
            Convert(Guests.File("centos5-like", "web01.vmx"), "xen", scratch["xen"], "--name", "vmware"), // root on LVM, /boot with menu.lst
            Convert(Guests.File("rhel8-like", "web01.vmx"), "xen", scratch["xen"], "--name", "lvm"), // /boot that pygrub does not read: the kernel is dom0's
        ];
        Assert.StartsWith("kernel = ", File.ReadLines(machines[^1]).First(line => line.StartsWith("kernel", StringComparison.Ordinal) || line.StartsWith("bootloader", StringComparison.Ordinal)), StringComparison.Ordinal);

        // What the kernel says before init is seen when it is not told to be quiet (pygrub hands cmdline= on to the kernel); else xl takes our configurations as they are.
        foreach (var machine in machines.Where((_, index) => index is 1 or > 2))
        {
            var text = File.ReadAllText(machine);
            File.WriteAllText(machine, text.Contains("cmdline", StringComparison.Ordinal) ? text.Replace(" quiet", "", StringComparison.Ordinal) : text + "cmdline = \"loglevel=7\"\n");
        }

        machines.ToList().ForEach(machine => Tool.MustRun(Path.Combine(Guests.Root, "build/fixtures/xl-dryrun.sh"), machine));

        var boot = Cli.Run(["boot", "--hypervisor", "xen", "--xen-lab", XenLab.Directory, "--evidence", scratch["evidence"], "--timeout", "900", .. machines.SelectMany((_, index) => new[] { "--until", IsFollowed(index) ? "login" : "rootMounted" }), "--json", .. machines]);
        Assert.True(boot.ExitCode == 0, boot.Output + boot.Error + Log(scratch));
        var reports = JsonDocument.Parse(boot.Output).RootElement.EnumerateArray().ToList();
        Assert.True(reports.TrueForAll(report => report.GetProperty("verdict").GetString() == "booted"), boot.Output + Log(scratch));
        Assert.StartsWith("xen 4.", reports[0].GetProperty("accelerator").GetString(), StringComparison.Ordinal);

        Assert.All(new[] { 0, 2 }, index => Assert.Contains("to parse", Line(reports[index], "bootLoader"), StringComparison.Ordinal)); // pygrub's choice
        Assert.Equal(["kernel", "rootMounted", "init", "login"], Milestones(reports[1]));
        Assert.Contains("Xen", File.ReadAllText(Path.Combine(reports[1].GetProperty("evidenceDirectory").GetString() ?? "", "serial.log")), StringComparison.Ordinal);
        Assert.All(reports.Where((_, index) => IsFollowed(index)), report => Assert.Contains("login:", File.ReadAllText(Path.Combine(report.GetProperty("evidenceDirectory").GetString() ?? "", "serial.log")), StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(reports[0].GetProperty("evidenceDirectory").GetString() ?? "", "dom0.log")));

        Assert.All(reports.Where((_, index) => !IsFollowed(index)), report => Assert.NotEmpty(Milestones(report).Intersect(["rootMounted", "init", "login"])));

        // The guests wrote to what is thrown away: the disks are still what was written.
        Assert.All(new[] { 0, 2, 3, 5 }, index => Assert.Equal(0, Cli.Run("verify", machines[index], "--source", "none").ExitCode));
    }

    // The last one has systemd in its initramfs already, which says nothing of its root.
    private static bool IsFollowed(int index) => index is < 3 or 7;

    private static string Convert(string source, string target, string output, params string[] more)
    {
        // Each in a directory of its own: report.json is one conversion's.
        var directory = more.Length > 1 ? Path.Combine(output, more[1]) : output;
        var record = Cli.Json(["convert", source, "--to", target, "--output", directory, .. more]);
        return Path.Combine(directory, record.GetProperty("configurationFile").GetString() ?? "");
    }

    /// <summary>systemd gives up a device after 90 s, which a machine that emulates a machine that emulates a machine may take; nothing here depends on time.</summary>
    private static void MakePatient(ScratchDirectory scratch, string kvm)
    {
        Directory.CreateDirectory(scratch["system.conf.d"]);
        File.WriteAllText(scratch["system.conf.d/patience.conf"], "[Manager]\nDefaultDeviceTimeoutSec=900\nDefaultTimeoutStartSec=900\n");
        Cli.MustRun("files", "put", kvm, scratch["system.conf.d"], "/etc/systemd/", "--output", scratch["patient.qcow2"]);
        File.Move(scratch["patient.qcow2"], Path.Combine(scratch["kvm"], "web01-vda.qcow2"), overwrite: true);
    }

    private static string[] Milestones(JsonElement report) => [.. report.GetProperty("milestones").EnumerateArray().Select(milestone => milestone.GetProperty("milestone").GetString() ?? "")];

    private static string Line(JsonElement report, string milestone)
        => report.GetProperty("milestones").EnumerateArray().First(one => one.GetProperty("milestone").GetString() == milestone).GetProperty("line").GetString() ?? "";

    private static string Log(ScratchDirectory scratch) => string.Join('\n', Directory.Exists(scratch["evidence"])
        ? Directory.GetFiles(scratch["evidence"], "dom0.log", SearchOption.AllDirectories).SelectMany(File.ReadLines).TakeLast(60) : []);
}
