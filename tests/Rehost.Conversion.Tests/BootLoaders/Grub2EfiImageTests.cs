using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.FileSystems;
using Rehost.FileSystems.Fat;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Tests.BootLoaders;

/// <summary>GRUB 2 for UEFI, put together by our own code: held against grub-mkimage, and started by OVMF.</summary>
public sealed class Grub2EfiImageTests
{
    private const string Directory = "/usr/lib/grub/x86_64-efi";
    private static readonly HostGrubFiles Files = new(Directory);

    [Fact]
    public void The_modules_are_those_of_grub_mkimage_byte_for_byte()
    {
        using var scratch = new ScratchDirectory();
        string[] modules = ["part_msdos", "fat", "normal", "linux", "search_fs_uuid", "serial"];
        File.WriteAllText(scratch["early.cfg"], "set a=b\n");
        Tool.MustRun("grub-mkimage", ["-O", "x86_64-efi", "-d", Directory, "-o", scratch["theirs.efi"], "-p", "/boot/grub", "-c", scratch["early.cfg"], .. modules]);
        var theirs = File.ReadAllBytes(scratch["theirs.efi"]);
        var ours = Grub2EfiImage.Build(Files, modules, "/boot/grub", "set a=b\n");
        Assert.True(Area(theirs).AsSpan().SequenceEqual(Area(ours)), "the module areas differ");
        Assert.Equal(Relocations(theirs), Relocations(ours));
    }

    [Fact]
    public void Ovmf_starts_it_from_an_efi_system_partition_of_ours()
    {
        using var scratch = new ScratchDirectory();
        const int start = 2048;
        const int sectors = 48 << 11;
        using (var disk = FileDevice.Create(scratch["disk"], (start + sectors + 2048) * 512L))
        {
            new MbrTable(1, [new MbrEntry(1, 0xef, new Lba(start), sectors, IsBootable: false)]).WriteTo(disk);
            var partition = new SliceDevice(disk, new Lba(start).ToOffset(), sectors * 512L, "esp");
            FatFormatter.Format(partition, new FatFormatOptions("ESP", 0x1A2B3C4D) { HiddenSectors = start });
            using var fileSystem = FatFileSystem.Open(partition, new FileSystemOpenOptions());
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/EFI/BOOT");
            tree.CreateDirectories("/rehost");
            var config = new GrubEarlyConfig("1A2B-3C4D", "/rehost");
            tree.WriteFile("/EFI/BOOT/BOOTX64.EFI", Grub2EfiImage.Build(Files, GrubModules.FullEfi, "/rehost", config.ToText()));
            tree.WriteFile("/rehost/grub.cfg", "if [ \"$grub_platform\" = efi ]; then\n  echo REHOST-GRUB-OK\nfi\nhalt\n"u8);
            fileSystem.Flush();
        }

        File.Copy("/usr/share/OVMF/OVMF_VARS_4M.fd", scratch["vars.fd"]);
        var log = scratch["serial.log"];
        var result = Tool.Run(
            "timeout", "--signal=KILL", "300", "sh", "-c",
            $"qemu-system-x86_64 -machine q35 -accel tcg -m 256 -display none -monitor none -nodefaults -vga std -no-reboot -serial file:{log} "
            + $"-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,unit=1,format=raw,file={scratch["vars.fd"]} "
            + $"-drive file={scratch["disk"]},format=raw,if=virtio,snapshot=on & q=$!; "
            + $"for i in $(seq 1 1000); do grep -aq REHOST-GRUB-OK {log} 2>/dev/null && break; kill -0 $q 2>/dev/null || break; sleep 0.25; done; kill $q 2>/dev/null; wait $q; true");
        var text = File.Exists(log) ? Encoding.Latin1.GetString(File.ReadAllBytes(log)) : "";
        Assert.True(text.Contains("REHOST-GRUB-OK", StringComparison.Ordinal), $"the serial log says:\n{text}\n{result.Output}{result.Error}");
    }

    [Fact]
    public void A_damaged_kernel_is_refused_by_name()
    {
        var good = Files.Read("kernel.img");
        var random = new Random(20261121);
        for (var round = 0; round < 400; round++)
        {
            var bad = (byte[])good.Clone();
            for (var hit = 0; hit < 4; hit++)
            {
                // Where the structures are: the header, and the tables at the end.
                var at = round % 2 == 0 ? random.Next(64) : bad.Length - 1 - random.Next(4096);
                bad[at] = (byte)random.Next(256);
            }

            try
            {
                _ = Grub2EfiImage.Build(new Damaged(bad[..(round % 5 == 0 ? random.Next(bad.Length) : bad.Length)]), ["normal"], "/x", null);
            }
            catch (DiagnosticException e)
            {
                Assert.StartsWith("GRB", e.Diagnostic.Id, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void The_files_for_a_bios_are_not_taken_for_those_for_uefi()
    {
        Assert.Equal("GRB012", Assert.Throws<DiagnosticException>(() => GrubFileLocator.FindEfi("/nowhere")).Diagnostic.Id);
        Assert.Equal(Directory, Path.GetFullPath(GrubFileLocator.FindEfi("/usr/lib/grub/i386-pc").Description));
        Assert.Equal(Directory, GrubFileLocator.FindEfi("/usr/lib/grub").Description);
    }

    // The section that GRUB's kernel looks for by its name; both makers fill it up to a page.
    private static byte[] Area(byte[] image)
    {
        var section = SectionOf(image, "mods");
        var start = BinaryPrimitives.ReadInt32LittleEndian(section.AsSpan(20));
        var size = BinaryPrimitives.ReadInt64LittleEndian(image.AsSpan(start + 16));
        return image[start..(start + (int)size)];
    }

    private static int Relocations(byte[] image)
    {
        var section = SectionOf(image, ".reloc");
        var at = BinaryPrimitives.ReadInt32LittleEndian(section.AsSpan(20));
        var end = at + BinaryPrimitives.ReadInt32LittleEndian(section.AsSpan(8));
        var count = 0;
        while (at + 8 <= end && BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(at + 4)) is > 8 and var length)
        {
            for (var entry = at + 8; entry < at + length; entry += 2)
            {
                count += image[entry + 1] >> 4 == 10 ? 1 : 0;
            }

            at += length;
        }

        return count;
    }

    private static byte[] SectionOf(byte[] image, string name)
    {
        var header = BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(0x3c));
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(header + 6));
        var table = header + 24 + BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(header + 20));
        return Enumerable.Range(0, count).Select(index => image[(table + (index * 40))..(table + ((index + 1) * 40))]).Single(section => Encoding.ASCII.GetString(section, 0, 8).TrimEnd('\0') == name);
    }

    private sealed class Damaged(byte[] kernel) : IGrubFiles
    {
        public string Description => "damaged";

        public bool Exists(string name) => Files.Exists(name);

        public byte[] Read(string name) => name == "kernel.img" ? kernel : Files.Read(name);
    }
}
