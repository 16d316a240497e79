using System.Diagnostics;
using System.Xml.Linq;
using Rehost.Hypervisors.Kvm;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Kvm;

/// <summary>A real libvirtd, private to the test, takes what the writer wrote. It runs as an ordinary user (session mode); root steps down to nobody for it.</summary>
public sealed class LibvirtDaemonTests
{
    [Fact]
    public void Libvirtd_defines_the_domain_and_shows_its_devices() // S1.2
    {
        using var scratch = new ScratchDirectory();
        foreach (var name in new[] { "run", "home", "state" })
        {
            Directory.CreateDirectory(scratch[name]);
        }

        // Where the daemon has no KVM it refuses type='kvm' outright, so the same machine is defined for software emulation as well.
        File.WriteAllText(scratch["kvm.xml"], LibvirtDomainWriter.Write(LibvirtDomainTests.Machine, new LibvirtDomainOptions()));
        File.WriteAllText(scratch["tcg.xml"], LibvirtDomainWriter.Write(LibvirtDomainTests.Machine, new LibvirtDomainOptions { DomainType = LibvirtDomainType.Qemu }));
        File.WriteAllText(scratch["pc.xml"], LibvirtDomainWriter.Write(
            LibvirtDomainTests.Machine with { Name = "old", Firmware = Firmware.Bios }, new LibvirtDomainOptions { DomainType = LibvirtDomainType.Qemu, MachineType = LibvirtMachineType.Pc }));
        if (Environment.UserName == "root")
        {
            Tool.MustRun("chown", "-R", "65534:65534", scratch.Path);
        }

        using var daemon = Process.Start(Command(scratch, "libvirtd", "--timeout", "60", "--pid-file", scratch["run/pid"]))!;
        try
        {
            var socket = scratch["run/libvirt/libvirt-sock"];
            for (var tries = 0; !File.Exists(socket) && tries < 200; tries++)
            {
                Thread.Sleep(100);
            }

            var (kvmWorks, output) = Virsh(scratch, socket, "define", "--validate", scratch["kvm.xml"]);
            if (!kvmWorks)
            {
                Assert.Contains("does not support virt type 'kvm'", output, StringComparison.Ordinal);
                var (tcgDefined, tcgOutput) = Virsh(scratch, socket, "define", "--validate", scratch["tcg.xml"]);
                Assert.True(tcgDefined, tcgOutput);
            }

            var dump = XElement.Parse(Virsh(scratch, socket, "dumpxml", "web01").Output);
            Assert.Equal(["vda", "vdb"], dump.Descendants("disk").Select(disk => (string?)disk.Element("target")?.Attribute("dev")));
            Assert.Equal(LibvirtDomainTests.Machine.Disks.Select(disk => disk.Path), dump.Descendants("disk").Select(disk => (string?)disk.Element("source")?.Attribute("file")));
            Assert.Equal(LibvirtDomainTests.Machine.NetworkAdapters.Select(adapter => adapter.MacAddress), dump.Descendants("interface").Select(nic => (string?)nic.Element("mac")?.Attribute("address")));
            Assert.Equal("serial", (string?)dump.Descendants("console").Single().Element("target")?.Attribute("type"));
            Assert.Equal("786432", dump.Element("memory")?.Value);
            Assert.Equal("127.0.0.1", (string?)dump.Descendants("graphics").Single().Attribute("listen"));

            // And what libvirt prints is what the reader reads.
            File.WriteAllText(scratch["dump.xml"], dump.ToString());
            var read = LibvirtDomainReader.Open(scratch["dump.xml"]);
            Assert.True(read.IsQ35);
            Assert.Equal(LibvirtDomainTests.Machine.Disks.AsEnumerable(), read.Machine.Disks);

            Assert.True(Virsh(scratch, socket, "undefine", "web01").Succeeded);
            var (pcDefined, pcOutput) = Virsh(scratch, socket, "define", "--validate", scratch["pc.xml"]);
            Assert.True(pcDefined, pcOutput);
        }
        finally
        {
            daemon.Kill(entireProcessTree: true);
            daemon.WaitForExit();
        }
    }

    private static (bool Succeeded, string Output) Virsh(ScratchDirectory scratch, string socket, params string[] arguments)
    {
        using var process = Process.Start(Command(scratch, "virsh", ["-c", $"qemu+unix:///session?socket={socket}", .. arguments]))!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode == 0, process.ExitCode == 0 ? output : error.Result);
    }

    private static ProcessStartInfo Command(ScratchDirectory scratch, string program, params string[] arguments)
    {
        string[] stepDown = Environment.UserName == "root" ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", program] : [program];
        var start = new ProcessStartInfo(stepDown[0], [.. stepDown[1..], .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] += ":/usr/sbin:/sbin:/usr/bin:/bin";
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["HOME"] = scratch["home"];
        start.Environment["XDG_RUNTIME_DIR"] = scratch["run"];
        start.Environment["XDG_CONFIG_HOME"] = scratch["home"];
        start.Environment["XDG_CACHE_HOME"] = scratch["home"];
        start.Environment["XDG_DATA_HOME"] = scratch["state"];
        return start;
    }
}
