using System.Text;
using Rehost.Hypervisors.Vmware;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Vmware;

public sealed class VmxSourceTests
{
    private const string Ordinary = """
        #!/usr/bin/vmware
        .encoding = "UTF-8"
        config.version = "8"
        displayName = "web |2201|22"
        annotation = "old|0Aserver"
        guestOS = "debian10-64"
        memSize = "2048"
        numvcpus = "2"
        firmware = "efi"
        uuid.bios = "56 4d 1a 2b 3c 4d 5e 6f-70 81 92 a3 b4 c5 d6 e7"
        scsi0.present = "TRUE"
        scsi0.virtualDev = "pvscsi"
        scsi0:1.present = "TRUE"
        scsi0:1.fileName = "web_1.vmdk"
        SCSI0:0.Present = "true"
        scsi0:0.filename = "/vmfs/volumes/52f-1a/web/web.vmdk"
        scsi0:2.present = "FALSE"
        scsi0:2.fileName = "gone.vmdk"
        scsi0:10.present = "TRUE"
        scsi0:10.fileName = "web_2.vmdk"
        ide1:0.present = "TRUE"
        ide1:0.deviceType = "cdrom-image"
        ide1:0.fileName = "debian.iso"
        ethernet1.present = "TRUE"
        ethernet1.generatedAddress = "00:0c:29:aa:bb:cc"
        ethernet0.present = "TRUE"
        ethernet0.virtualDev = "vmxnet3"
        ethernet0.addressType = "static"
        ethernet0.address = "00:50:56:01:02:03"
        ethernet0.networkName = "VM Network"
        """;

    [Fact]
    public void Reads_a_machine()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["web.vmx"], Ordinary);
        var machine = VmxSource.Open(scratch["web.vmx"]).Machine;
        Assert.Equal(("web \"01\"", "old\nserver", Hypervisor.Vmware, Firmware.Uefi, 2L << 30, 2, Guid.Parse("564d1a2b-3c4d-5e6f-7081-92a3b4c5d6e7")),
            (machine.Name, machine.Description, machine.Hypervisor, machine.Firmware, machine.MemoryBytes, machine.VirtualCpus, machine.Uuid!.Value));
        Assert.Equal([("scsi0:0", "sda", true), ("scsi0:1", "sdb", false), ("scsi0:10", "sdc", false)], machine.Disks.Select(disk => (disk.Id, disk.DeviceName, disk.IsBootable)));
        Assert.Equal([new NetworkAdapter { MacAddress = "00:50:56:01:02:03", Network = "VM Network", Model = "vmxnet3" }, new NetworkAdapter { MacAddress = "00:0c:29:aa:bb:cc", Model = "vlance" }], machine.NetworkAdapters);
    }

    [Theory]
    [InlineData("", "VMX001")]
    [InlineData("a = \"\u0000\"", "VMX001")]
    [InlineData("memSize = \"64\"", "VMX003")]
    [InlineData("scsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vmdk\"\nmemSize = \"-1\"", "VMX002")]
    [InlineData("scsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vmdk\"\ncheckpoint.vmState = \"a.vmss\"", "VMX004")]
    public void What_cannot_be_converted_is_refused(string text, string id)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["a.vmx"], text);
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => VmxSource.Open(scratch["a.vmx"])).Diagnostic.Id);
    }

    [Theory]
    [InlineData("../secret.vmdk")]
    [InlineData("/etc/passwd")]
    [InlineData("gone.vmdk")]
    public void A_disk_elsewhere_is_refused(string name)
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["in"]);
        File.WriteAllText(scratch["secret.vmdk"], "secret");
        File.WriteAllText(scratch["in/a.vmx"], $"scsi0:0.present = \"TRUE\"\nscsi0:0.deviceType = \"scsi-hardDisk\"\nscsi0:0.fileName = \"{name}\"");
        var error = Assert.Throws<DiagnosticException>(() => VmxSource.Open(scratch["in/a.vmx"]).OpenDisks()).Diagnostic;
        Assert.Contains(error.Id, new[] { "BLK005", "BLK006" });
    }

    [Fact]
    public void Damaged_files_give_diagnostics_only()
    {
        using var scratch = new ScratchDirectory();
        Fuzz.Run(500, [Ordinary], "\"=.:|#\n0123456789abcdefsiat", text =>
        {
            File.WriteAllBytes(scratch["a.vmx"], Encoding.UTF8.GetBytes(text));
            VmxSource.Open(scratch["a.vmx"]);
        });
    }

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("monolithicFlat")]
    [InlineData("twoGbMaxExtentSparse")]
    public void Disks_are_opened(string subFormat)
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[3 << 20];
        new Random(5).NextBytes(content.AsSpan(0, 1 << 20));
        File.WriteAllBytes(scratch["raw"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={subFormat}", scratch["raw"], scratch["web.vmdk"]);
        File.WriteAllText(scratch["web.vmx"], "memSize = \"64\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"/vmfs/volumes/1/web/web.vmdk\"");
        var source = VmxSource.Open(scratch["web.vmx"]);
        using var disk = Assert.Single(source.OpenDisks());
        var read = new byte[content.Length];
        disk.Read(Blocks.GuestOffset.Zero, read);
        Assert.True(read.AsSpan().SequenceEqual(content));
        Assert.Equal("VMX005", Assert.Single(source.Findings).Id);
    }
}
