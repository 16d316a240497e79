using System.Buffers.Binary;
using Rehost.Inspection.Linux.Kernels;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;


namespace Rehost.Inspection.Tests.Linux;

/// <summary>What modules, kernels and initramfs say of themselves.</summary>
public sealed class KernelTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_module_says_what_it_needs(bool is64)
    {
        Assert.Equal(["virtio", "virtio_ring"], ModuleInformation.Depends(ElfFile.Module("virtio,virtio_ring", is64)));
        Assert.Empty(ModuleInformation.Depends(ElfFile.Module("", is64)) ?? ["x"]);
        Assert.Null(ModuleInformation.Depends(ElfFile.Sections(is64, (".text", [1]))));
        Assert.Null(ModuleInformation.Depends("no module"u8));
    }

    [Theory]
    [InlineData("", "cat")]
    [InlineData(".gz", "gzip")]
    [InlineData(".xz", "xz --check=crc32")]
    [InlineData(".zst", "zstd -q")]
    public void Without_an_index_the_modules_are_followed(string suffix, string command)
    {
        var directory = "/lib/modules/6.1/kernel/";
        var guest = new MemoryGuest().File("/lib/modules/6.1/modules.dep", "");
        foreach (var (path, needs) in ((string, string)[])[("drivers/virtio/virtio_ring.ko", ""), ("drivers/virtio/virtio.ko", "virtio_ring"), ("drivers/block/virtio_blk.ko", "virtio-ring,virtio"), ("drivers/virtio/virtio_pci.ko", "virtio,missing,virtio_pci"), ("fs/other.ko", "")])
        {
            guest.File(directory + path + suffix, Pipe(ElfFile.Module(needs), command));
        }

        var modules = KernelModules.Read(guest.Reader, "/lib/modules/6.1", null, CancellationToken.None);
        var drivers = modules.Drivers(new HashSet<string>());
        Assert.Equal(["virtio_ring", "virtio", "virtio_blk"], drivers.Single(driver => driver.Name == "virtio_blk").LoadOrder.Select(Name));
        Assert.Equal(["virtio_ring", "virtio", "virtio_pci"], drivers.Single(driver => driver.Name == "virtio_pci").LoadOrder.Select(Name));
        Assert.All(drivers, driver => Assert.Equal(DriverForm.Module, driver.Form));

        string Name(string path) => Path.GetFileName(path)[..^(".ko".Length + suffix.Length)];
    }

    [Fact]
    public void Xens_front_ends_go_by_their_older_names()
    {
        var kernel = new InstalledKernel { Version = "2.6.18-xen", ImagePath = "/boot/x", Drivers = [new KernelDriver("xenblk", DriverForm.Module, ["/x.ko"], false), new KernelDriver("mptscsih", DriverForm.BuiltIn, [], true)] };
        Assert.Equal(("xenblk", "xen_netfront", DriverForm.Missing), (kernel.Driver("xen_blkfront").Name, kernel.Driver("xen_netfront").Name, kernel.Driver("xen_netfront").Form));
        Assert.Equal("mptscsih", kernel.Driver("mptspi").Name);
    }

    [Fact]
    public void A_kernels_notes_say_for_which_xen_it_is_built() // S2.23
    {
        byte[] yes = [.. "yes\0"u8];
        Assert.Equal("x86_64", XenNotes.Abi(ElfFile.Notes(true, "Xen", (5, [.. "xen-3.0\0"u8]), (1, new byte[8]))));
        Assert.Equal("x86_32p", XenNotes.Abi(ElfFile.Notes(false, "Xen", (9, yes), (2, new byte[4]))));
        Assert.Equal("x86_32", XenNotes.Abi(ElfFile.Notes(false, "Xen", (9, [.. "no\0"u8]), (2, new byte[4]))));
        Assert.Null(XenNotes.Abi(ElfFile.Notes(true, "Xen", (18, new byte[8]))));
        Assert.Null(XenNotes.Abi(ElfFile.Notes(true, "GNU", (1, new byte[8]))));
        Assert.Equal("x86_32p", XenNotes.Abi(ElfFile.Sections(false, ("__xen_guest", [.. "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,PAE=yes,LOADER=generic"u8]))));
        Assert.Null(XenNotes.Abi("MZ"u8));
    }

    [Theory]
    [InlineData("gzip -n")]
    [InlineData("xz --check=crc32")]
    [InlineData("lz4 -l -q")]
    [InlineData("zstd -q")]
    [InlineData("lzma")]
    public void Notes_are_read_out_of_a_kernel_image(string command) // S0.13
    {
        var payload = Pipe(ElfFile.Notes(true, "Xen", (1, new byte[8])), command);
        var image = new byte[(5 * 512) + payload.Length + 100];
        GuestImage.Kernel("6.1").AsSpan(0, 0x300).CopyTo(image);
        image[0x1f1] = 4;
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(0x248), 0);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(0x24c), payload.Length);
        payload.CopyTo(image, 5 * 512);
        var guest = new MemoryGuest().File("/boot/vmlinuz", image).File("/boot/vmlinuz-xen", Pipe(ElfFile.Notes(false, "Xen", (2, new byte[4])), "gzip -n"));
        Assert.Equal("x86_64", XenNotes.ReadAbi(guest.Reader, "/boot/vmlinuz", CancellationToken.None));
        Assert.Equal("x86_32", XenNotes.ReadAbi(guest.Reader, "/boot/vmlinuz-xen", CancellationToken.None));
    }

    [Fact]
    public void Damaged_files_are_nothing()
    {
        var random = new Random(11);
        byte[][] samples = [ElfFile.Module("a,b"), ElfFile.Module("a", is64: false), ElfFile.Notes(true, "Xen", (1, new byte[8]), (9, [1])), ElfFile.Notes(false, "Xen", (2, new byte[4]))];
        for (var round = 0; round < 20_000; round++)
        {
            var sample = samples[round % samples.Length].ToArray();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                sample[random.Next(sample.Length)] = (byte)(random.Next(3) == 0 ? 255 : random.Next(256));
            }

            var cut = sample.AsSpan(0, random.Next(4) == 0 ? random.Next(sample.Length) : sample.Length);
            _ = ModuleInformation.Depends(cut);
            _ = XenNotes.Abi(cut);
        }
    }

    public static TheoryData<InitramfsGenerator, string, string?> Starts => new()
    {
        { InitramfsGenerator.Nash, "bin/nash=x|init=#!/bin/nash\nmount\n", "#!/bin/nash\nmount\n" },
        { InitramfsGenerator.Nash, "init=#!/bin/nash --force\n", "#!/bin/nash --force\n" },
        { InitramfsGenerator.SuseMkinitrd, "run_all.sh=x|init=#!/bin/bash\n. /run_all.sh\n", "#!/bin/bash\n. /run_all.sh\n" },
        { InitramfsGenerator.Mkinitcpio, "init_functions=x|config=MODULES=\n|init=#!/usr/bin/ash\n", "#!/usr/bin/ash\n" },
        { InitramfsGenerator.Mkinitcpio, "buildconfig=x|config=x|init=\0ELF", null },
        { InitramfsGenerator.Genkernel, "etc/initrd.scripts=x|init=#!/bin/sh\n", "#!/bin/sh\n" },
        { InitramfsGenerator.Mkinitfs, "sbin/nlplug-findfs=x|init=#!/bin/sh\n", "#!/bin/sh\n" },
        { InitramfsGenerator.Dracut, "usr/lib/dracut/hooks/pre-udev/a.sh=x|init=#!/bin/sh\n", null },
        { InitramfsGenerator.InitramfsTools, "conf/initramfs.conf=x|init=#!/bin/sh\n", null },
        { InitramfsGenerator.Unknown, "linuxrc=#!/bin/sh\n", "#!/bin/sh\n" },
        { InitramfsGenerator.Unknown, "linuxrc=#!/bin/sh\n|init=\0ELF", null },
    };

    [Theory]
    [MemberData(nameof(Starts))]
    public void Who_made_an_initramfs_and_how_it_starts(InitramfsGenerator generator, string files, string? script)
    {
        var parts = files.Split('|').Select(part => (part[..part.IndexOf('=', StringComparison.Ordinal)], part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..])).ToArray();
        var guest = new MemoryGuest().File("/boot/initrd", GuestImage.Initramfs(parts));
        var facts = InitramfsReader.Read(guest.Reader.Find("/boot/initrd") ?? throw new InvalidOperationException(), CancellationToken.None);
        Assert.Null(facts.UnreadableReason);
        Assert.Equal((generator, script), (facts.Generator, facts.InitScript));
    }

    [Fact]
    public void An_image_of_mkinitcpio_that_systemd_starts_takes_a_unit()
    {
        var guest = new MemoryGuest().File("/boot/initrd", GuestImage.Initramfs(("init_functions", "x"), ("config", "x"), ("usr/lib/systemd/systemd", "x"), ("init", "\0ELF")));
        var facts = InitramfsReader.Read(guest.Reader.Find("/boot/initrd") ?? throw new InvalidOperationException(), CancellationToken.None);
        Assert.Equal((InitramfsGenerator.Mkinitcpio, "etc/systemd/system"), (facts.Generator, facts.HooksPath));
    }

    private static byte[] Pipe(byte[] input, string command)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["in"], input);
        Tool.MustRun("sh", "-e", "-c", $"{command} < '{scratch["in"]}' > '{scratch["out"]}'");
        return File.ReadAllBytes(scratch["out"]);
    }
}
