using Rehost.Blocks;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Ovf;

public sealed class OvfPackageTests
{
    private const int MiB = 1 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_package_of_vmware()
    {
        var (a, b, c) = (Noise(2 * MiB, 1), Noise(MiB, 2), Noise(MiB, 3));
        using var package = Open(new OvaBuilder().Add("web01.ovf", Descriptors.Vmware()).Add("web-disk1.raw", a).Add("web-disk2.raw", b).Add("web-disk3.raw", c).Manifest("web01.mf").Add("web01.cert", "SHA256(web01.mf)= 00"));
        var machine = package.Machine;
        Assert.Equal(("web01", "the web server", Hypervisor.Vmware, VirtualizationMode.Hardware, Firmware.Uefi, 4L << 30, 2),
            (machine.Name, machine.Description, machine.Hypervisor, machine.Mode, machine.Firmware, machine.MemoryBytes, machine.VirtualCpus));
        Assert.Equal([("vmdisk1", "sda", true), ("vmdisk2", "sdb", false), ("vmdisk3", "sdc", false)], machine.Disks.Select(disk => (disk.Id, disk.DeviceName, disk.IsBootable)));
        Assert.Equal([new NetworkAdapter { MacAddress = "00:50:56:ab:cd:01", Network = "VM Network", Model = "vmxnet3" }, new NetworkAdapter { Network = "Storage", Model = "e1000" }], machine.NetworkAdapters);
        Check(package, a, b, c);
        package.VerifyManifest(null, Token);
        Assert.Equal(["OVF012"], package.Findings.Select(finding => finding.Id));
        Assert.Equal(4L * MiB, package.ManifestBytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_package_of_virtualbox(bool isVersion2)
    {
        var disk = Noise(MiB, 4);
        using var package = Open(new OvaBuilder().Add("lab.ovf", Descriptors.VirtualBox(isVersion2)).Add("lab disk.raw", disk).Manifest("lab.mf", "SHA1", "{0} ({1}) = {2}\r\n"));
        var machine = package.Machine;
        Assert.Equal(("lab", Hypervisor.VirtualBox, Firmware.Uefi, 512L << 20, Guid.Parse("5a2f1a50-1111-4222-8333-444455556666")), (machine.Name, machine.Hypervisor, machine.Firmware, machine.MemoryBytes, machine.Uuid!.Value));
        Assert.Equal([new NetworkAdapter { MacAddress = "08:00:27:4f:a1:b2", Network = "NAT", Model = "e1000" }], machine.NetworkAdapters);
        Check(package, disk);
        package.VerifyManifest(null, Token);
        Assert.Empty(package.Findings);
    }

    [Fact]
    public void A_package_of_version_0_9()
    {
        var disk = Noise(MiB, 5);
        using var package = Open(new OvaBuilder().Add("old.ovf", Descriptors.Version09()).Add("input.raw", disk));
        Assert.Equal(("old", Hypervisor.Vmware, 256L << 20), (package.Machine.Name, package.Machine.Hypervisor, package.Machine.MemoryBytes));
        Assert.Equal("bridged", Assert.Single(package.Machine.NetworkAdapters).Network);
        Check(package, disk);
        Assert.Equal("OVF011", Assert.Single(package.Findings).Id);
    }

    [Theory]
    [InlineData("xen-3.0-x64", VirtualizationMode.Paravirtual, Firmware.None)]
    [InlineData("hvm-3.0-unknown", VirtualizationMode.Hardware, Firmware.Uefi)]
    public void A_package_of_xenserver(string type, VirtualizationMode mode, Firmware firmware)
    {
        var (a, b) = (Noise(MiB, 6), Noise(MiB, 7));
        using var package = Open(new OvaBuilder().Add("pv.ovf", Descriptors.XenServer(type)).Add("xen.raw", a).Add("swap.raw", b));
        Assert.Equal((Hypervisor.XenServer, mode, firmware), (package.Machine.Hypervisor, package.Machine.Mode, package.Machine.Firmware));
        Assert.Equal([("disk-a", "xvda"), ("disk-b", "xvdb")], package.Machine.Disks.Select(disk => (disk.Id, disk.DeviceName)));
        Assert.Equal(mode == VirtualizationMode.Paravirtual ? new ParavirtualBoot("pygrub", null, null, "console=hvc0") : null, package.Machine.ParavirtualBoot);
        Check(package, a, b);
    }

    [Theory]
    [InlineData("RAW")]
    [InlineData("COW")]
    public void A_package_of_ovirt(string volumeFormat)
    {
        using var scratch = new ScratchDirectory();
        var content = Noise(3 * MiB, 8);
        File.WriteAllBytes(scratch["in"], content);
        Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", "qcow2", scratch["in"], scratch["out"]);
        using var package = Open(new OvaBuilder().Add("vm.ovf", Descriptors.Ovirt(volumeFormat, 1)).Add("grp/vol1", File.ReadAllBytes(scratch[volumeFormat == "COW" ? "out" : "in"])));
        var machine = package.Machine;
        Assert.Equal(("engine vm", "from oVirt", Hypervisor.Kvm, Firmware.Uefi, 2L << 30, 6), (machine.Name, machine.Description, machine.Hypervisor, machine.Firmware, machine.MemoryBytes, machine.VirtualCpus));
        Assert.Equal([new NetworkAdapter { MacAddress = "56:6f:1a:2b:00:01", Network = "ovirtmgmt", Model = "virtio" }], machine.NetworkAdapters);
        Assert.Equal(("vda", 1L << 30), (machine.Disks[0].DeviceName, machine.Disks[0].LengthBytes));
        Check(package, content);
        Assert.Contains("OVF014", package.Findings.Select(finding => finding.Id));
        Assert.Equal(volumeFormat == "COW" ? "qcow2" : "raw", package.Machine.Disks[0].Format);
    }

    /// <summary>What S0.24 saves: a folder with the descriptor and its files.</summary>
    [Fact]
    public void A_folder_is_read_as_an_archive_is()
    {
        using var scratch = new ScratchDirectory();
        var disks = Enumerable.Range(1, 3).Select(number => Noise(number == 1 ? 2 * MiB : MiB, number)).ToArray();
        File.WriteAllText(scratch["web01.ovf"], Descriptors.Vmware());
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(scratch[$"web-disk{i + 1}.raw"], disks[i]);
        }

        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && for f in web01.ovf web-disk?.raw; do echo \"SHA512($f)= $(sha512sum < $f | cut -d' ' -f1)\"; done > web01.mf");
        using var package = OvfPackage.OpenFolder(scratch["web01.ovf"]);
        Check(package, disks);
        package.VerifyManifest(null, Token);
        Assert.Empty(package.Findings);
        Assert.Equal(3, package.HostFiles.Count);

        File.WriteAllText(scratch["web-disk2.raw"], "changed");
        Assert.Equal("OVF009", Assert.Throws<DiagnosticException>(() => package.VerifyManifest(null, Token)).Diagnostic.Id);
        File.Delete(scratch["web-disk2.raw"]);
        Assert.Equal("OVF010", Assert.Throws<DiagnosticException>(() => package.VerifyManifest(null, Token)).Diagnostic.Id);
    }

    /// <summary>What tar(1) of any habit packs is read: GNU, POSIX with extended headers, old, names with ./.</summary>
    [Theory]
    [InlineData("--format=gnu")]
    [InlineData("--format=pax")]
    [InlineData("--format=ustar")]
    [InlineData("--format=v7")]
    public void What_tar_packs_is_read(string format)
    {
        using var scratch = new ScratchDirectory();
        var disk = Noise(MiB, 5);
        Directory.CreateDirectory(scratch["in"]);
        File.WriteAllText(scratch["in/old.ovf"], Descriptors.Version09());
        File.WriteAllBytes(scratch["in/input.raw"], disk);
        Tool.MustRun("tar", format, "-cf", scratch["a.ova"], "-C", scratch["in"], "./old.ovf", "./input.raw");
        using var package = OvfPackage.OpenArchive(FileDevice.OpenRead(scratch["a.ova"]), "a.ova", Token);
        Check(package, disk);
    }

    [Fact]
    public void Disks_in_parts_and_gziped_disks_are_read_in_place()
    {
        var (a, b, c) = (Noise(2 * MiB, 1), Noise(MiB, 2), new byte[MiB]);
        var files = "<File ovf:href=\"a.raw\" ovf:id=\"file1\" ovf:size=\"2097152\" ovf:chunkSize=\"900000\"/><File ovf:href=\"b.raw.gz\" ovf:id=\"file2\" ovf:compression=\"gzip\"/>"
            + "<File ovf:href=\"c.gz\" ovf:id=\"file3\" ovf:compression=\"gzip\" ovf:chunkSize=\"700\"/>";
        var packed = Gzip(c);
        using var package = Open(new OvaBuilder().Add("web01.ovf", Descriptors.Vmware(files))
            .Add("a.raw.000000000", a[..900_000]).Add("a.raw.000000001", a[900_000..1_800_000]).Add("a.raw.000000002", a[1_800_000..])
            .Add("b.raw.gz", Gzip(b)).Add("c.gz.000000000", packed[..700]).Add("c.gz.000000001", packed[700..]).Manifest("web01.mf"));
        Check(package, a, b, c);
        package.VerifyManifest(null, Token);
    }

    [Fact]
    public void A_disk_without_a_file_is_empty()
    {
        var text = Descriptors.Vmware().Replace(" ovf:fileRef=\"file2\"", "", StringComparison.Ordinal);
        using var package = Open(new OvaBuilder().Add("web01.ovf", text).Add("web-disk1.raw", Noise(2 * MiB, 1)).Add("web-disk3.raw", Noise(MiB, 3)));
        Check(package, Noise(2 * MiB, 1), new byte[MiB], Noise(MiB, 3));
    }

    [Fact]
    public void One_changed_bit_is_found_and_the_file_named()
    {
        var disk = Noise(MiB, 4);
        foreach (var (algorithm, form) in new[] { ("SHA1", "{0}({1})= {2}\n"), ("SHA256", "{0} ({1}) = {2}\n"), ("SHA512", "{0}({1})={2}\r\n") })
        {
            var bytes = new OvaBuilder().Add("lab.ovf", Descriptors.VirtualBox(false)).Add("lab disk.raw", disk).Manifest("lab.mf", algorithm, form).End();
            var at = bytes.AsSpan().IndexOf(disk.AsSpan(777_777, 16));
            bytes[at] ^= 0x10;
            using var package = OvfPackage.OpenArchive(new MemoryDevice(bytes), "lab.ova", Token);
            var error = Assert.Throws<DiagnosticException>(() => package.VerifyManifest(null, Token)).Diagnostic;
            Assert.Equal("OVF009", error.Id);
            Assert.Contains("'lab disk.raw'", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_changed_descriptor_is_not_even_parsed()
    {
        var good = new OvaBuilder().Add("lab.ovf", Descriptors.VirtualBox(false)).Manifest("lab.mf").End();
        good[512 + 600] ^= 1;
        Assert.Equal("OVF009", Assert.Throws<DiagnosticException>(() => OvfPackage.OpenArchive(new MemoryDevice(good), "lab.ova", Token)).Diagnostic.Id);
    }

    /// <summary>A declared format is believed and references of what is inside are confined to the package: a qcow2 in an OVA cannot have /etc/passwd behind it.</summary>
    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../../../../../../../../etc/passwd")]
    public void A_disk_inside_cannot_reach_out(string backing)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", "raw", scratch["q"], "1M");
        using var package = Open(new OvaBuilder().Add("vm.ovf", Descriptors.Ovirt("COW", 1)).Add("grp/vol1", File.ReadAllBytes(scratch["q"])));
        var error = Assert.Throws<DiagnosticException>(() => package.OpenDisks(Token)).Diagnostic;
        Assert.Equal("BLK006", error.Id);
    }

    internal static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    internal static OvfPackage Open(OvaBuilder builder) => OvfPackage.OpenArchive(new MemoryDevice(builder.End(), canWrite: false), "test.ova", Token);

    private static byte[] Gzip(byte[] content)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["in"], content);
        Tool.MustRun("gzip", "-6", "-n", scratch["in"]);
        return File.ReadAllBytes(scratch["in.gz"]);
    }

    private static void Check(OvfPackage package, params byte[][] contents)
    {
        var disks = package.OpenDisks(Token);
        Assert.Equal(contents.Length, disks.Length);
        Assert.Equal(contents.Select(content => (long)content.Length), package.Machine.Disks.Select(disk => disk.LengthBytes));
        foreach (var (disk, content) in disks.Zip(contents))
        {
            var read = new byte[disk.Length];
            disk.Read(GuestOffset.Zero, read);
            Assert.True(read.AsSpan().SequenceEqual(content));
            disk.Dispose();
        }
    }
}
