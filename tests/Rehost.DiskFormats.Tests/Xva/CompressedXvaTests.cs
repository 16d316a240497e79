using System.Globalization;
using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats.Xva;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Xva;

/// <summary>Exports with use_compression, and those of XenServer 4.0 with their checksums in a table.</summary>
public sealed class CompressedXvaTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData("gzip", "-6")]
    [InlineData("gzip", "-1")]
    [InlineData("zstd", "-3")]
    [InlineData("zstd", "-19")]
    public void Compressed_exports_read_in_place(string tool, string level) // S4.7, S4.13
    {
        var disk = Disk();
        var bytes = Compress(tool, level, new XvaBuilder("<value>x</value>").Disk("Ref:10", disk, sha1: true).Disk("Ref:4", disk[..(3 * MiB)], keepAliveBefore: [1]).End());
        using var archive = XvaArchive.Open(new MemoryDevice(bytes, canWrite: false), "test.xva");
        Assert.Equal("<value>x</value>"u8.ToArray(), archive.OvaXml.ToArray());
        Assert.Equal(["Ref:10", "Ref:4"], archive.DiskIds);
        Assert.Equal(tool == "zstd", archive.ScratchBytes > 0);
        using var first = archive.OpenDisk("Ref:10", disk.Length);
        using var second = archive.OpenDisk("Ref:4", 3 * MiB);
        var content = new byte[disk.Length];
        first.Read(GuestOffset.Zero, content);
        Assert.True(content.AsSpan().SequenceEqual(disk));
        second.Read(GuestOffset.Zero, content.AsSpan(0, 3 * MiB));
        Assert.True(content.AsSpan(0, 3 * MiB).SequenceEqual(disk.AsSpan(0, 3 * MiB)));
        var random = new Random(4);
        for (var i = 0; i < 20; i++)
        {
            var offset = random.Next(disk.Length - 5000);
            first.Read(new GuestOffset(offset), content.AsSpan(0, 5000));
            Assert.True(content.AsSpan(0, 5000).SequenceEqual(disk.AsSpan(offset, 5000)));
        }
    }

    /// <summary>Each of the faults of a plain archive is found in a compressed one, before more than a little is decompressed.</summary>
    [Theory]
    [InlineData("a member of an absurd size", "XVA013")]
    [InlineData("zeros without end behind the archive", null)]
    [InlineData("cut", "ARC002")]
    [InlineData("no archive", "TAR001")]
    public void A_compressed_export_grows_as_its_headers_say(string fault, string? id)
    {
        var good = new XvaBuilder().Disk("Ref:1", Disk()[..(2 * MiB)]);
        var bytes = fault switch
        {
            "a member of an absurd size" => Compress("gzip", "-9", good.Member("Ref:2/00000000", new byte[40 * MiB]).End()),
            "zeros without end behind the archive" => Compress("gzip", "-9", [.. good.End(), .. new byte[40 * MiB]]),
            "cut" => Compress("gzip", "-9", good.End())[..MiB],
            _ => Compress("gzip", "-9", [7, .. new byte[40 * MiB]]),
        };
        var before = GC.GetTotalAllocatedBytes();
        if (id is null)
        {
            XvaArchive.Open(new MemoryDevice(bytes), "bomb.xva").Dispose();
        }
        else
        {
            Assert.Equal(id, Assert.Throws<DiagnosticException>(() => XvaArchive.Open(new MemoryDevice(bytes), "bomb.xva")).Diagnostic.Id);
        }

        Assert.True(GC.GetTotalAllocatedBytes() - before < 2L * 1024 * MiB);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Checksums_may_be_in_a_table_at_the_end(bool isRight)
    {
        var disk = Disk()[..(3 * MiB)];
        var builder = new XvaBuilder();
        var table = new StringBuilder("<value><struct>");
        for (var i = 0; i < 3; i++)
        {
            var chunk = disk[(i * MiB)..((i + 1) * MiB)];
            var name = string.Create(CultureInfo.InvariantCulture, $"Ref:1/{i:D8}");
            builder.Member(name, chunk);
            table.Append(CultureInfo.InvariantCulture, $"<member><name>{name}</name><value>{XvaBuilder.Checksum(i == 1 && !isRight ? disk : chunk, sha1: true)}</value></member>");
        }

        using var archive = XvaArchive.Open(new MemoryDevice(builder.Member("checksum.xml", Encoding.ASCII.GetBytes(table.Append("</struct></value>").ToString())).End()), "old.xva");
        using var opened = archive.OpenDisk("Ref:1", disk.Length);
        var content = new byte[disk.Length];
        if (isRight)
        {
            opened.Read(GuestOffset.Zero, content);
            Assert.True(content.AsSpan().SequenceEqual(disk));
        }
        else
        {
            Assert.Equal("XVA004", Assert.Throws<DiagnosticException>(() => opened.Read(GuestOffset.Zero, content)).Diagnostic.Id);
        }
    }

    [Fact]
    public void A_check_reads_every_chunk()
    {
        var disk = Disk();
        var good = new XvaBuilder().Disk("Ref:1", disk).End();
        var format = KnownDiskFormats.ByName("xva");
        var sound = format.Check(new DiskOpenRequest(new MemoryDevice(good), "a.xva"), TestContext.Current.CancellationToken);
        Assert.True(sound.IsSound);
        Assert.Equal(6L * MiB, sound.StoredBytes);
        good[(2 * MiB) + 9000] ^= 1;
        good[(4 * MiB) + 9000] ^= 1;
        var broken = format.Check(new DiskOpenRequest(new MemoryDevice(good), "a.xva"), TestContext.Current.CancellationToken);
        Assert.Equal(2, broken.ErrorCount);
        Assert.All(broken.Findings, finding => Assert.Equal("XVA004", finding.Id));
    }

    internal static byte[] Compress(string tool, string level, byte[] bytes)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["in"], bytes);
        Tool.MustRun("sh", "-c", $"{tool} {level} -c < '{scratch["in"]}' > '{scratch["out"]}'");
        return File.ReadAllBytes(scratch["out"]);
    }

    private static byte[] Disk()
    {
        var disk = new byte[8 * MiB];
        var random = new Random(7);
        random.NextBytes(disk.AsSpan(0, 3 * MiB));
        for (var at = 5 * MiB; at < disk.Length; at++)
        {
            disk[at] = (byte)random.Next(4);
        }

        return disk;
    }
}
