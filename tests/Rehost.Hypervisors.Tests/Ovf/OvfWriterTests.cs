using System.Xml.Linq;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Hypervisors.Tests.Ovf;

public sealed class OvfWriterTests
{
    private const int MiB = 1 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly byte[][] Contents = [[.. OvfPackageTests.Noise(MiB, 1), .. new byte[2 * MiB], .. OvfPackageTests.Noise(300_032, 2)], new byte[MiB]];

    private static VirtualMachine Machine(int disks = 2) => new()
    {
        Name = "web <01> \u00e9",
        Description = "a & b",
        Hypervisor = Hypervisor.Xen,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Uefi,
        MemoryBytes = 1536L << 20,
        VirtualCpus = 3,
        Disks = [.. Enumerable.Range(0, disks).Select(index => new VirtualDisk { Id = $"xvd{index}", DeviceName = $"xvd{(char)('a' + index)}" })],
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:01:02:03", Network = "br <0>", Model = "netfront" }, new NetworkAdapter { Model = "vmxnet3" }],
    };

    public static TheoryData<string> Formats => [.. new[] { "raw", "qcow2", "vhd", "vmdk" }.Where(name => KnownDiskFormats.All.Any(format => format.Name == name && format.CanWrite))];

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_archive_is_what_importers_and_tools_expect(string format)
    {
        using var scratch = new ScratchDirectory();
        var path = Write(scratch["web.ova"], format);
        var extension = KnownDiskFormats.ByName(format).Extension;
        Assert.Equal(["web__01___.ovf", $"web__01___-disk1{extension}", $"web__01___-disk2{extension}", "web__01___.mf"], Tool.MustRun("tar", "-tf", path).Trim().Split('\n'));
        Tool.MustRun("tar", "-xf", path, "-C", scratch.Path);
        CheckFiles(scratch, format);
        using var package = OvfPackage.OpenArchive(FileDevice.OpenRead(path), "web.ova", Token);
        CheckPackage(package);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_folder_is_what_importers_and_tools_expect(string format)
    {
        using var scratch = new ScratchDirectory();
        using (var writer = new OvfFolderWriter(scratch.Path, Machine(), new OvfWriterOptions { DiskFormat = format }))
        {
            foreach (var content in Contents)
            {
                using var disk = writer.BeginDisk(content.Length);
                WriteContent(disk, content);
            }

            writer.Complete(Token);
        }

        CheckFiles(scratch, format);
        using var package = OvfPackage.OpenFolder(scratch["web__01___.ovf"]);
        CheckPackage(package);
    }

    [Fact]
    public void The_same_machine_gives_the_same_bytes()
    {
        using var scratch = new ScratchDirectory();
        foreach (var format in Formats)
        {
            Assert.Equal(File.ReadAllBytes(Write(scratch[$"1{format.Data}"], format.Data)), File.ReadAllBytes(Write(scratch[$"2{format.Data}"], format.Data)));
        }
    }

    [Fact]
    public void Nothing_is_left_of_a_package_that_was_given_up()
    {
        using var scratch = new ScratchDirectory();
        using (var writer = new OvfFolderWriter(scratch.Path, Machine(), new OvfWriterOptions { DiskFormat = "raw" }))
        {
            using var disk = writer.BeginDisk(MiB);
            WriteContent(disk, Contents[1]);
            Assert.Throws<InvalidOperationException>(() => writer.Complete(Token));
        }

        Assert.Empty(Directory.GetFiles(scratch.Path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    public void Machines_of_any_number_of_disks(int count)
    {
        var machine = Machine(count);
        var text = OvfDescriptor(machine);
        Assert.Empty(OvfRules.Broken(XDocument.Parse(text)));
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a"]);
        Assert.Equal("OVF018", Assert.Throws<DiagnosticException>(() => new OvaWriter(file, Machine(61), new OvfWriterOptions())).Diagnostic.Id);
        Assert.Equal("OVF018", Assert.Throws<DiagnosticException>(() => new OvaWriter(file, Machine(1), new OvfWriterOptions { DiskFormat = "xva" })).Diagnostic.Id);
    }

    /// <summary>The rules are no rubber stamp.</summary>
    [Fact]
    public void Every_rule_bites()
    {
        var good = OvfDescriptor(Machine());
        Assert.Empty(OvfRules.Broken(XDocument.Parse(good)));
        (string From, string To)[] faults =
        [
            ("ovf:/disk/vmdisk2", "ovf:/disk/vmdisk7"), ("ovf:fileRef=\"file2\"", "ovf:fileRef=\"file7\""), ("<rasd:Parent>3", "<rasd:Parent>99"),
            ("<rasd:InstanceID>4<", "<rasd:InstanceID>3<"), ("<rasd:AddressOnParent>1<", "<rasd:AddressOnParent>0<"), ("ovf:name=\"VM Network\"", "ovf:name=\"other\""),
            ("<Info>The list of logical networks</Info>", ""), ("<vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>", ""), ("<rasd:AddressOnParent>0<", "<rasd:AddressOnParent>7<"),
        ];
        Assert.All(faults, fault =>
        {
            Assert.Contains(fault.From, good, StringComparison.Ordinal);
            Assert.NotEmpty(OvfRules.Broken(XDocument.Parse(good.Replace(fault.From, fault.To, StringComparison.Ordinal))));
        });
    }

    private static string OvfDescriptor(VirtualMachine machine)
    {
        using var scratch = new ScratchDirectory();
        using (var writer = new OvfFolderWriter(scratch.Path, machine, new OvfWriterOptions { DiskFormat = "raw" }))
        {
            foreach (var _ in machine.Disks)
            {
                using var disk = writer.BeginDisk(4096);
                disk.Complete();
            }

            writer.Complete();
        }

        return File.ReadAllText(Directory.GetFiles(scratch.Path, "*.ovf").Single());
    }

    private static void CheckFiles(ScratchDirectory scratch, string format)
    {
        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && sed 's/^SHA256(\\(.*\\))= \\(.*\\)$/\\2  \\1/' *.mf | sha256sum -c --quiet");
        Assert.Empty(OvfRules.Broken(XDocument.Load(scratch["web__01___.ovf"])));
        for (var i = 0; i < Contents.Length; i++)
        {
            File.WriteAllBytes(scratch["expected"], Contents[i]);
            var disk = scratch[$"web__01___-disk{i + 1}{KnownDiskFormats.ByName(format).Extension}"];
            Tool.MustRun("qemu-img", "compare", "-f", format == "vhd" ? "vpc" : format, "-F", "raw", disk, scratch["expected"]);
        }
    }

    private static void CheckPackage(OvfPackage package)
    {
        package.VerifyManifest(null, Token);
        var disks = package.OpenDisks(Token);
        Assert.Empty(package.Findings);
        var machine = package.Machine;
        Assert.Equal(("web <01> \u00e9", "a & b", Hypervisor.Vmware, Firmware.Uefi, 1536L << 20, 3), (machine.Name, machine.Description, machine.Hypervisor, machine.Firmware, machine.MemoryBytes, machine.VirtualCpus));
        Assert.Equal([new NetworkAdapter { MacAddress = "00:16:3e:01:02:03", Network = "br <0>", Model = "e1000" }, new NetworkAdapter { Network = "VM Network", Model = "vmxnet3" }], machine.NetworkAdapters);
        foreach (var (disk, content) in disks.Zip(Contents))
        {
            var read = new byte[disk.Length];
            disk.Read(GuestOffset.Zero, read);
            Assert.True(read.AsSpan(0, content.Length).SequenceEqual(content));
            disk.Dispose();
        }
    }

    private static string Write(string path, string format)
    {
        using var file = CommittedFile.Create(path);
        using var writer = new OvaWriter(file, Machine(), new OvfWriterOptions { DiskFormat = format }, () => FileDevice.OpenReferenced(path + CommittedFile.PartialSuffix));
        foreach (var content in Contents)
        {
            using var disk = writer.BeginDisk(content.Length);
            WriteContent(disk, content);
        }

        writer.Complete();
        file.Commit();
        return path;
    }

    private static void WriteContent(IImageWriter disk, byte[] content)
    {
        for (var at = 0; at < content.Length; at += MiB)
        {
            disk.Write(new GuestOffset(at), content.AsSpan(at, Math.Min(MiB, content.Length - at)));
        }

        disk.Complete();
    }
}
