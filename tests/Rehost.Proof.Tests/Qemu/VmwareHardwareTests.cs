using System.Text;
using Rehost.Model;
using Rehost.Proof.Qemu;
using Rehost.Testing;

namespace Rehost.Proof.Tests.Qemu;

/// <summary>Machines of VMware: their devices, disks that are members of an archive, a screen instead of a serial line.</summary>
public sealed class VmwareHardwareTests
{
    [Fact]
    public void Devices_are_those_of_the_description()
    {
        var machine = Machine("pvscsi", "vmxnet3", "/m/a,b.ova");
        var options = new BootProofOptions { EvidenceDirectory = "/x", IsQ35 = false, DiskParts = [new DiskFilePart(1536, 4096)] };
        var arguments = string.Join(' ', QemuCommandLine.Build(machine, options, new QemuCommandLine.Paths("/q"), kvm: false, sandbox: false));
        Assert.Contains("-device pvscsi,id=pvscsi-0 ", arguments, StringComparison.Ordinal);
        Assert.Contains("-device scsi-hd,bus=pvscsi-0.0,scsi-id=0,drive=disk0,bootindex=1", arguments, StringComparison.Ordinal);
        Assert.Contains("-device vmxnet3,mac=00:0c:29:11:22:33,romfile=", arguments, StringComparison.Ordinal);
        Assert.Contains("""file=json:{"driver":"vmdk",,"file":{"driver":"raw",,"offset":1536,,"size":4096,,"file":{"driver":"file",,"filename":"/m/a,,b.ova",,"locking":"off"}},,"backing":null}""", arguments, StringComparison.Ordinal);
        Assert.Equal("QEM032", Assert.Throws<DiagnosticException>(() => QemuCommandLine.Build(Machine("lsilogic", "e1000", "x"), options, new QemuCommandLine.Paths("/q"), false, false)).Diagnostic.Id);
    }

    [Fact]
    public void A_login_on_the_screen_is_success()
    {
        using var scratch = new ScratchDirectory();

        // A boot sector that writes with the BIOS: to the screen, which is the only place.
        File.WriteAllBytes(scratch["raw"], BootSector.OnScreen("web01 login: "));
        Tool.MustRun("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", scratch["raw"], scratch["disk.vmdk"]);
        var vmdk = File.ReadAllBytes(scratch["disk.vmdk"]);
        File.WriteAllBytes(scratch["web01.ova"], [.. new byte[512], .. vmdk, .. new byte[512]]);
        var report = BootProof.Run(Machine("pvscsi", "vmxnet3", scratch["web01.ova"]), new BootProofOptions
        {
            EvidenceDirectory = scratch["evidence"],
            Timeout = TimeSpan.FromSeconds(120),
            IsQ35 = false,
            ReadsScreen = true,
            DiskParts = [new DiskFilePart(512, vmdk.Length)],
            Acceleration = QemuAcceleration.Software,
        });
        Assert.Equal(BootVerdict.Booted, report.Verdict);
        Assert.Contains("web01 login:", File.ReadAllText(scratch["evidence/screen.log"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_whose_data_is_elsewhere_is_refused()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["x.vmdk"], "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 2880 FLAT \"/etc/shadow\" 0\n".PadRight(1024));
        var error = Assert.Throws<DiagnosticException>(() => BootProof.Run(Machine("pvscsi", "vmxnet3", scratch["x.vmdk"]), new BootProofOptions { EvidenceDirectory = scratch["evidence"], IsQ35 = false }));
        Assert.Equal("QEM004", error.Diagnostic.Id);
    }

    [Fact]
    public void Text_is_found_anywhere_in_the_memory_of_the_screen()
    {
        var memory = new byte[TextScreen.Length];
        Put(memory, 3, "\u00dastarting");
        Put(memory, 190, "web01 login: ");
        var screen = new TextScreen();
        Assert.Equal([" starting", "web01 login:"], screen.Update(memory));
        Put(memory, 4, "more");
        Assert.Equal(["more"], screen.Update(memory));
        Assert.Empty(screen.Update(memory));
        Assert.Empty(TextScreen.Lines(new byte[10]));
    }

    private static void Put(byte[] memory, int row, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var column = 0; column < bytes.Length; column++)
        {
            memory[(row * 160) + (2 * column)] = bytes[column];
            memory[(row * 160) + (2 * column) + 1] = 7;
        }
    }

    private static VirtualMachine Machine(string bus, string model, string path) => new()
    {
        Name = "web01",
        Hypervisor = Hypervisor.Vmware,
        MemoryBytes = 64L << 20,
        Firmware = Firmware.Bios,
        Disks = [new VirtualDisk { Id = "d", DeviceName = "sda", Path = path, Format = "vmdk", Bus = bus, IsBootable = true }],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:0c:29:11:22:33", Model = model }],
    };
}
