using Rehost.Model;
using Rehost.Proof.Qemu;
using Rehost.Testing;

namespace Rehost.Proof.Tests.Qemu;

/// <summary>What a stranger's guest may reach while it is booted: nothing of this machine but processor time and memory, and of these no more than it was given.</summary>
public sealed class ConfinementTests
{
    private static VirtualMachine Machine(string disk) => new()
    {
        Name = "../../../tiny",
        Hypervisor = Hypervisor.Kvm,
        MemoryBytes = 1L << 50,
        VirtualCpus = 4096,
        Disks = [new VirtualDisk { Id = "d0", DeviceName = "vda", Path = disk }],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:11:22:33,netdev=x" }, new NetworkAdapter { MacAddress = "00:16:3e:11:22:44", Model = "e1000" }],
    };

    [Fact]
    public void The_command_line_gives_no_network_no_host_and_limits()
    {
        using var scratch = new ScratchDirectory();
        foreach (var isQ35 in (bool[])[true, false])
        {
            var options = new BootProofOptions { EvidenceDirectory = scratch.Path, IsQ35 = isQ35 };
            var arguments = QemuCommandLine.Build(Machine("nbd:localhost:10809,x"), options, new QemuCommandLine.Paths("/run/qmp"), kvm: false, sandbox: true);
            var text = string.Join(' ', arguments);
            Assert.Contains("-nodefaults", arguments);
            Assert.Contains("-no-user-config", arguments);
            Assert.Contains("-nic none", text, StringComparison.Ordinal);
            Assert.Contains("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", text, StringComparison.Ordinal);
            Assert.Contains("-m 1024M", text, StringComparison.Ordinal);
            Assert.Contains("-smp 2", text, StringComparison.Ordinal);

            // No back end of a network, no shared folder, no device of the host, no second image beside the overlay.
            foreach (var word in (string[])["-netdev", "-net ", "netdev=", "user,", "tap", "vhost", "virtfs", "virtio-9p", "fsdev", "vfio", "usb-host", "-hda", "guestfwd", "-incoming", "-plugin", "-vnc", "-spice", "tcp:", "telnet:"])
            {
                Assert.DoesNotContain(word, text, StringComparison.Ordinal);
            }

            // What has a colon before its first slash would be a protocol to QEMU.
            var drive = Assert.Single(arguments, argument => argument.StartsWith("if=none", StringComparison.Ordinal));
            Assert.Matches("file=/.*nbd:localhost:10809,,x$", drive);
            Assert.Contains("snapshot=on", drive, StringComparison.Ordinal);
        }
    }

    /// <summary>A guest that runs without end, in a real QEMU: what the kernel says of that process.</summary>
    [Fact]
    public async Task The_kernel_holds_qemu_to_its_limits()
    {
        using var scratch = new ScratchDirectory();
        var disk = scratch["disk.img"];
        await File.WriteAllBytesAsync(disk, BootSector.Make("GNU GRUB\r\n", BootSector.Halt), TestContext.Current.CancellationToken);
        Directory.CreateDirectory(scratch["evidence"]);
        await File.WriteAllTextAsync(scratch["victim"], "mine", TestContext.Current.CancellationToken);
        foreach (var name in (string[])["serial.log", "qemu.txt", "boot.json", "firmware.log", "screen.png"])
        {
            File.CreateSymbolicLink(scratch[$"evidence/{name}"], scratch["victim"]);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var options = new BootProofOptions { EvidenceDirectory = scratch["evidence"], Timeout = TimeSpan.FromMinutes(4), Acceleration = QemuAcceleration.Software };
        var boot = Task.Run(() => BootProof.Run(Machine(disk), options, cancellationToken: stop.Token), CancellationToken.None);
        try
        {
            var process = await FindAsync(disk);
            var status = await File.ReadAllTextAsync($"/proc/{process}/status", TestContext.Current.CancellationToken);
            Assert.Matches("Seccomp:\\s*2", status);
            var limits = await File.ReadAllLinesAsync($"/proc/{process}/limits", TestContext.Current.CancellationToken);
            Assert.Equal("0", Limit(limits, "Max core file size"));
            Assert.InRange(ulong.Parse(Limit(limits, "Max address space"), System.Globalization.CultureInfo.InvariantCulture), 1UL << 30, 16UL << 30);
            Assert.InRange(ulong.Parse(Limit(limits, "Max cpu time"), System.Globalization.CultureInfo.InvariantCulture), 60UL, 3600UL);
            Assert.InRange(ulong.Parse(Limit(limits, "Max file size"), System.Globalization.CultureInfo.InvariantCulture), 1UL << 30, 64UL << 30);

            // Sockets: the control protocol's alone, in a directory that is ours alone.
            var sockets = Directory.GetFiles($"/proc/{process}/fd").Select(file => new FileInfo(file).LinkTarget ?? "").Where(target => target.StartsWith("socket:", StringComparison.Ordinal)).Select(target => target[8..^1]).ToHashSet(StringComparer.Ordinal);
            foreach (var table in (string[])["tcp", "tcp6", "udp", "udp6", "raw", "packet"])
            {
                var lines = await File.ReadAllLinesAsync($"/proc/{process}/net/{table}", TestContext.Current.CancellationToken);
                Assert.DoesNotContain(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Any(sockets.Contains));
            }

            var qmp = Directory.GetDirectories(Path.GetTempPath(), "rehost-boot-*").Where(directory => File.Exists(Path.Combine(directory, "qmp"))).ToList();
            Assert.NotEmpty(qmp);
            Assert.All(qmp, directory => Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(directory)));
            Assert.DoesNotContain("=", await File.ReadAllTextAsync($"/proc/{process}/environ", TestContext.Current.CancellationToken) is { } environment ? environment.Split('\0').FirstOrDefault(one => one.Length > 0 && !one.StartsWith("PATH=", StringComparison.Ordinal) && !one.StartsWith("HOME=", StringComparison.Ordinal) && !one.StartsWith("TMPDIR=", StringComparison.Ordinal) && !one.StartsWith("LD_LIBRARY_PATH=", StringComparison.Ordinal)) ?? "" : "", StringComparison.Ordinal);
        }
        finally
        {
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => boot);
        }

        // The evidence was made anew, for its owner alone; nothing that lay there was followed.
        Assert.Equal("mine", await File.ReadAllTextAsync(scratch["victim"], CancellationToken.None));
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(scratch["evidence/serial.log"]));
        Assert.Null(new FileInfo(scratch["evidence/serial.log"]).LinkTarget);
    }

    [Fact]
    public void What_is_no_disk_is_not_waited_for()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("mkfifo", scratch["pipe"]);
        var refused = Assert.Throws<DiagnosticException>(() => BootProof.Run(Machine(scratch["pipe"]), new BootProofOptions { EvidenceDirectory = scratch["evidence"] }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("QEM005", refused.Diagnostic.Id);
        Assert.False(Directory.Exists(scratch["evidence"]));
    }

    private static string Limit(string[] limits, string name) => limits.Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];

    // The process whose command line names the disk, once it is set up: the sandbox is the last thing before the guest runs.
    private static async Task<int> FindAsync(string disk)
    {
        for (var attempt = 0; attempt < 600; attempt++)
        {
            await Task.Delay(200, TestContext.Current.CancellationToken);
            foreach (var directory in Directory.GetDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
            {
                try
                {
                    var words = (await File.ReadAllTextAsync(Path.Combine(directory, "cmdline"))).Split('\0');
                    if (words[0].Contains("qemu", StringComparison.Ordinal) && words.Any(word => word.Contains(disk, StringComparison.Ordinal))
                        && (await File.ReadAllTextAsync(Path.Combine(directory, "status"))).Contains("Seccomp:\t2", StringComparison.Ordinal) && (await File.ReadAllTextAsync(Path.Combine(directory, "environ"))).Length > 0)
                    {
                        return int.Parse(Path.GetFileName(directory), System.Globalization.CultureInfo.InvariantCulture);
                    }
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It has ended.
                }
            }
        }

        throw new TimeoutException("QEMU did not start, or runs without its sandbox");
    }
}
