using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Images;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Files;

/// <summary>
/// rehost files over containers, stacks of volumes and file systems. Each of the seven meets each of the others' seven once, as in a Latin square; the real tools make every
/// layer and judge what was written through all of them.
/// </summary>
public sealed class FilesMatrixTests
{
    private const string Passphrase = "the key of this volume";
    private static readonly string[] Containers = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "xva"];
    private static readonly string[] Stacks = ["bare", "mbr", "logical", "gpt", "lvm", "md", "luks"];
    private static readonly string[] FileSystems = ["ext2", "ext3", "ext4", "vfat", "xfs", "btrfs", "ntfs"];
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => [.. Stacks];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_verb_works_through_every_layer(string stack) // S4.9, S4.10, X.5
    {
        for (var index = 0; index < FileSystems.Length; index++)
        {
            var container = Containers[(index + Array.IndexOf(Stacks, stack)) % Containers.Length];
            using var scratch = new ScratchDirectory();
            try
            {
                Exercise(scratch, container, stack, FileSystems[index]);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException { InnerException: not null })
            {
                throw new InvalidOperationException($"{FileSystems[index]} on {stack} in {container}: {e.Message}", e);
            }
        }
    }

    private static void Exercise(ScratchDirectory scratch, string container, string stack, string fileSystem)
    {
        var files = MakeFiles(scratch, fileSystem);
        var (disk, start, length) = Stack(scratch, stack, MakeFileSystem(scratch, fileSystem, files));
        var source = Contain(disk, container, scratch["before." + container]);
        var isDeep = fileSystem != "ntfs";

        string[] left;
        using (var guest = Open(scratch, source))
        {
            string[] hidden = ["lost+found", "$"];
            left = [.. GuestListing.Walk(guest, "/", int.MaxValue, NoStop).Select(item => item.File.Path).Where(path => !hidden.Any(one => path.StartsWith("/" + one, StringComparison.Ordinal)))];
            Assert.Equal(isDeep ? ["/", "/big.bin", "/hello.txt", "/sub", "/sub/deep.txt", "/sub/empty"] : ["/", "/big.bin", "/hello.txt"], left.Order(StringComparer.Ordinal));
            Assert.Contains(GuestListing.List(guest, "/", NoStop), item => item.File is { Name: "big.bin", Length: 300_001 });
            using var content = new MemoryStream();
            FileExtraction.Cat(guest, "/hello.txt", content, NoStop);
            Assert.Equal("hello\n", Encoding.UTF8.GetString(content.ToArray()));
            Directory.CreateDirectory(scratch["out"]);
            foreach (var name in isDeep ? (string[])["big.bin", "hello.txt", "sub"] : ["big.bin", "hello.txt"])
            {
                FileExtraction.Get(guest, "/" + name, scratch["out"], NoStop);
                Tool.MustRun("diff", "-r", Path.Combine(files, name), scratch["out/" + name]);
            }
        }

        Edit(scratch, source, container, start, length, fileSystem, isDeep);
    }

    private static void Edit(ScratchDirectory scratch, string source, string container, long? start, long length, string fileSystem, bool isDeep)
    {
        var before = File.ReadAllBytes(source);
        File.WriteAllText(scratch["hello.txt"], "changed\n");
        Directory.CreateDirectory(scratch["new/inner"]);
        File.WriteAllBytes(scratch["new/inner/data.bin"], [.. Enumerable.Range(0, 70_000).Select(i => (byte)((i * 7 / 3) & 0xFF))]);
        var target = scratch["after." + container];
        using (var guest = Open(scratch, source))
        {
            var editing = new FileEditing(guest);
            Assert.Equal(1, editing.Put(scratch["hello.txt"], "/hello.txt", (0, 0), NoStop));
            Assert.Equal(3, editing.Put(scratch["new"], "/", (0, 0), NoStop));
            Assert.Equal(isDeep ? 3 : 1, editing.Remove(isDeep ? "/sub" : "/big.bin", recursive: isDeep, NoStop));
            if (container == "raw")
            {
                File.Copy(source, target);
            }
            else
            {
                Assert.Equal("FLE003", Assert.Throws<DiagnosticException>(() => editing.WriteInPlace()).Diagnostic.Id);
                editing.WriteImage(GuestFileTarget.Of(target, null), new SilentProgress(), NoStop);
            }
        }

        if (container == "raw")
        {
            using var guest = Open(scratch, target);
            var editing = new FileEditing(guest);
            editing.Put(scratch["hello.txt"], "/hello.txt", (0, 0), NoStop);
            editing.Put(scratch["new"], "/", (0, 0), NoStop);
            editing.Remove(isDeep ? "/sub" : "/big.bin", recursive: isDeep, NoStop);
            Assert.True(editing.WriteInPlace() > 0);
        }

        Assert.Equal(before, File.ReadAllBytes(source));
        Judge(scratch, Extract(scratch, target, container, start, length), fileSystem);
        using var left = Open(scratch, source);
        using var right = Open(scratch, target);
        var found = FileComparison.Run(left, right, "/", withTimes: false, NoStop).Where(one => one.Kind != FileDifferenceKind.Changed || one.What.Any(what => what.StartsWith("content", StringComparison.Ordinal)))
            .Where(one => !one.Path.StartsWith("/$", StringComparison.Ordinal)).Select(one => $"{one.Kind} {one.Path}").Order(StringComparer.Ordinal);
        string[] removed = isDeep ? ["Removed /sub", "Removed /sub/deep.txt", "Removed /sub/empty"] : ["Removed /big.bin"];
        Assert.Equal((string[])["Added /new", "Added /new/inner", "Added /new/inner/data.bin", "Changed /hello.txt", .. removed], found);
        Directory.CreateDirectory(scratch["back"]);
        FileExtraction.Get(right, "/new", scratch["back"], NoStop);
        Tool.MustRun("diff", "-r", scratch["new"], scratch["back/new"]);
    }

    private static GuestFiles Open(ScratchDirectory scratch, string path)
        => GuestFiles.Open(new SourceRequest(path) { Keys = [new KeySource(null, scratch["key"])] }, null, scratch.Path, null, NoStop);

    internal static string MakeFiles(ScratchDirectory scratch, string fileSystem)
    {
        File.WriteAllText(scratch["key"], Passphrase);
        Directory.CreateDirectory(scratch["files"]);
        File.WriteAllText(scratch["files/hello.txt"], "hello\n");
        var big = new byte[300_001];
        new Random(fileSystem.Length).NextBytes(big);
        File.WriteAllBytes(scratch["files/big.bin"], big);
        if (fileSystem != "ntfs")
        {
            Directory.CreateDirectory(scratch["files/sub"]);
            File.WriteAllText(scratch["files/sub/deep.txt"], "in the deep\n");
            File.WriteAllText(scratch["files/sub/empty"], "");
        }

        return scratch["files"];
    }

    internal static string MakeFileSystem(ScratchDirectory scratch, string type, string files)
    {
        var image = scratch["fs"];
        using (var file = File.Create(image))
        {
            file.SetLength(type switch { "btrfs" => 112L << 20, "xfs" => 304L << 20, "vfat" => 36L << 20, _ => 12L << 20 });
        }

        switch (type)
        {
            case "vfat":
                Tool.MustRun("mkfs.fat", "-F", "32", image);
                Tool.MustRun("sh", "-c", $"mcopy -s -i '{image}' '{files}'/* ::/");
                break;
            case "xfs":
                File.WriteAllText(scratch["prototype"], $"/x\n4 1\nd--755 0 0\nhello.txt ---644 0 0 {files}/hello.txt\nbig.bin ---644 0 0 {files}/big.bin\nsub d--755 0 0\ndeep.txt ---644 0 0 {files}/sub/deep.txt\nempty ---644 0 0 {files}/sub/empty\n$\n$\n");
                Tool.MustRun("mkfs.xfs", "-q", "-f", "-p", scratch["prototype"], image);
                break;
            case "btrfs":
                Tool.MustRun("mkfs.btrfs", "-q", "-f", "--rootdir", files, image);
                break;
            case "ntfs":
                Tool.MustRun("mkntfs", "-q", "-F", "-f", image);
                Tool.MustRun("ntfscp", "-q", image, Path.Combine(files, "hello.txt"), "/hello.txt");
                Tool.MustRun("ntfscp", "-q", image, Path.Combine(files, "big.bin"), "/big.bin");
                break;
            default:
                Tool.MustRun("mke2fs", "-q", "-F", "-t", type, "-d", files, image);
                break;
        }

        return image;
    }

    /// <summary>Puts a file system into a stack of volumes; the place is null where only decryption tells it.</summary>
    private static (string Disk, long? Start, long Length) Stack(ScratchDirectory scratch, string stack, string fileSystem)
    {
        const long mebibyte = 1 << 20;
        var (disk, length) = (scratch["disk"], new FileInfo(fileSystem).Length);
        switch (stack)
        {
            case "bare":
                return (fileSystem, 0, length);
            case "mbr" or "logical" or "gpt":
                var start = stack == "logical" ? 2 * mebibyte : mebibyte;
                using (var file = File.Create(disk))
                {
                    file.SetLength(start + length + mebibyte);
                }

                var partition = $"start={start / 512},size={length / 512}";
                var script = stack switch
                {
                    "mbr" => $"label: dos\n{partition},type=83\n",
                    "gpt" => $"label: gpt\n{partition}\n",
                    _ => $"label: dos\nstart=2048,size={(length / 512) + 4096},type=5\n{partition},type=83\n",
                };
                Assert.Equal(0, Tool.RunWithInput("sfdisk", Encoding.ASCII.GetBytes(script), "-q", disk).ExitCode);
                return Place(fileSystem, disk, start, length);
            case "lvm":
                using (var group = new LvmDisks(1, length + (4 * mebibyte)))
                {
                    group.Attach();
                    group.MakeGroup("vg", "-s", "1M");
                    group.MakeVolume("vg", "-n", "files", "-l", (length / mebibyte).ToString(System.Globalization.CultureInfo.InvariantCulture));
                    group.Detach();
                    File.Move(group.Images[0], disk);
                }

                return Place(fileSystem, disk, mebibyte, length, isFresh: false); // there is junk on it
            case "md":
                disk = new Rehost.Volumes.Tests.MdRaid.MdImage { Devices = 1, Used = length }.Make(scratch, isZeroed: true)[0];
                return Place(fileSystem, disk, 512 << 10, length);
            default:
                using (var file = File.OpenWrite(fileSystem))
                {
                    file.SetLength(length + (32 * mebibyte));
                }

                Tool.MustRun("cryptsetup", "reencrypt", "--encrypt", "-q", "--type", "luks2", "--force-offline-reencrypt", "--reduce-device-size", "32M", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", scratch["key"], fileSystem);
                return (fileSystem, null, length);
        }
    }

    private static (string Disk, long? Start, long Length) Place(string fileSystem, string disk, long start, long length, bool isFresh = true)
    {
        Tool.MustRun("dd", $"if={fileSystem}", $"of={disk}", "bs=1M", isFresh ? "conv=notrunc,sparse" : "conv=notrunc", "oflag=seek_bytes", $"seek={start}", "status=none");
        return (disk, start, length);
    }

    private static string Contain(string disk, string container, string path)
    {
        switch (container)
        {
            case "raw":
                File.Move(disk, path);
                break;
            case "xva":
                ImageConversion.Run(new ImageConversionRequest(new ImageRequest(disk) { Format = "raw" }, path) { IsDurable = false }, new SilentProgress(), NoStop);
                break;
            default:
                Tool.MustRun("qemu-img", "convert", "-f", "raw", "-O", container == "vhd" ? "vpc" : container, disk, path);
                break;
        }

        return path;
    }

    /// <summary>The file system alone, taken out of container and stack by others than the code under test where there are any.</summary>
    private static string Extract(ScratchDirectory scratch, string image, string container, long? start, long length)
    {
        var raw = image;
        if (container == "xva")
        {
            raw = scratch["after.raw"];
            ImageConversion.Run(new ImageConversionRequest(new ImageRequest(image), raw) { IsDurable = false }, new SilentProgress(), NoStop);
        }
        else if (container != "raw")
        {
            raw = scratch["after.raw"];
            Tool.MustRun("qemu-img", "convert", "-f", container == "vhd" ? "vpc" : container, "-O", "raw", image, raw);
        }

        var result = scratch["extracted"];
        if (start is { } at)
        {
            Tool.MustRun("dd", $"if={raw}", $"of={result}", "bs=1M", "conv=sparse", "iflag=skip_bytes,count_bytes", $"skip={at}", $"count={length}", "status=none");
            return result;
        }

        if (container == "raw")
        {
            raw = scratch["after.copy"];
            File.Copy(image, raw);
        }

        // The kernel's device-mapper is not there: cryptsetup takes the encryption off on the disk itself.
        Tool.MustRun("cryptsetup", "reencrypt", "--decrypt", "-q", "--force-offline-reencrypt", "--header", scratch["header"], "--key-file", scratch["key"], raw);
        using (var file = File.OpenWrite(raw))
        {
            file.SetLength(length);
        }

        File.Move(raw, result);
        return result;
    }

    internal static void Judge(ScratchDirectory scratch, string image, string fileSystem)
    {
        var (tool, options) = fileSystem switch
        {
            "vfat" => ("fsck.fat", (string[])["-n"]),
            "xfs" => ("xfs_repair", ["-n"]),
            "btrfs" => ("btrfs", ["check", "--readonly", "--check-data-csum"]),
            "ntfs" => ("ntfsfix", ["-n"]),
            _ => ("e2fsck", ["-fn"]),
        };
        Tool.MustRun(tool, [.. options, image]);
        var read = fileSystem switch
        {
            "vfat" => Tool.MustRun("mtype", "-i", image, "::/hello.txt"),
            "ntfs" => Tool.MustRun("ntfscat", image, "/hello.txt"),
            "ext2" or "ext3" or "ext4" => Tool.MustRun("debugfs", "-R", "cat /hello.txt", image),
            _ => Mount(scratch, image),
        };
        Assert.Equal("changed\n", read);
    }

    private static string Mount(ScratchDirectory scratch, string image)
    {
        Directory.CreateDirectory(scratch["mounted"]);
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop,ro");
        return File.ReadAllText(scratch["mounted/hello.txt"]);
    }
}
