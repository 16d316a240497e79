using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Xva;

public sealed class XvaWriterTests
{
    private const int MiB = 1 << 20;

    private static readonly VirtualMachine Machine = new()
    {
        Name = "web & <mail> \u0001\u00e9",
        Description = "two disks",
        Hypervisor = Hypervisor.Kvm,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Uefi,
        MemoryBytes = 3L << 30,
        VirtualCpus = 4,
        NetworkAdapters = [new NetworkAdapter { MacAddress = "00:16:3e:01:02:03", Network = "br0" }, new NetworkAdapter()],
    };

    public static TheoryData<bool, ImageCompression> Kinds => new() { { false, ImageCompression.None }, { true, ImageCompression.None }, { false, ImageCompression.Zstd }, { true, ImageCompression.Zstd } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_obeys_the_importers_rules(bool sha1, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var disks = Disks();
        var path = Write(scratch["a.xva"], disks, sha1, compression);
        var plain = path;
        if (compression == ImageCompression.Zstd)
        {
            Tool.MustRun("zstd", "-q", "-t", path);
            Tool.MustRun("zstd", "-q", "-d", path, "-o", plain = scratch["plain.xva"]);
            Assert.Equal(new FileInfo(Write(scratch["uncompressed.xva"], disks, sha1, ImageCompression.None)).Length, new FileInfo(plain).Length);
        }

        Assert.Null(XvaRules.FirstBroken(File.ReadAllBytes(plain), out var found));
        Assert.Equal(disks.Length, found.Count);
        Assert.All(disks.Zip(found.OrderBy(item => item.Key, StringComparer.Ordinal)), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second.Value)));

        using var archive = XvaArchive.Open(FileDevice.OpenRead(path), "a.xva");
        Assert.Equal(compression == ImageCompression.Zstd ? "zstd" : null, archive.Compressor);
        Assert.Equal(disks.Length, archive.DiskIds.Count);
        for (var i = 0; i < disks.Length; i++)
        {
            using var disk = archive.OpenDisk(archive.DiskIds[i], disks[i].Length);
            var content = new byte[disks[i].Length];
            disk.Read(GuestOffset.Zero, content);
            Assert.True(content.AsSpan().SequenceEqual(disks[i]));
        }
    }

    /// <summary>tar, sha1sum and xxhsum say what the howto's shell loop (S4.4) relies on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_fields_tools_agree(bool sha1)
    {
        using var scratch = new ScratchDirectory();
        var disks = Disks();
        var path = Write(scratch["a.xva"], disks, sha1, ImageCompression.None);
        Tool.MustRun("tar", "-xf", path, "-C", scratch.Path);
        Assert.Equal("ova.xml", Tool.MustRun("tar", "-tf", path).Split('\n')[0]);
        var script = sha1
            ? "for f in Ref:*/????????; do [ \"$(sha1sum < $f | cut -d' ' -f1)\" = \"$(cat $f.checksum)\" ] || exit 3; done"
            : "for f in Ref:*/????????; do [ \"$(xxhsum -H1 - < $f | cut -d' ' -f1 | tr a-f A-F)\" = \"$(cat $f.xxhash)\" ] || exit 3; done";
        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && {script}");
        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && cd Ref:1000 && max=$(ls | grep -v '[.]' | tail -1 | sed 's/^0*//') && truncate -s 1M ../blank && for i in $(seq 0 $max); do f=$(printf %08d $i); "
            + "if [ -e $f ]; then cat $f; else cat ../blank; fi; done > ../disk");
        Assert.True(File.ReadAllBytes(scratch["disk"]).AsSpan().SequenceEqual(disks[0]));
    }

    [Fact]
    public void The_same_machine_gives_the_same_bytes()
    {
        using var scratch = new ScratchDirectory();
        foreach (var compression in (ImageCompression[])[ImageCompression.None, ImageCompression.Zstd])
        {
            var one = File.ReadAllBytes(Write(scratch[$"1{compression}"], Disks(), false, compression));
            Assert.Equal(one, File.ReadAllBytes(Write(scratch[$"2{compression}"], Disks(), false, compression)));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(MiB)]
    [InlineData((2 * MiB) + 5)]
    public void Disks_of_any_size_one_by_one(int length)
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[length];
        new Random(length).NextBytes(content);
        using (var file = CommittedFile.Create(scratch["a.xva"]))
        {
            using var writer = KnownDiskFormats.ByName("xva").CreateWriter(file, length, new ImageWriterOptions { IdentitySeed = "vm 1" });
            for (var at = 0; at < length; at += 100_000)
            {
                writer.Write(new GuestOffset(at), content.AsSpan(at, Math.Min(100_000, length - at)));
            }

            writer.Complete(TestContext.Current.CancellationToken);
            file.Commit();
        }

        Assert.Null(XvaRules.FirstBroken(File.ReadAllBytes(scratch["a.xva"]), out _));
        if (length > 0)
        {
            using var disk = KnownDiskFormats.ByName("xva").Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.xva"]), "a.xva"));
            Assert.Equal(length, disk.Length);
            var read = new byte[length];
            disk.Read(GuestOffset.Zero, read);
            Assert.Equal(content, read);
            Assert.Equal("xva", Assert.IsAssignableFrom<IDiskImage>(disk).Info.Format);
        }
    }

    /// <summary>A gap stands for chunks of the length of the archive's first: after a tiny first disk nothing may be left out.</summary>
    [Fact]
    public void A_tiny_first_disk_does_not_shift_the_second()
    {
        using var scratch = new ScratchDirectory();
        byte[][] disks = [new byte[512], [.. Noise(MiB, 1), .. new byte[2 * MiB], .. Noise(MiB, 2)]];
        Assert.Null(XvaRules.FirstBroken(File.ReadAllBytes(Write(scratch["a.xva"], disks, false, ImageCompression.None)), out var found));
        Assert.True(found.Values.Last().AsSpan().SequenceEqual(disks[1]));
    }

    [Fact]
    public void Every_rule_of_the_validator_bites()
    {
        using var scratch = new ScratchDirectory();
        var xml = OvaXmlWriter.Describe(Machine with { Disks = [Disk(0, 3 * MiB)] }).Xml.ToArray();
        var text = Encoding.UTF8.GetString(xml);
        var (a, b) = (Noise(MiB, 1), Noise(MiB, 2));
        XvaBuilder Good(string? description = null) => new XvaBuilder(description ?? text).Chunk("Ref:1000", 0, a).Chunk("Ref:1000", 1, b).Chunk("Ref:1000", 2, a);
        Assert.Null(XvaRules.FirstBroken(Good().End(), out _));
        byte[][] broken =
        [
            XvaBuilder.Empty().Member("./ova.xml", xml).End(),
            new XvaBuilder(text).Chunk("Ref:1000", 0, a).Chunk("Ref:1000", 1, b).End(),
            new XvaBuilder(text).Chunk("Ref:1000", 1, a).Chunk("Ref:1000", 2, b).End(),
            new XvaBuilder(text).Chunk("Ref:1000", 0, a).Chunk("Ref:1000", 2, b).Chunk("Ref:1000", 1, a).End(),
            new XvaBuilder(text).Member("Ref:1000", [], '5').Chunk("Ref:1000", 0, a).End(),
            new XvaBuilder(text).Member("Ref:1000/00000000", a).Member("Ref:1000/00000000.xxhash", new byte[16]).End(),
            new XvaBuilder(text).Member("Ref:1000/00000000", a).Member("Ref:1000/00000000.md5", new byte[16]).End(),
            Good().Chunk("Ref:1000", 3, a).End(),
            Good().WithoutEnd(),
            [.. Good().WithoutEnd(), .. new byte[1000], .. new byte[24].Select(_ => (byte)1)],
            Good(text.Replace("<name>xapi_minor</name><value>9</value>", "<name>xapi_minor</name><value>21</value>", StringComparison.Ordinal)).End(),
            Good(text.Replace("memory_dynamic_min", "memory_x", StringComparison.Ordinal)).End(),
            Good(text.Replace("<name>VM</name><value>Ref:0</value>", "<name>VM</name><value>Ref:7</value>", StringComparison.Ordinal)).End(),
            Good(text.Replace("<name>VCPUs_max</name><value>4</value>", "<name>VCPUs_max</name><value>3</value>", StringComparison.Ordinal)).End(),
            Good(text.Replace("<name>memory_static_min</name><value>3", "<name>memory_static_min</name><value>9", StringComparison.Ordinal)).End(),
            Good(text.Replace("</value>", "<value>", StringComparison.Ordinal)).End(),
        ];
        Assert.All(broken, bytes => Assert.NotNull(XvaRules.FirstBroken(bytes, out _)));
        Assert.Equal(broken.Length, broken.Select(bytes => XvaRules.FirstBroken(bytes, out _)).Distinct().Count());
    }

    [Fact]
    public void What_an_archive_cannot_hold_is_refused()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a.xva"]);
        using var archive = new XvaWriter(file, new XvaWriterOptions());
        archive.WriteDescription("<value/>"u8);
        archive.BeginDisk("Ref:4", 0).Complete(TestContext.Current.CancellationToken);
        Assert.Equal("XVA017", Assert.Throws<DiagnosticException>(() => archive.BeginDisk("Ref:10", 1)).Diagnostic.Id);
        Assert.Equal("XVA017", Assert.Throws<DiagnosticException>(() => archive.BeginDisk("Ref:5", 100_000_000L * MiB)).Diagnostic.Id);
        Assert.Equal("DSK003", Assert.Throws<DiagnosticException>(() => new XvaWriter(file, new XvaWriterOptions { Compression = ImageCompression.Zlib })).Diagnostic.Id);
        Assert.Equal("DSK003", Assert.Throws<DiagnosticException>(() => KnownDiskFormats.ByName("xva").CreateWriter(file, 5, new ImageWriterOptions { SubFormat = "md5" })).Diagnostic.Id);
    }

    private static VirtualDisk Disk(int index, long length) => new() { Id = $"d{index}", DeviceName = $"xvd{(char)('a' + index)}", LengthBytes = length, IsBootable = index == 0 };

    private static byte[][] Disks() =>
    [
        [.. Noise(MiB, 1), .. new byte[2 * MiB], .. Noise(MiB + 4096, 2), .. new byte[MiB - 4096]],
        new byte[4 * MiB],
        [.. Noise(700_000, 3), .. new byte[4 * MiB]],
    ];

    private static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static string Write(string path, byte[][] disks, bool sha1, ImageCompression compression)
    {
        using var file = CommittedFile.Create(path);
        using var archive = new XvaWriter(file, new XvaWriterOptions { UseSha1 = sha1, Compression = compression });
        var description = OvaXmlWriter.Describe(Machine with { Disks = [.. disks.Select((disk, index) => Disk(index, disk.Length))] });
        archive.WriteDescription(description.Xml.Span);
        var random = new Random(8);
        for (var i = 0; i < disks.Length; i++)
        {
            using var writer = archive.BeginDisk(description.DiskIds[i], disks[i].Length);
            for (var at = 0; at < disks[i].Length;)
            {
                var count = Math.Min(random.Next(1, 3 * MiB), disks[i].Length - at);
                var part = disks[i].AsSpan(at, count);
                if (!part.ContainsAnyExcept((byte)0))
                {
                    writer.WriteZeros(new GuestOffset(at), count);
                }
                else
                {
                    writer.Write(new GuestOffset(at), part);
                }

                at += count;
            }

            writer.Complete();
        }

        archive.Complete();
        file.Commit();
        return path;
    }
}
