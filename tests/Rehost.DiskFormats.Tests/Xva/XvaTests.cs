using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.DiskFormats.Xva;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Xva;

[Requirement("S4.2", "S4.3", "S4.5", "S4.7", "S4.13")]
public sealed class XvaTests
{
    private const int MiB = XvaBuilder.ChunkSize;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DisksReadAsExported(bool sha1) // S4.3
    {
        var disk10 = Sample(10, (5 * MiB) + 12345, zeroChunks: [1, 2]);
        var disk4 = Sample(4, 6 * MiB, zeroChunks: [0, 3, 5]);
        var bytes = new XvaBuilder("<value>x</value>").Disk("Ref:10", disk10, sha1).Disk("Ref:4", disk4, sha1).End();
        using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
        Assert.Equal("<value>x</value>"u8.ToArray(), archive.OvaXml.ToArray());
        Assert.Equal(["Ref:10", "Ref:4"], archive.DiskIds);
        Check(archive.OpenDisk("Ref:10", disk10.Length), disk10);
        Check(archive.OpenDisk("Ref:4", disk4.Length), disk4);
        Assert.Equal(
            [new Extent(0, MiB, ExtentKind.Data), new Extent(MiB, 2 * MiB, ExtentKind.Zero), new Extent(3 * MiB, disk10.Length - (3 * MiB), ExtentKind.Data)],
            archive.OpenDisk("Ref:10", disk10.Length).GetExtents(GuestOffset.Zero, disk10.Length));
    }

    [Fact]
    public void ChunksOfLengthZeroShiftTheNumbering()
    {
        var disk = Sample(1, 9 * MiB, zeroChunks: [2, 3, 6]);
        var bytes = new XvaBuilder().Disk("Ref:1", disk, keepAliveBefore: [3, 4, 8]).End();
        using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
        Check(archive.OpenDisk("Ref:1", disk.Length), disk);
    }

    [Fact]
    public void AGapHasTheLengthOfTheArchivesFirstChunk() // S4.4
    {
        var small = Sample(3, 4096, []);
        var builder = new XvaBuilder().Chunk("Ref:1", 0, small).Chunk("Ref:2", 0, small).Chunk("Ref:2", 3, small);
        using var archive = XvaArchive.Open(new MemoryDevice(builder.End(), canWrite: false), "test.xva");
        byte[] expected = [.. small, .. new byte[8192], .. small];
        Check(archive.OpenDisk("Ref:2", expected.Length), expected);
    }

    [Fact]
    public void LongNamesPaxAndBinarySizesAreUnderstood()
    {
        var content = Sample(5, 5000, []);
        var header = new byte[512];
        "Ref:1/00000000"u8.CopyTo(header);
        header[124] = 0x80;
        header[134] = 5000 >> 8;
        header[135] = 5000 & 0xff;
        header[156] = (byte)'0';
        XvaBuilder.Seal(header);
        var bytes = new XvaBuilder()
            .Member("whatever", "19 path=./Ref:0/x\n\n"u8.ToArray()[..18], 'g')
            .Raw(header).Raw(content).Raw(new byte[512 - (5000 % 512)])
            .Member("PaxHeader", Pax("path", "Ref:1/00000000.xxhash"), 'x')
            .Member("cut", System.Text.Encoding.ASCII.GetBytes(XvaBuilder.Checksum(content, sha1: false)))
            .Member("././@LongLink", "Ref:1/00000001\0"u8.ToArray(), 'L')
            .Member("cut", [7])
            .Member("Ref:1/00000001.checksum", System.Text.Encoding.ASCII.GetBytes(XvaBuilder.Checksum([7], sha1: true)))
            .End();
        using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
        Check(archive.OpenDisk("Ref:1", 5001), [.. content, 7]);
    }

    [Fact]
    public void AnEmptyDiskNeedsNoChunks()
    {
        using var archive = XvaArchive.Open(new MemoryDevice(new XvaBuilder().End(), canWrite: false), "test.xva");
        Assert.Equal(0, archive.OpenDisk("Ref:1", 0).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AFlippedBitNamesTheChunk(bool sha1) // S4.13
    {
        var disk = Sample(1, 3 * MiB, []);
        var builder = new XvaBuilder().Chunk("Ref:1", 0, disk[..MiB], sha1);
        var second = builder.Position + 512;
        var bytes = builder.Chunk("Ref:1", 1, disk[MiB..(2 * MiB)], sha1).Chunk("Ref:1", 2, disk[(2 * MiB)..], sha1).End();
        bytes[second + 777_777] ^= 4;
        using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
        var opened = archive.OpenDisk("Ref:1", disk.Length);
        opened.Read(GuestOffset.Zero, new byte[MiB]);
        opened.Read(new GuestOffset(2 * MiB), new byte[100]);
        foreach (var (offset, length) in new[] { (MiB, MiB), (MiB + 5, 10), (0, 3 * MiB) })
        {
            var error = Assert.Throws<DiagnosticException>(() => opened.Read(new GuestOffset(offset), new byte[length]));
            Assert.Equal("XVA004", error.Diagnostic.Id);
            Assert.Contains("chunk 00000001", error.Message, StringComparison.Ordinal);
            Assert.Contains("disk Ref:1", error.Message, StringComparison.Ordinal);
            Assert.Contains(XvaBuilder.Checksum(disk[MiB..(2 * MiB)], sha1).ToUpperInvariant(), error.Message, StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, string> Faults() => new()
    {
        { "xz", "XVA001" },
        { "gzip", "ARC003" },
        { "zstd", "ARC002" },
        { "no ova.xml", "XVA002" },
        { "two ova.xml", "XVA003" },
        { "checksum missing", "XVA005" },
        { "checksum without chunk", "XVA006" },
        { "checksum of another chunk", "XVA006" },
        { "chunks out of order", "XVA007" },
        { "chunk twice", "XVA007" },
        { "chunk without number", "XVA007" },
        { "last chunk missing", "XVA008" },
        { "chunk too many", "XVA009" },
        { "first chunk missing", "XVA010" },
        { "disk missing", "XVA011" },
        { "checksum too short", "XVA012" },
        { "unknown checksum", "XVA012" },
        { "chunk too large", "XVA013" },
        { "XenServer 3", "XVA014" },
        { "header damaged", "TAR001" },
        { "cut in a chunk", "TAR002" },
        { "cut in a header", "TAR002" },
        { "no end mark", "TAR002" },
        { "empty file", "TAR002" },
        { "absolute name", "TAR003" },
        { "name with ..", "TAR003" },
        { "symbolic link", "TAR004" },
        { "hard link", "TAR004" },
        { "device", "TAR004" },
        { "size not octal", "TAR005" },
        { "negative size", "TAR005" },
        { "bad pax", "TAR006" },
        { "huge long name", "TAR006" },
        { "trailing garbage", "TAR007" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void EachFaultHasOneClearMessage(string fault, string id)
    {
        var disk = Sample(1, 3 * MiB, []);
        var (a, b, c) = (disk[..MiB], disk[MiB..(2 * MiB)], disk[(2 * MiB)..]);
        XvaBuilder Good() => new XvaBuilder().Chunk("Ref:1", 0, a).Chunk("Ref:1", 1, b).Chunk("Ref:1", 2, c);
        byte[] Broken(string field, int at) => [.. new XvaBuilder().WithoutEnd(), .. SealedHeader(field, at), .. new byte[1024]];
        var bytes = fault switch
        {
            "xz" => [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, .. new byte[2000]],
            "gzip" => [0x1f, 0x8b, 8, 0, .. new byte[2000]],
            "zstd" => [0x28, 0xb5, 0x2f, 0xfd, .. new byte[2000]],
            "no ova.xml" => XvaBuilder.Empty().Chunk("Ref:1", 0, a).End(),
            "two ova.xml" => Good().Member("ova.xml", [1]).End(),
            "checksum missing" => new XvaBuilder().Chunk("Ref:1", 0, a).Member("Ref:1/00000001", b).Chunk("Ref:1", 2, c).End(),
            "checksum without chunk" => new XvaBuilder().Member("Ref:1/00000000.xxhash", new byte[16]).End(),
            "checksum of another chunk" => new XvaBuilder().Member("Ref:1/00000000", a).Member("Ref:1/00000001.xxhash", new byte[16]).End(),
            "chunks out of order" => new XvaBuilder().Chunk("Ref:1", 0, a).Chunk("Ref:1", 2, b).Chunk("Ref:1", 1, c).End(),
            "chunk twice" => Good().Chunk("Ref:1", 2, c).End(),
            "chunk without number" => new XvaBuilder().Member("Ref:1/first", a).End(),
            "last chunk missing" => new XvaBuilder().Chunk("Ref:1", 0, a).Chunk("Ref:1", 1, b).End(),
            "chunk too many" => Good().Chunk("Ref:1", 3, c).End(),
            "first chunk missing" => new XvaBuilder().Chunk("Ref:1", 1, b).Chunk("Ref:1", 2, c).End(),
            "disk missing" => new XvaBuilder().Chunk("Ref:2", 0, a).End(),
            "checksum too short" => new XvaBuilder().Member("Ref:1/00000000", a).Member("Ref:1/00000000.xxhash", new byte[15]).End(),
            "unknown checksum" => new XvaBuilder().Member("Ref:1/00000000", a).Member("Ref:1/00000000.md5", new byte[16]).End(),
            "chunk too large" => new XvaBuilder().Member("Ref:1/00000000", new byte[17 * MiB]).End(),
            "XenServer 3" => new XvaBuilder().Member("sda/chunk-000000000.gz", [1, 2, 3]).End(),
            "header damaged" => Damage(Good().End(), 1024 + 3),
            "cut in a chunk" => Good().WithoutEnd()[..(2 * MiB)],
            "cut in a header" => Good().WithoutEnd()[..(1024 + 100)],
            "no end mark" => Good().WithoutEnd(),
            "empty file" => [],
            "absolute name" => Good().Member("/etc/passwd", [1]).End(),
            "name with .." => Good().Member("Ref:1/../../x", [1]).End(),
            "symbolic link" => Good().Member("Ref:1/00000003", [], '2', "/etc/passwd").End(),
            "hard link" => Good().Member("Ref:1/00000003", [], '1', "Ref:1/00000000").End(),
            "device" => Good().Member("Ref:1/00000003", [], '3').End(),
            "size not octal" => Broken("9999", 124),
            "negative size" => Broken("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", 124),
            "bad pax" => Good().Member("p", "99999 path=x\n"u8.ToArray(), 'x').Member("x", []).End(),
            "huge long name" => Good().Member("l", new byte[70_000], 'L').Member("x", []).End(),
            "trailing garbage" => [.. Good().End(), .. new byte[512], 1, .. new byte[511]],
            _ => throw new InvalidOperationException(fault),
        };
        var error = Assert.Throws<DiagnosticException>(() =>
        {
            using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
            archive.OpenDisk("Ref:1", disk.Length).Read(GuestOffset.Zero, new byte[disk.Length]);
        });
        Assert.Equal(id, error.Diagnostic.Id);
        Assert.Contains("test.xva", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Diagnostic.NextStep);
    }

    [Fact]
    public void ManyThreadsMayRead()
    {
        var disk = Sample(8, 16 * MiB, [3, 4]);
        using var archive = XvaArchive.Open(new MemoryDevice(new XvaBuilder().Disk("Ref:1", disk, sha1: true).End(), canWrite: false), "test.xva");
        using var opened = archive.OpenDisk("Ref:1", disk.Length);
        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 60; i++)
            {
                var offset = random.Next(disk.Length);
                var buffer = new byte[random.Next(Math.Min(disk.Length - offset, 300_000) + 1)];
                opened.Read(new GuestOffset(offset), buffer);
                Assert.True(buffer.AsSpan().SequenceEqual(disk.AsSpan(offset, buffer.Length)));
            }
        });
    }

    [Fact]
    public void HostileArchivesGiveDiagnosticsOnly()
    {
        var disk = Sample(1, 20_000, []);
        var good = new XvaBuilder().Chunk("Ref:1", 0, disk[..8192]).Chunk("Ref:1", 1, disk[8192..16384]).Chunk("Ref:1", 2, disk[16384..], sha1: true)
            .Member("long", Pax("path", "Ref:2/00000000"), 'x').Member("x", [1]).End();
        var random = new Random(20260821);
        for (var round = 0; round < Fuzzing.Rounds(4000); round++)
        {
            var bytes = (byte[])good.Clone();
            for (var hit = random.Next(1, 5); hit > 0; hit--)
            {
                // Headers are where the parser looks: aim at their fields most of the time, and reseal some so that the checksum does not hide the rest.
                var block = random.Next(bytes.Length / 512) * 512;
                var at = block + random.Next(3) switch { 0 => 124 + random.Next(12), 1 => random.Next(512), _ => 156 };
                bytes[at] = random.Next(3) == 0 ? (byte)random.Next('0', '8') : (byte)random.Next(256);
                if (random.Next(2) == 0)
                {
                    var header = bytes[block..(block + 512)];
                    XvaBuilder.Seal(header);
                    header.CopyTo(bytes, block);
                }
            }

            if (random.Next(4) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            try
            {
                using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "fuzz.xva");
                foreach (var id in archive.DiskIds)
                {
                    using var opened = archive.OpenDisk(id, disk.Length);
                    opened.Read(GuestOffset.Zero, new byte[disk.Length]);
                }
            }
            catch (DiagnosticException)
            {
                // What hostile input must end in.
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(15)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(100)]
    [InlineData(100_003)]
    public void XxHashAgreesWithXxhsum(int length)
        => Assert.Equal(XvaBuilder.Checksum(Sample(length, length, []), sha1: false), XxHash64.Of(Sample(length, length, [])).ToString("X16", System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public void IdentifiedByItsFirstMember()
    {
        using var xva = new MemoryDevice(new XvaBuilder().End());
        Assert.Equal("xva", KnownDiskFormats.Identify(xva).Name);
        using var other = new MemoryDevice(XvaBuilder.Empty().Member("disk.vmdk", [1]).End());
        Assert.Equal("raw", KnownDiskFormats.Identify(other).Name);
        using var empty = new MemoryDevice([]);
        Assert.Equal("raw", KnownDiskFormats.Identify(empty).Name);
        using var opened = KnownDiskFormats.ByName("XVA").Open(new DiskOpenRequest(new MemoryDevice(new XvaBuilder().Disk("Ref:1", [1, 2]).End()), "a.xva") { DiskId = "Ref:1", Length = 2 });
        Check(opened, [1, 2]);
        Assert.Equal("DSK002", Assert.Throws<DiagnosticException>(() => KnownDiskFormats.ByName("xva").Open(new DiskOpenRequest(new MemoryDevice(new XvaBuilder().End()), "a.xva"))).Diagnostic.Id);
        Assert.Equal("DSK001", Assert.Throws<DiagnosticException>(() => KnownDiskFormats.ByName("vmdkk")).Diagnostic.Id);
    }

    private static void Check(IBlockDevice device, byte[] expected)
    {
        Assert.Equal(expected.Length, device.Length);
        var content = new byte[expected.Length];
        device.Read(GuestOffset.Zero, content);
        Assert.True(content.AsSpan().SequenceEqual(expected));
        var random = new Random(expected.Length);
        for (var i = 0; i < 30; i++)
        {
            var offset = random.Next(expected.Length + 1);
            var part = new byte[random.Next(expected.Length - offset + 1)];
            device.Read(new GuestOffset(offset), part);
            Assert.True(part.AsSpan().SequenceEqual(expected.AsSpan(offset, part.Length)));
        }
    }

    private static byte[] Sample(int seed, int length, int[] zeroChunks)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        foreach (var chunk in zeroChunks)
        {
            bytes.AsSpan(chunk * MiB, Math.Min(MiB, length - (chunk * MiB))).Clear();
        }

        return bytes;
    }

    private static byte[] Pax(string key, string value)
    {
        var body = $" {key}={value}\n";
        var length = body.Length + 2;
        return System.Text.Encoding.ASCII.GetBytes($"{length}{body}");
    }

    private static byte[] Damage(byte[] bytes, int at)
    {
        bytes[at] ^= 1;
        return bytes;
    }

    private static byte[] SealedHeader(string field, int at)
    {
        var header = new byte[512];
        "x"u8.CopyTo(header);
        System.Text.Encoding.Latin1.GetBytes(field).CopyTo(header, at);
        header[156] = (byte)'0';
        XvaBuilder.Seal(header);
        return header;
    }
}
