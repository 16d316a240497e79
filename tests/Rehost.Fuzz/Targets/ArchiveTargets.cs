using System.Text;
using Rehost.Archives;
using Rehost.Archives.Iso9660;
using Rehost.Archives.Modules;
using Rehost.Archives.Packages;
using Rehost.Archives.Seekable;
using Rehost.Archives.Tests;
using Rehost.Archives.Tests.Packages;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.Conversion.Initramfs;
using Rehost.Conversion.Modules;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Inspection.Linux.Kernels;
using Rehost.Inspection.Tests;
using Rehost.Inspection.Tests.Guests;
using Rehost.Testing;

namespace Rehost.Fuzz.Targets;

/// <summary>What guests and operators hold in files: compressed data, archives, packages, modules, kernels.</summary>
internal static class ArchiveTargets
{
    private const int Limit = 4 << 20;
    private const string Script = "#!/bin/nash\nmount -t proc /proc /proc\ninsmod /lib/sd_mod.ko\n";

    public static IEnumerable<FuzzTarget> All =>
    [
        Compressed("gzip", ["GzipDecoder", "Lzo1x"], "gzip -6", "gzip -1", "gzip -n -9"),
        Compressed("bzip2", [], "bzip2 -1", "bzip2 -9"),
        Compressed("xz", ["XzVarint"], "xz --check=crc32 -1", "xz --x86 --check=none --lzma2=preset=1", "xz -6"),
        Compressed("lzma", [], "lzma -1", "xz --format=lzma -6"),
        Compressed("lzop", ["Lzo1x", "Lzo1xBlock"], "lzop -3", "lzop -C -7"),
        Compressed("lz4", ["Lz4Block"], "lz4 -9 -BD --no-frame-crc", "lz4 -1 -BX -B4"),
        Compressed("lz4-legacy", ["Lz4Block"], "lz4 -l -9"),
        Compressed("zstd", ["FseTable", "ZstdHuffmanTable"], "zstd --no-check -1", "zstd --no-check -15", "zstd -6"),
        new("cpio", CpioSeeds, RunCpio) { Covers = ["CpioReader", "NewcWalk", "NewcEdit"], Weight = 2 },
        new("initramfs", InitramfsSeeds, RunInitramfs) { Covers = ["InitramfsArchive", "InitramfsReader", "InitramfsRewrite", "InitramfsPrefix", "Decompressor"], Weight = 2, SmokeExecutions = 60 },
        new("elf-module", ModuleSeeds, RunModule) { Covers = ["KernelModuleFile", "ModuleInformation", "ModuleIndexes", "ModuleFile"], Weight = 2 },
        new("kernel-image", KernelSeeds, RunKernel) { Covers = ["KernelImageHeader", "XenNotes", "UnifiedImageReader", "OperatingSystemReader"], Weight = 2 },
        new("grub-kernel", GrubSeeds, RunGrub) { Covers = ["EfiKernel", "GrubKernel", "GrubModules", "GrubFileLocator"], SmokeExecutions = 30 },
        new("iso9660", IsoSeeds, RunIso) { Covers = ["IsoImage"], IsElastic = false, Weight = 2 },
        new("rpm", RpmSeeds, RunPackage) { Covers = ["RpmPackage", "RpmHeader", "SoftwarePackage"], Weight = 2, SmokeExecutions = 60 },
        new("deb", DebSeeds, RunPackage) { Covers = ["DebPackage", "SoftwarePackage", "PaxHeader"], Seal = ContainerSeals.Tar, Weight = 2, SmokeExecutions = 60 },
    ];

    private static FuzzTarget Compressed(string name, string[] covers, params string[] commands) => new(name, _ => CompressedSeeds(commands), run => RunCompressed(run, Compressor.KindOf(commands[0]))) { Covers = [.. covers], KeptHead = 2, Weight = 2 };

    private static IEnumerable<FuzzSeed> CompressedSeeds(string[] commands)
    {
        foreach (var command in commands)
        {
            var samples = Compressor.Run(command, [Samples.Mixed(9000, 1), Samples.Text(4000, 2), Samples.Random(300, 3), [], new byte[100_000]]);
            foreach (var (sample, index) in samples.Select((sample, index) => (sample, index)))
            {
                yield return new FuzzSeed($"{command}, {index}", sample);
            }
        }
    }

    private static void RunCompressed(FuzzRun run, CompressionKind kind)
    {
        var bytes = run.Bytes;
        run.Attempt(() =>
        {
            var content = Decompressor.DecompressAll(kind, bytes, Limit, null, run.CancellationToken);
            run.Demand(content.Length <= Limit, "limit");
            run.Note("content", content.Length);
        });
        run.Attempt(() =>
        {
            using var file = run.Device();
            if (CompressedContent.Detect(file) == kind)
            {
                Span<byte> head = stackalloc byte[600];
                CompressedContent.ReadHead(kind, file, head);
            }
        });
    }

    private static IEnumerable<FuzzSeed> CpioSeeds(SeedRoom room)
    {
        room.Shell($"mkdir -p t/bin t/lib; cd t; printf '{Script.Replace("\n", "\\n", StringComparison.Ordinal)}' > init; seq 300 > bin/nash; ln bin/nash bin/hard; ln -s nash bin/insmod; mkfifo pipe; mknod console c 5 1 || true; echo x > lib/sd_mod.ko");
        yield return room.Make("newc", "(cd t; find . | cpio --quiet -o -H newc) > out");
        yield return room.Make("crc", "(cd t; find . | cpio --quiet -o -H crc) > out");
        yield return room.Make("odc", "(cd t; find . | cpio --quiet -o -H odc) > out");
        yield return room.Make("two", "(cd t; find lib | cpio --quiet -o -H newc; find . | cpio --quiet -o -H newc) > out");
    }

    private static void RunCpio(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() =>
        {
            var reader = new CpioReader(new MemoryStream(bytes), null, run.CancellationToken);
            var count = 0;
            while (reader.Next() is { } entry)
            {
                run.Demand(++count <= CpioReader.MaxEntries, "endless");
                _ = entry.Path.Length;
                run.Attempt(() => run.Note("content", reader.ReadAllContent(1 << 20).Length));
            }

            run.Note("entries", count);
        });
        run.Attempt(() => NewcWalk.Run(bytes, _ => { }));
        run.Attempt(() =>
        {
            var old = NewcEdit.Find(bytes, "init", "input");
            if (old is null)
            {
                return;
            }

            // An edit that changes nothing leaves a script that reads the same, and one that does is found again.
            var same = NewcEdit.Replace(bytes, "init", old, [], "lib", "input");
            run.Demand(NewcEdit.Find(same, "init", "input").AsSpan().SequenceEqual(old), "round trip");
            var edited = NewcEdit.Replace(bytes, "init", [.. old, 1, 2, 3], [("lib/new.ko", new byte[100])], "lib", "input");
            run.Demand(NewcEdit.Find(edited, "init", "input") is { } found && found.AsSpan().SequenceEqual((byte[])[.. old, 1, 2, 3]), "edit");
        });
    }

    private static IEnumerable<FuzzSeed> InitramfsSeeds(SeedRoom room)
    {
        room.Shell($"mkdir -p t/bin t/lib/modules/6.1/kernel; cd t; printf '{Script.Replace("\n", "\\n", StringComparison.Ordinal)}' > init; seq 100 > bin/nash; echo x > lib/modules/6.1/kernel/virtio_blk.ko; mkdir -p ../m/kernel/x86/microcode; head -c 300 /dev/zero > ../m/kernel/x86/microcode/GenuineIntel.bin");
        foreach (var command in (string[])["cat", "gzip -n", "bzip2", "xz --check=crc32", "lzma", "lz4 -l -q", "lzop -q", "zstd -q"])
        {
            yield return room.Make(command, $"(cd t; find . | cpio --quiet -o -H newc) | {command} > out");
        }

        yield return room.Make("microcode", "{ (cd m; find kernel | cpio --quiet -o -H newc); (cd t; find . | cpio --quiet -o -H newc | gzip -n); } > out");
        yield return new FuzzSeed("prefixed", [.. InitramfsPrefix.Build([("virtio_blk", new byte[100])], Rehost.Model.InitramfsGenerator.Dracut, "/lib/dracut/hooks"), .. room.Read("out")]);
    }

    private static void RunInitramfs(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() =>
        {
            var archive = new InitramfsArchive(bytes, "input", Limit);
            run.Exhaust(archive.ReadFiles(run.CancellationToken));
            run.Note("segments", archive.Segments.Count);
        });
        run.Attempt(() => InitramfsPrefix.FindExisting(bytes));
        run.Attempt(() => InitramfsRewrite.Apply(bytes, "init", script => [.. script, (byte)'\n'], "input", run.CancellationToken));
        run.Attempt(() =>
        {
            if (new MemoryGuest().File("/boot/initrd", bytes).Reader.Find("/boot/initrd") is { } node)
            {
                run.Note("modules", InitramfsReader.Read(node, run.CancellationToken).Modules.Length);
            }
        });
    }

    private static IEnumerable<FuzzSeed> ModuleSeeds(SeedRoom room)
    {
        yield return new FuzzSeed("64", ElfFile.Module("virtio,virtio_ring"));
        yield return new FuzzSeed("32", ElfFile.Module("virtio", is64: false));
        room.Shell("printf 'int exported(int a) { return a; }\\nstatic const char info[] __attribute__((section(\".modinfo\"), used)) = \"depends=a,b\\\\0alias=pci:v00001AF4d*\\\\0softdep=pre: c\";\\n' > m.c");
        var compiled = Tool.Run("gcc", "-c", room["m.c"], "-o", room["m.ko"]);
        if (compiled.ExitCode == 0)
        {
            yield return new FuzzSeed("gcc", room.Read("m.ko"));
            yield return room.Make("zstd", "zstd -qc m.ko > out");
        }
    }

    private static void RunModule(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() =>
        {
            if (KernelModuleFile.Read(bytes) is { } module)
            {
                run.Note("aliases", module.Aliases.Length + module.Depends.Length + module.Exports.Length);
                var indexes = ModuleIndexes.Of([("kernel/a.ko", module), ("kernel/b.ko", module)], "kernel/a.ko\nkernel/b.ko\n");
                _ = indexes.Needs("a");
                run.Note("indexes", indexes.Write("kernel/c.ko\n", bytes.AsSpan(0, Math.Min(bytes.Length, 300))).Count);
            }
        });
        run.Attempt(() => ModuleInformation.ReadDepends(bytes, "input", run.CancellationToken));
        run.Attempt(() => XenNotes.Abi(bytes));
        run.Attempt(() => XenNotes.IsPvh(bytes));
    }

    private static IEnumerable<FuzzSeed> KernelSeeds(SeedRoom room)
    {
        yield return new FuzzSeed("notes 64", ElfFile.Notes(true, "Xen", (6, "linux\0"u8.ToArray()), (9, "yes\0"u8.ToArray()), (18, [0, 0, 0, 1])));
        yield return new FuzzSeed("notes 32", ElfFile.Notes(false, "Xen", (6, "linux\0"u8.ToArray())));
        yield return new FuzzSeed("section", ElfFile.Sections(true, ("__xen_guest", "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic\0"u8.ToArray())));
        yield return new FuzzSeed("bzImage", GuestImage.Kernel("6.1.0-1-amd64"));
        File.WriteAllBytes(room["elf"], ElfFile.Notes(true, "Xen", (6, "linux\0"u8.ToArray())));
        room.Shell("gzip -nc elf > payload");
        byte[] image = [.. GuestImage.Kernel("6.1.0-1-amd64"), .. room.Read("payload"), .. new byte[50]];
        yield return new FuzzSeed("bzImage with payload", image);
        yield return new FuzzSeed("gzip", room.Read("payload"));
        yield return new FuzzSeed("unified", Unified((".cmdline", Encoding.ASCII.GetBytes("root=/dev/sda2 rw\0")), (".uname", "6.9.7"u8.ToArray()), (".linux", GuestImage.Kernel("6.9.7")), (".initrd", new byte[300])));
    }

    private static byte[] Unified(params (string Name, byte[] Content)[] sections)
    {
        var image = new List<byte>(new byte[1024]);
        var table = new byte[sections.Length * 40];
        for (var index = 0; index < sections.Length; index++)
        {
            var (name, content) = sections[index];
            var section = table.AsSpan(index * 40);
            Encoding.ASCII.GetBytes(name, section);
            BitConverter.TryWriteBytes(section[8..], content.Length);
            BitConverter.TryWriteBytes(section[16..], (content.Length + 511) / 512 * 512);
            BitConverter.TryWriteBytes(section[20..], image.Count);
            image.AddRange(content);
            image.AddRange(new byte[((content.Length + 511) / 512 * 512) - content.Length]);
        }

        var bytes = image.ToArray();
        "MZ"u8.CopyTo(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(0x3c), 0x80);
        "PE\0\0"u8.CopyTo(bytes.AsSpan(0x80));
        BitConverter.TryWriteBytes(bytes.AsSpan(0x86), (ushort)sections.Length);
        BitConverter.TryWriteBytes(bytes.AsSpan(0x94), (ushort)240);
        table.CopyTo(bytes, 0x80 + 24 + 240);
        return bytes;
    }

    private static void RunKernel(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() => KernelImageHeader.ReadRelease(bytes));
        run.Attempt(() => Rehost.Inspection.Linux.OperatingSystemReader.ElfArchitecture(bytes));
        var guest = new MemoryGuest().File("/boot/vmlinuz-6.1", bytes).File("/boot/efi/EFI/Linux/a.efi", bytes);
        run.Attempt(() => run.Note("abi", XenNotes.Read(guest.Reader, "/boot/vmlinuz-6.1", run.CancellationToken).Abi?.Length ?? 0));
        run.Attempt(() =>
        {
            if (guest.Reader.Find("/boot/efi/EFI/Linux/a.efi") is { } node && UnifiedImageReader.Read(node) is { } image)
            {
                run.Demand(image.KernelOffset >= 0 && image.KernelOffset + image.KernelLength <= bytes.Length, "kernel inside");
                run.Demand(image.InitramfsOffset >= 0 && image.InitramfsOffset + image.InitramfsLength <= bytes.Length, "initramfs inside");
                _ = UnifiedImageReader.Head(node, image, 5000);
            }
        });
        run.Attempt(() => run.Note("kernels", new KernelReader(guest.Reader, [], run.CancellationToken).Read().Kernels.Length));
    }

    private static IEnumerable<FuzzSeed> GrubSeeds(SeedRoom _)
    {
        yield return new FuzzSeed("BIOS", File.ReadAllBytes("/usr/lib/grub/i386-pc/kernel.img"));
        if (File.Exists("/usr/lib/grub/x86_64-efi/kernel.img"))
        {
            yield return new FuzzSeed("EFI", File.ReadAllBytes("/usr/lib/grub/x86_64-efi/kernel.img"));
        }

        yield return new FuzzSeed("list", File.ReadAllBytes("/usr/lib/grub/i386-pc/moddep.lst"));
    }

    private static void RunGrub(FuzzRun run)
    {
        var bytes = run.Bytes;
        run.Attempt(() => run.Note("flat", GrubKernel.Flatten((byte[])bytes.Clone(), "input").Length));
        run.Attempt(() => run.Note("image", EfiKernel.Load((byte[])bytes.Clone(), 0x1000, 0x1000, "input").Image.Length));
        run.Attempt(() =>
        {
            var modules = GrubModules.Parse(bytes, "input");
            run.Note("modules", modules.Names.Count());
            run.Attempt(() => modules.Close(modules.Available(GrubModules.Full)));
        });
    }

    private static IEnumerable<FuzzSeed> IsoSeeds(SeedRoom room)
    {
        room.Shell("mkdir -p 'iso/viostor/w10/amd64' iso/deep/a/b/c; echo '[Version]' > iso/viostor/w10/amd64/viostor.inf; seq 3000 > iso/viostor/w10/amd64/viostor.sys; for i in $(seq 60); do echo $i > \"iso/deep/a file with a long name $i.txt\"; done");
        yield return room.Make("Joliet", "xorriso -as mkisofs -quiet -J -r -o out iso 2> /dev/null || genisoimage -quiet -J -r -o out iso");
        yield return room.Make("plain", "xorriso -as mkisofs -quiet -o out iso 2> /dev/null || genisoimage -quiet -o out iso");
    }

    private static void RunIso(FuzzRun run)
    {
        var image = IsoImage.Open(run.Device());
        run.Note("files", image.Files.Length);
        foreach (var file in image.Files.Take(100))
        {
            run.Attempt(() => image.Read(file));
        }
    }

    private static IEnumerable<FuzzSeed> RpmSeeds(SeedRoom room)
    {
        room.Shell("mkdir -p tree/boot tree/usr/lib; seq 500 > tree/boot/vmlinuz-2.6; printf '#!/bin/sh\\n' > tree/usr/lib/tool; chmod 755 tree/usr/lib/tool; ln tree/usr/lib/tool tree/usr/lib/tool-too; ln -s vmlinuz-2.6 tree/boot/vmlinuz");
        foreach (var compression in (string[])["w9.gzdio", "w2.xzdio", "w3.zstdio", "w9.bzdio"])
        {
            yield return new FuzzSeed(compression, File.ReadAllBytes(PackageMaker.Rpm(room.Scratch, room["tree"], compression)));
        }
    }

    private static IEnumerable<FuzzSeed> DebSeeds(SeedRoom room)
    {
        room.Shell("mkdir -p tree/boot tree/usr/lib; seq 500 > tree/boot/vmlinuz-2.6; printf '#!/bin/sh\\n' > tree/usr/lib/tool; ln tree/usr/lib/tool tree/usr/lib/tool-too; ln -s vmlinuz-2.6 tree/boot/vmlinuz");
        foreach (var compression in (string[])["gzip", "xz", "zstd", "none"])
        {
            yield return new FuzzSeed(compression, File.ReadAllBytes(PackageMaker.Deb(room.Scratch, room["tree"], compression)));
        }
    }

    private static void RunPackage(FuzzRun run)
    {
        var package = SoftwarePackage.Open(new MemoryStream(run.Bytes), "input", run.CancellationToken);
        run.Note("name", package.Name.Length);
        var count = 0;
        foreach (var entry in package.ReadEntries(run.CancellationToken))
        {
            run.Demand(++count <= SoftwarePackage.MaximumEntries, "endless");
            run.Demand(entry.Path.StartsWith('/') && !entry.Path.Split('/').Contains(".."), "path inside", entry.Path);
            run.Attempt(() => entry.ReadAll(1 << 20));
            run.Attempt(() => Rehost.Conversion.Packages.PackageServices.Read(entry.Path, new byte[10]));
        }

        run.Note("entries", count);
    }
}
