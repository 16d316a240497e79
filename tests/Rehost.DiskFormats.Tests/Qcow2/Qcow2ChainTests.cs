using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

public sealed class Qcow2ChainTests
{
    [Theory]
    [InlineData(true, "compat=1.1")]
    [InlineData(false, "compat=1.1")]
    [InlineData(true, "compat=0.10")]
    [InlineData(true, "cluster_size=512")]
    [InlineData(true, "extended_l2=on")]
    public void ChainsThreeDeepAreRead(bool isDeclared, string options)
    {
        using var scratch = new ScratchDirectory();
        MakeChain(scratch, isDeclared, options);
        Qcow2Samples.CheckAgainstQemu(scratch, scratch["c.qcow2"]);
        using var image = Qcow2Samples.Open(scratch["c.qcow2"]);
        var middle = Assert.IsType<Qcow2Image>(image.Parent);
        var lowest = Assert.IsType<Qcow2Image>(middle.Parent);
        Assert.Null(lowest.Parent);
        Assert.Equal("b.qcow2", image.Info.ParentReference);
        Assert.Equal(scratch["a.qcow2"], lowest.Info.FileName);
        CheckExtentsAgainstQemu(image, scratch["c.qcow2"]);

        // What lies byte for byte in one of the three files is found there.
        var stored = image.FindStored(GuestOffset.Zero, 4096);
        Assert.Equal(scratch["a.qcow2"], stored?.File.Path);
        Assert.Null(image.FindStored(new GuestOffset(11 << 20), 4096));
    }

    [Theory]
    [InlineData("raw", "raw")]
    [InlineData("raw", null)]
    [InlineData("qcow2", "qcow2")]
    public void AParentIsReadByItsDeclaredFormat(string format, string? declared)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", format, scratch["a.img"], "3M");
        Tool.MustRun("qemu-io", "-f", format, "-c", "write -P 5 64k 1M", scratch["a.img"]);
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "a.img", "-F", declared ?? format, scratch["b.qcow2"], "5M");
        if (declared is null)
        {
            Qcow2Samples.RemoveBackingFormat(scratch["b.qcow2"]);
        }

        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 6 1M 64k", "-c", "write -P 6 4M 3k", scratch["b.qcow2"]);
        Qcow2Samples.CheckAgainstQemu(scratch, scratch["b.qcow2"]);
    }

    /// <summary>Parents of the other formats, once Rehost reads them; named until then.</summary>
    [Theory]
    [InlineData("vmdk", "vmdk")]
    [InlineData("vpc", "vhd")]
    [InlineData("vhdx", "vhdx")]
    [InlineData("vdi", "vdi")]
    public void ParentsOfOtherFormats(string format, string ours)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", format, scratch["a.img"], "16M");
        Tool.MustRun("qemu-io", "-f", format, "-c", "write -P 5 64k 1M", "-c", "write -P 7 15M 1M", scratch["a.img"]);
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-b", "a.img", "-F", format, scratch["b.qcow2"], "17M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 6 1M 64k", scratch["b.qcow2"]);
        if (KnownDiskFormats.All.Any(known => known.Name == ours))
        {
            Qcow2Samples.CheckAgainstQemu(scratch, scratch["b.qcow2"]);
        }
        else
        {
            Assert.Contains($"'{format}'", Qcow2ReadingTests.Refuse("QCW005", () => Qcow2Samples.Open(scratch["b.qcow2"])).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A guest writes a qcow2 header with a backing file into its raw disk; the overlay does not say that it is raw.</summary>
    [Fact]
    public void AGuessedParentMayNotReferToFiles()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["secret"], new string('x', 4096));
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "secret", "-F", "raw", scratch["disk"], "1M");
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "disk", "-F", "raw", scratch["b.qcow2"], "1M");
        Qcow2Samples.RemoveBackingFormat(scratch["b.qcow2"]);
        Qcow2ReadingTests.Refuse("DSK005", () => Qcow2Samples.Open(scratch["b.qcow2"]));
        Qcow2ReadingTests.Refuse("DSK005", () => Qcow2Samples.Open(scratch["disk"], isGuess: true));
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "disk", "-F", "raw", scratch["c.qcow2"], "1M");
        using var image = Qcow2Samples.Open(scratch["c.qcow2"]);
        Assert.IsType<FileDevice>(image.Parent);
    }

    [Theory]
    [InlineData("/etc/passwd", "raw", "BLK006")]
    [InlineData("../outside.img", "raw", "BLK006")]
    [InlineData("../../x", "raw", "BLK005")]
    [InlineData("link.img", "raw", "BLK006")]
    [InlineData("pipe", "raw", "BLK006")]
    [InlineData("missing.qcow2", "qcow2", "BLK005")]
    [InlineData("json:{\"driver\":\"raw\",\"file\":{\"filename\":\"/etc/passwd\"}}", "raw", "QCW005")]
    [InlineData("nbd://127.0.0.1:10809/x", "raw", "QCW005")]
    [InlineData("fat:/etc", "raw", "QCW005")]
    [InlineData("a.raw", "parallels", "QCW005")]
    [InlineData("a.qcow2", "qcow2", "DSK006")]
    public void ReferencesThatAreNotFollowed(string reference, string format, string id)
    {
        using var outer = new ScratchDirectory();
        File.WriteAllText(outer["outside.img"], "outside");
        var folder = Directory.CreateDirectory(outer["inner"]).FullName;
        File.CreateSymbolicLink(Path.Combine(folder, "link.img"), "/etc/passwd");
        Tool.MustRun("mkfifo", Path.Combine(folder, "pipe"));
        var path = Path.Combine(folder, "a.qcow2");
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", path, "1M");
        Tool.MustRun("qemu-img", "rebase", "-u", "-b", "placeholder", "-F", "raw", path);
        SetBacking(path, reference, format);
        var error = Qcow2ReadingTests.Refuse(id, () => Qcow2Samples.Open(path));
        Assert.Contains(reference.Split(':')[0], error.Message, StringComparison.Ordinal);

        // Nothing at all is opened when the caller gives no directory.
        if (id != "QCW005")
        {
            Qcow2ReadingTests.Refuse("DSK005", () => Qcow2Image.Open(new DiskOpenRequest(FileDevice.OpenRead(path), path)));
        }
    }

    [Fact]
    public void TwoImagesThatStandOnEachOtherAreRefused()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "b.qcow2", "-F", "qcow2", scratch["a.qcow2"], "1M");
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-b", "a.qcow2", "-F", "qcow2", scratch["b.qcow2"], "1M");
        Qcow2ReadingTests.Refuse("DSK006", () => Qcow2Samples.Open(scratch["a.qcow2"]));
    }

    [Fact]
    public void ADataFileElsewhereIsRefused()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-c", $"cd {scratch.Path} && qemu-img create -f qcow2 -o data_file=0123456789 a.qcow2 1M");
        var bytes = File.ReadAllBytes(scratch["a.qcow2"]);
        var at = bytes.AsSpan().IndexOf("0123456789"u8);
        "/etc/fstab"u8.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(scratch["a.qcow2"], bytes);
        Qcow2ReadingTests.Refuse("BLK006", () => Qcow2Samples.Open(scratch["a.qcow2"]));
        "nbd://1::0"u8.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(scratch["a.qcow2"], bytes);
        Qcow2ReadingTests.Refuse("QCW005", () => Qcow2Samples.Open(scratch["a.qcow2"]));
    }

    /// <summary>A parent that is smaller, one that is larger, zeros over data, data over nothing.</summary>
    private static void MakeChain(ScratchDirectory scratch, bool isDeclared, string options)
    {
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", options, scratch["a.qcow2"], "6M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 3M", "-c", "write -P 2 5M 1M", scratch["a.qcow2"]);
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-o", options, "-b", "a.qcow2", "-F", "qcow2", scratch["b.qcow2"], "13000k");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 3 1M 1M", "-c", options.Contains("0.10", StringComparison.Ordinal) ? "write -P 0 5200k 100k" : "write -z 5200k 100k", "-c", "write -P 4 12M 100k", scratch["b.qcow2"]);
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-u", "-o", options, "-b", "b.qcow2", "-F", "qcow2", scratch["c.qcow2"], "12M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 5 1500k 7k", "-c", "write -P 6 8M 1M", scratch["c.qcow2"]);
        if (!isDeclared)
        {
            Qcow2Samples.RemoveBackingFormat(scratch["b.qcow2"]);
            Qcow2Samples.RemoveBackingFormat(scratch["c.qcow2"]);
        }
    }

    private static void CheckExtentsAgainstQemu(Qcow2Image image, string path)
    {
        using var map = System.Text.Json.JsonDocument.Parse(Tool.MustRun("qemu-img", "map", "--output=json", "-f", "qcow2", path));
        var witness = map.RootElement.EnumerateArray()
            .Select(one => new Extent(one.GetProperty("start").GetInt64(), one.GetProperty("length").GetInt64(), one.GetProperty("zero").GetBoolean() ? ExtentKind.Zero : ExtentKind.Data));
        var ours = image.GetExtents(GuestOffset.Zero, image.Length).Select(extent => extent with { Kind = extent.Kind == ExtentKind.Data ? ExtentKind.Data : ExtentKind.Zero });
        Assert.Equal(ExtentSequence.Coalesce(witness), ExtentSequence.Coalesce(ours));
    }

    /// <summary>Gives an image another backing file and format without asking QEMU, which would look for it.</summary>
    private static void SetBacking(string path, string reference, string format)
    {
        using var file = FileDevice.OpenReadWrite(path);
        var header = Qcow2Header.Parse(file, path) with { BackingFileOffset = 2048, BackingFileSize = (uint)GuestText.Encode(reference).Length };
        var extension = new byte[16 + 16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(extension, 0xE2792ACA);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(extension.AsSpan(4), format.Length);
        GuestText.Encode(format).CopyTo(extension, 8);
        file.Write(GuestOffset.Zero, header.ToBytes());
        file.Write(new GuestOffset(header.HeaderLength), extension);
        file.Write(new GuestOffset(2048), GuestText.Encode(reference));
    }
}
