using System.Text.Json;
using Rehost.Model;
using Rehost.Proof.Qemu;
using Rehost.Testing;

namespace Rehost.Proof.Tests.Qemu;

public sealed class BootProofTests
{
    private static VirtualMachine Machine(params string[] disks) => new()
    {
        Name = "tiny",
        Hypervisor = Hypervisor.Kvm,
        MemoryBytes = 64L << 20,
        Firmware = Firmware.Bios,
        Disks = [.. disks.Select((path, index) => new VirtualDisk { Id = $"d{index}", DeviceName = $"vd{(char)('a' + index)}", Path = path })],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:11:22:33" }],
    };

    private static BootReport Boot(ScratchDirectory scratch, byte[] image, double seconds, BootMilestone goal = BootMilestone.Login, bool q35 = true)
    {
        var path = scratch["disk,1.img"];
        File.WriteAllBytes(path, image);
        var report = BootProof.Run(Machine(path), new BootProofOptions
        {
            EvidenceDirectory = scratch["evidence"],
            Timeout = TimeSpan.FromSeconds(seconds),
            Grace = TimeSpan.FromSeconds(1.5),
            Goal = goal,
            IsQ35 = q35,
            Acceleration = QemuAcceleration.Software,
        });

        // The image is never modified, whatever the guest does.
        Assert.Equal(image, File.ReadAllBytes(path));
        return report;
    }

    [Fact]
    public void A_login_prompt_on_the_serial_console_is_success() // S0.37, X.7
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, BootSector.Make("GNU GRUB\r\nLinux version 6.1\r\n\x1b[1mWelcome to \x1b[0mX!\r\n\r\nweb01 login: [    9.1] random: x", BootSector.Halt), 60);
        Assert.Equal(BootVerdict.Booted, report.Verdict);
        Assert.Null(report.Cause);
        Assert.Equal([BootMilestone.Firmware, BootMilestone.BootLoader, BootMilestone.Kernel, BootMilestone.Init, BootMilestone.Login], report.Milestones.Select(reached => reached.Milestone));
        Assert.Contains("web01 login:", File.ReadAllText(report.SerialLog), StringComparison.Ordinal);
        Assert.Equal("tcg", report.Accelerator);
        Assert.Contains("SeaBIOS", File.ReadAllText(scratch["evidence/firmware.log"]), StringComparison.Ordinal);

        // A stranger must be able to read the picture.
        Assert.NotNull(report.Screenshot);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47], File.ReadAllBytes(report.Screenshot)[..4]);
        using var json = JsonDocument.Parse(File.ReadAllText(scratch["evidence/boot.json"]));
        Assert.Equal("Booted", json.RootElement.GetProperty("verdict").GetString());
        Assert.Contains("snapshot=on", File.ReadAllText(scratch["evidence/qemu.txt"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug", 3)] // the host was too busy
    [InlineData("Kernel panic - not syncing: Attempted to kill init!", 1)]
    public void A_timer_that_a_busy_host_withheld_is_no_fault_of_the_guest(string panic, int attempts)
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, BootSector.Make("GNU GRUB\r\n" + panic + "\r\n", BootSector.Halt), 60);
        Assert.Equal((BootVerdict.Failed, attempts), (report.Verdict, report.Attempts));
    }

    [Fact]
    public void A_disk_without_a_boot_loader_is_told_by_the_firmware()
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, new byte[1 << 20], 60);
        Assert.Equal((BootVerdict.Failed, "QEM024"), (report.Verdict, report.Cause?.Id));
        Assert.Equal(BootMilestone.Firmware, report.Furthest);
    }

    [Fact]
    public void A_panic_is_told_with_its_line()
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, BootSector.Make("Linux version 5\r\nKernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n", BootSector.Halt), 60, q35: false);
        Assert.Equal((BootVerdict.Failed, "QEM020"), (report.Verdict, report.Cause?.Id));
        Assert.Contains("unknown-block(0,0)", report.Cause!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_restarts_is_told_and_photographed()
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, BootSector.Make("GRUB loading.\r\n", BootSector.Restart), 60);
        Assert.Equal((BootVerdict.Ended, "QEM027"), (report.Verdict, report.Cause?.Id));
        Assert.NotNull(report.Screenshot);
    }

    [Fact]
    public void A_guest_that_hangs_is_ended_when_the_time_is_up()
    {
        using var scratch = new ScratchDirectory();
        var report = Boot(scratch, BootSector.Make("Linux version 5\r\n", BootSector.Halt), 6);
        Assert.Equal((BootVerdict.TimedOut, "QEM029"), (report.Verdict, report.Cause?.Id));
        Assert.Equal(BootMilestone.Kernel, report.Furthest);
        Assert.InRange(report.Seconds, 5.9, 40);
    }

    [Fact]
    public void A_silent_guest_is_told_apart()
    {
        using var scratch = new ScratchDirectory();
        Assert.Equal("QEM028", Boot(scratch, BootSector.Make("", BootSector.Halt), 6).Cause?.Id);
    }

    [Fact]
    public void Cancelling_ends_qemu()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["d"], BootSector.Make("x", BootSector.Halt));
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        Assert.ThrowsAny<OperationCanceledException>(() => BootProof.Run(
            Machine(scratch["d"]), new BootProofOptions { EvidenceDirectory = scratch["e"], Acceleration = QemuAcceleration.Software }, cancellationToken: cancel.Token));
        Assert.DoesNotContain(Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => name!.All(char.IsAsciiDigit)).Select(ReadCommand),
            command => command.Contains(scratch["d"], StringComparison.Ordinal));

        static string ReadCommand(string? pid)
        {
            try
            {
                return File.ReadAllText($"/proc/{pid}/cmdline");
            }
            catch (IOException)
            {
                return "";
            }
        }
    }

    [Fact]
    public void Images_that_refer_elsewhere_are_not_booted()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-q", "-f", "raw", scratch["base"], "1M");
        Tool.MustRun("qemu-img", "create", "-q", "-f", "qcow2", "-b", scratch["base"], "-F", "raw", scratch["top"]);
        var machine = Machine(scratch["top"]);
        machine = machine with { Disks = [machine.Disks[0] with { Format = "qcow2" }] };
        Assert.Equal("QEM004", Assert.Throws<DiagnosticException>(() => BootProof.Run(machine, new BootProofOptions { EvidenceDirectory = scratch["e"] })).Diagnostic.Id);
        Assert.Equal("QEM005", Assert.Throws<DiagnosticException>(() => BootProof.Run(Machine("/nonexistent/x"), new BootProofOptions { EvidenceDirectory = scratch["e"] })).Diagnostic.Id);
    }

    [Fact]
    public void A_missing_or_failing_qemu_is_told()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["d"], new byte[512]);
        var options = new BootProofOptions { EvidenceDirectory = scratch["e"], QemuPath = "/nonexistent/qemu", Acceleration = QemuAcceleration.Software };
        Assert.Equal("QEM001", Assert.Throws<DiagnosticException>(() => BootProof.Run(Machine(scratch["d"]), options)).Diagnostic.Id);
        Assert.Equal("QEM002", Assert.Throws<DiagnosticException>(() => BootProof.Run(Machine(scratch["d"]), options with { QemuPath = null, ProcessorModel = "nonsense" })).Diagnostic.Id);
    }

    [Fact]
    public void Uefi_firmware_runs()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["d"], new byte[1 << 20]);
        var machine = Machine(scratch["d"]) with { Firmware = Firmware.Uefi, MemoryBytes = 256L << 20 };
        var report = BootProof.Run(machine, new BootProofOptions
        {
            EvidenceDirectory = scratch["e"], Acceleration = QemuAcceleration.Software, Timeout = TimeSpan.FromSeconds(90), Goal = BootMilestone.Firmware,
        });
        Assert.Equal(BootVerdict.Booted, report.Verdict);
    }

    [Fact]
    public void Kvm_is_probed_by_running()
    {
        // Only that the probe answers, quickly and without an exception: this machine's answer is not every machine's.
        var program = QemuProgram.Find();
        Assert.True(program.HasSandbox);
        _ = program.KvmWorks();
    }
}
