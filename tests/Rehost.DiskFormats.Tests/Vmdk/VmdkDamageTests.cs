using System.Buffers.Binary;
using System.IO.Compression;
using Rehost.Blocks;
using Rehost.DiskFormats.Vmdk;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vmdk;

public sealed class VmdkDamageTests
{
    private static readonly byte[] Content = VmdkContent.Make(40 << 20, 21);
    private static readonly Lazy<byte[]> Stream = new(() => Make(Content, VmdkStreamWriter.SubFormat));
    private static readonly Lazy<byte[]> Sparse = new(() => Make(Content, VmdkSparseWriter.SubFormat));

    public static TheoryData<string, int, byte[], string> Headers() => new()
    {
        { "magic", 0, [1], "VMD001" },
        { "version 0", 4, [0], "VMD002" },
        { "version 4", 4, [4], "VMD002" },
        { "flag", 8, [8 + 1], "VMD003" },
        { "flag", 11, [0x80], "VMD003" },
        { "capacity of 2^63", 12, [0, 0, 0, 0, 0, 0, 0, 0x80], "VMD001" },
        { "capacity of 2^44", 12, [0, 0, 0, 0, 0, 0x10, 0, 0], "VMD001" },
        { "no grains", 20, [0], "VMD001" },
        { "odd grains", 20, [127], "VMD001" },
        { "huge grains", 20, [0, 0, 0, 0, 0, 1], "VMD001" },
        { "descriptor outside", 28, [0, 0, 0, 0, 1], "VMD001" },
        { "descriptor too long", 36, [0, 0, 0, 0x7f], "VMD001" },
        { "no table entries", 44, [0, 0], "VMD001" },
        { "too many table entries", 44, [0, 0, 0, 0x7f], "VMD001" },
        { "text mode", 73, [0x0d], "VMD001" },
        { "both directories outside", 48, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], "VMD001" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void HeadersThatCannotBeReadAreRefused(string what, int at, byte[] patch, string id)
    {
        var bytes = (byte[])Sparse.Value.Clone();
        patch.CopyTo(bytes, at);
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => Open(bytes, what)).Diagnostic.Id);
    }

    [Fact]
    public void CompressionOtherThanDeflateIsRefused()
    {
        var bytes = (byte[])Stream.Value.Clone();
        bytes[77] = 2;
        Assert.Equal("VMD003", Assert.Throws<DiagnosticException>(() => Open(bytes)).Diagnostic.Id);
    }

    [Fact]
    public void RedundantTablesServeForDamagedOnes()
    {
        var good = VmdkHeader.Parse(Sparse.Value, "a");
        var directory = (int)good.Directory * 512;
        var table = BinaryPrimitives.ReadInt32LittleEndian(Sparse.Value.AsSpan(directory)) * 512;
        (int At, byte Value, int Length)[] damages = [(56, 0xff, 6), (directory, 0xff, 12), (directory, 0, 12), (table, 0xff, 2048), (table + 100, 0xf0, 4)];
        foreach (var (at, value, length) in damages)
        {
            var bytes = (byte[])Sparse.Value.Clone();
            bytes.AsSpan(at, length).Fill(value);
            var findings = new List<Diagnostic>();
            using var image = Open(bytes, report: findings.Add);
            VmdkContent.Check(image, Content);
            Assert.Equal(["VMD013"], findings.Select(finding => finding.Id));

            // The copies as well: there is nothing left to read by.
            var copy = (int)good.RedundantDirectory * 512;
            bytes.AsSpan(at == 56 ? 48 : at >= table ? BinaryPrimitives.ReadInt32LittleEndian(Sparse.Value.AsSpan(copy)) * 512 + at - table : copy, length).Fill(0xff);
            var error = Assert.Throws<DiagnosticException>(() =>
            {
                using var second = Open(bytes);
                second.Read(GuestOffset.Zero, new byte[(int)second.Length]);
            });
            Assert.Contains(error.Diagnostic.Id, new[] { "VMD001", "VMD006" });
        }
    }

    [Fact]
    public void AStreamWithoutItsFooterIsReadByItsMarkers()
    {
        foreach (var cut in new[] { 1, 512, 1024, 1536, 1536 + 512 })
        {
            var findings = new List<Diagnostic>();
            using var image = Open(Stream.Value[..^cut], report: findings.Add);
            VmdkContent.Check(image, Content);
            Assert.Equal(["VMD014"], findings.Select(finding => finding.Id));
        }

        // A directory that points nowhere, behind a good footer.
        var bytes = (byte[])Stream.Value.Clone();
        var footer = VmdkHeader.Parse(bytes.AsSpan(bytes.Length - 1024, 512), "a");
        bytes.AsSpan((int)footer.Directory * 512, 4).Fill(0xff);
        using (var image = Open(bytes))
        {
            VmdkContent.Check(image, Content);
        }

        // Cut within the grains, or before what stands behind them: content is missing.
        foreach (var end in new[] { (int)footer.Directory * 512 - 512, bytes.Length / 2, bytes.Length / 2 / 512 * 512, 65536, 65000 })
        {
            Assert.Equal("VMD011", Assert.Throws<DiagnosticException>(() => Open(Stream.Value[..end])).Diagnostic.Id);

            // A copy into a file that was given its length before.
            byte[] preallocated = [.. Stream.Value[..end], .. new byte[Stream.Value.Length - end]];
            Assert.Equal("VMD011", Assert.Throws<DiagnosticException>(() => Open(preallocated)).Diagnostic.Id);
        }
    }

    [Fact]
    public void DamagedGrainsAreFoundByReadingAndByTheCheck()
    {
        var bytes = (byte[])Stream.Value.Clone();
        var at = 128 * 512;
        bytes[at + 12 + (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 8)) / 2)] ^= 0x10;
        using (var image = Open(bytes))
        {
            Assert.Equal("VMD007", Assert.Throws<DiagnosticException>(() => image.Read(GuestOffset.Zero, new byte[10 << 20])).Diagnostic.Id);
        }

        var report = new VmdkFormat().Check(new DiskOpenRequest(new MemoryDevice(bytes), "a"), CancellationToken.None);
        Assert.Equal(["VMD007"], report.Findings.Select(finding => finding.Id));
        Assert.False(report.IsSound);

        // A marker of another grain: the table is wrong, or the grain is.
        bytes = (byte[])Stream.Value.Clone();
        bytes[at] ^= 0x80;
        using var other = Open(bytes);
        Assert.Equal("VMD007", Assert.Throws<DiagnosticException>(() => other.Read(GuestOffset.Zero, new byte[10 << 20])).Diagnostic.Id);
    }

    [Fact]
    public void AZipBombGrainGivesNoMoreThanAGrain()
    {
        using var bomb = new MemoryStream();
        using (var stream = new ZLibStream(bomb, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var i = 0; i < 64; i++)
            {
                stream.Write(new byte[1 << 20]);
            }
        }

        var random = new byte[65536 * 4];
        new Random(1).NextBytes(random);
        var bytes = Make(random, VmdkStreamWriter.SubFormat);
        Assert.InRange(bomb.Length, 1, 66000);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((128 * 512) + 8), (int)bomb.Length);
        bomb.ToArray().CopyTo(bytes, (128 * 512) + 12);
        foreach (var length in new[] { 100, random.Length })
        {
            using var image = Open(bytes);
            var buffer = new byte[length];
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal("VMD007", Assert.Throws<DiagnosticException>(() => image.Read(GuestOffset.Zero, buffer)).Diagnostic.Id);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
        }
    }

    [Fact]
    public void TheCheckFindsOverlapsAndCopiesThatDiffer()
    {
        var bytes = (byte[])Sparse.Value.Clone();
        var header = VmdkHeader.Parse(bytes, "a");
        foreach (var directory in new[] { header.Directory, header.RedundantDirectory })
        {
            var table = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan((int)directory * 512)) * 512;
            var stored = Enumerable.Range(0, 512).Where(i => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(table + (i * 4))) != 0).Take(2).ToArray();
            bytes.AsSpan(table + (stored[0] * 4), 4).CopyTo(bytes.AsSpan(table + (stored[1] * 4)));
        }

        Assert.Equal(["VMD017"], Check(bytes).Findings.Select(finding => finding.Id));
        Assert.Equal(65536, Check(bytes).LeakedBytes);
        bytes = (byte[])Sparse.Value.Clone();
        var first = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan((int)header.RedundantDirectory * 512)) * 512;
        bytes.AsSpan(first, 2048).Clear();
        Assert.Equal(["VMD018"], Check(bytes).Findings.Select(finding => finding.Id));
        Assert.True(Check(bytes).IsSound);
        Assert.NotEmpty(Check(Sparse.Value[..^70000]).Findings.Where(finding => finding.Id is "VMD009" or "VMD006"));
        bytes = (byte[])Sparse.Value.Clone();
        bytes[72] = 1;
        Assert.Equal(["VMD016"], Check(bytes).Findings.Select(finding => finding.Id));
    }

    [Theory]
    [InlineData("streamOptimized")]
    [InlineData("monolithicSparse")]
    [InlineData("cowd")]
    [InlineData("seSparse")]
    [InlineData("descriptor")]
    public void HostileImagesGiveDiagnosticsOnly(string kind)
    {
        using var scratch = new ScratchDirectory();
        var content = VmdkContent.Make(3 << 20, 3);
        var sectors = content.Length / 512;
        var good = kind switch
        {
            "cowd" => VmdkBuilder.Cowd(content, grain => grain % 2 == 0, 8),
            "seSparse" => VmdkBuilder.SeSparse(content, grain => grain % 4),
            "descriptor" => System.Text.Encoding.ASCII.GetBytes(VmdkBuilder.Descriptor("custom", "00000002", "ffffffff", "encoding=\"UTF-8\"", $"RW {sectors} FLAT \"x.bin\" 0", "RW 9 ZERO", "RW 64 SPARSE \"x.bin\"")),
            _ => Make(content, kind),
        };
        var line = kind == "cowd" ? "VMFSSPARSE" : "SESPARSE";
        File.WriteAllText(scratch["a.vmdk"], VmdkBuilder.Descriptor("custom", "00000002", "ffffffff", $"RW {sectors} {line} \"x.bin\""));
        File.WriteAllBytes(scratch["x.bin"], new byte[4096]);
        var buffer = new byte[content.Length];
        var random = new Random(99);
        var interesting = new byte[] { 0, 1, 0x7f, 0x80, 0xff };
        for (var round = 0; round < Fuzzing.Rounds(400); round++)
        {
            var bytes = (byte[])good.Clone();
            for (var hit = random.Next(1, 4); hit > 0; hit--)
            {
                var at = random.Next(4) switch
                {
                    0 => random.Next(Math.Min(bytes.Length, 256)),
                    1 => random.Next(Math.Min(bytes.Length, 30 * 512)),
                    2 => Math.Max(0, bytes.Length - 1 - random.Next(8 * 512)),
                    _ => random.Next(bytes.Length),
                };
                bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : interesting[random.Next(interesting.Length)];
            }

            if (random.Next(5) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var image = OpenHostile(kind, bytes, scratch);
                var count = (int)Math.Min(buffer.Length, image.Length);
                Assert.Equal(count, image.GetExtents(GuestOffset.Zero, count).Sum(extent => extent.Length));
                image.Read(GuestOffset.Zero, buffer.AsSpan(0, count));
            }
            catch (DiagnosticException)
            {
                // What hostile input must end in.
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 48 << 20);
            if (round % 10 == 0 && kind is "streamOptimized" or "monolithicSparse")
            {
                try
                {
                    _ = Check(bytes);
                }
                catch (DiagnosticException)
                {
                    // As above.
                }
            }
        }
    }

    private static IBlockDevice OpenHostile(string kind, byte[] bytes, ScratchDirectory scratch)
    {
        if (kind is "streamOptimized" or "monolithicSparse")
        {
            return Open(bytes);
        }

        if (kind == "descriptor")
        {
            return VmdkImage.Open(new DiskOpenRequest(new MemoryDevice(bytes), "fuzz") { Directory = HostImageDirectory.Of(scratch["a.vmdk"]) });
        }

        return VmdkImage.Open(new DiskOpenRequest(FileDevice.OpenRead(scratch["a.vmdk"]), "fuzz") { Directory = new MemoryDirectory(bytes) });
    }

    private static VmdkImage Open(byte[] bytes, string name = "a", Action<Diagnostic>? report = null) => VmdkImage.Open(new DiskOpenRequest(new MemoryDevice(bytes), name) { Report = report });

    private static ImageCheckReport Check(byte[] bytes) => new VmdkFormat().Check(new DiskOpenRequest(new MemoryDevice(bytes), "a"), CancellationToken.None);

    private static byte[] Make(byte[] content, string kind)
    {
        using var scratch = new ScratchDirectory();
        VmdkContent.Write(scratch["a"], content, new ImageWriterOptions { SubFormat = kind });
        return File.ReadAllBytes(scratch["a"]);
    }

    /// <summary>One file under every name.</summary>
    private sealed class MemoryDirectory(byte[] bytes) : IImageDirectory
    {
        public ReferencedFile Open(string reference) => new(new MemoryDevice(bytes), reference, this);

        public bool Exists(string reference) => true;
    }
}
