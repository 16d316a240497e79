using System.Buffers.Binary;
using Rehost.DiskFormats.Tests.BlockMaps;
using Rehost.DiskFormats.Vhdx;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Vhdx;

/// <summary>Images that were not closed: the log is replayed in memory. QEMU replays a copy of each, and must see the same disk.</summary>
public sealed class VhdxLogTests
{
    private const int Mega = 1 << 20;
    private static readonly Guid LogId = new("01234567-89ab-cdef-0123-456789abcdef");

    /// <summary>
    /// A log that QEMU wrote. It empties the log after every write, so an aborted qemu-io leaves none; putting the id of its last entry back into the
    /// headers, and taking away what the entry had changed, makes the image of a moment before.
    /// </summary>
    [Fact]
    public void AnEntryThatQemuWrote()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "vhdx", "-o", "block_size=1M", scratch["a.vhdx"], "9M");
        Tool.Run("qemu-io", "-f", "vhdx", "-c", "write -P 7 1M 3M", "-c", "write -P 8 5000k 1k", scratch["a.vhdx"]);
        var image = File.ReadAllBytes(scratch["a.vhdx"]);
        var header = VhdxHeader.Parse(image.AsSpan((int)VhdxHeader.SecondAt));
        var last = Enumerable.Range(0, Mega / 4096).Select(sector => (int)header.LogOffset + (sector * 4096))
            .Where(at => image.AsSpan(at).StartsWith("loge"u8))
            .MaxBy(at => BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 16)));
        header = header with { LogId = new Guid(image.AsSpan(last + 32, 16)) };
        foreach (var at in new[] { VhdxHeader.FirstAt, VhdxHeader.SecondAt })
        {
            header.ToBytes().CopyTo(image, at);
        }

        var regions = VhdxRegionTable.TryParse(image.AsSpan((int)VhdxRegionTable.FirstAt, VhdxRegionTable.Size)) ?? throw new InvalidOperationException();
        image.AsSpan((int)regions.Table.Offset, 4096).Clear();
        File.WriteAllBytes(scratch["a.vhdx"], image);
        var content = new byte[9 * Mega];
        content.AsSpan(Mega, 3 * Mega).Fill(7);
        content.AsSpan(5000 << 10, 1024).Fill(8);
        CheckAgainstQemu(scratch, content, entries: 1);
    }

    /// <summary>Each way in which an image can be left: the two blocks of the disk are only known from the log.</summary>
    [Theory]
    [InlineData("one entry", 0)]
    [InlineData("three entries, a zero page between", 0)]
    [InlineData("around the end of the log", Mega - 12288)]
    [InlineData("a torn entry behind", 4096)]
    [InlineData("an older sequence behind", 0)]
    public void ChangesOfTheBlockTableAreReplayed(string kind, int start)
    {
        using var scratch = new ScratchDirectory();
        var content = ImageChecks.Content(3 * Mega, 5);
        var builder = new VhdxBuilder { Size = content.Length };
        builder.Put(0, content);
        var image = builder.Build();
        var table = image.AsSpan(VhdxBuilder.BatAt, 4096).ToArray();
        image.AsSpan(VhdxBuilder.BatAt, 4096).Clear();
        var half = (byte[])table.Clone();
        half.AsSpan(8).Clear();
        var at = start;
        int Put(ulong sequence, int tail, params (long, byte[]?)[] changes)
        {
            var entry = VhdxBuilder.LogEntry(LogId, sequence, tail, image.Length, changes);
            VhdxBuilder.PutInLog(image, at, entry);
            at = (at + entry.Length) % Mega;
            return entry.Length;
        }

        switch (kind)
        {
            case "one entry":
                Put(5, start, (VhdxBuilder.BatAt, table));
                break;
            case "an older sequence behind":
                Put(90, start, (VhdxBuilder.BatAt, half));
                Put(91, start, (VhdxBuilder.BatAt, table));
                Put(45, at, (VhdxBuilder.BatAt, half));
                break;
            default:
                Put(41, start, (VhdxBuilder.BatAt, half));
                Put(42, start, (VhdxBuilder.BatAt, null), (VhdxBuilder.BatAt + 4096, new byte[4096]));
                Put(43, start, (VhdxBuilder.BatAt, table));
                if (kind == "a torn entry behind")
                {
                    var torn = at;
                    Put(44, start, (VhdxBuilder.BatAt, half));
                    image[VhdxBuilder.LogAt + torn + 5000] ^= 1;
                }

                break;
        }

        builder.PutHeaders(image, LogId, 12);
        File.WriteAllBytes(scratch["a.vhdx"], image);
        CheckAgainstQemu(scratch, content, kind switch { "one entry" => 1, "an older sequence behind" => 2, _ => 3 });
    }

    [Theory]
    [InlineData("the only entry is torn", "VHX007")]
    [InlineData("the file was cut off", "VHX007")]
    [InlineData("a change behind the end", "VHX007")]
    [InlineData("a data sector of another entry", "VHX007")]
    [InlineData("a log of no length", "VHX001")]
    [InlineData("a log version to come", "VHX004")]
    public void ALogThatCannotBeReplayedIsRefused(string damage, string id)
    {
        using var scratch = new ScratchDirectory();
        var builder = new VhdxBuilder { Size = Mega };
        builder.Put(0, new byte[512]);
        var image = builder.Build();
        var page = new byte[4096];
        var entry = VhdxBuilder.LogEntry(LogId, 5, 0, damage == "the file was cut off" ? image.Length + Mega : image.Length,
            (damage == "a change behind the end" ? image.Length + Mega : VhdxBuilder.BatAt, page));
        if (damage == "the only entry is torn")
        {
            entry[5000] ^= 1;
        }
        else if (damage == "a data sector of another entry")
        {
            entry[4096 + 4] ^= 1;
            VhdxBuilder.PutChecksum(entry);
        }

        VhdxBuilder.PutInLog(image, 0, entry);
        builder.PutHeaders(image, LogId, 12);
        var header = image.AsSpan(128 << 10, 4096);
        BinaryPrimitives.WriteInt32LittleEndian(header[68..], damage == "a log of no length" ? 0 : Mega);
        header[64] = damage == "a log version to come" ? (byte)1 : (byte)0;
        VhdxBuilder.PutChecksum(header);
        File.WriteAllBytes(scratch["a.vhdx"], image);
        Assert.Equal(id, ImageChecks.Refusal(scratch["a.vhdx"], new VhdxFormat()));
    }

    [Fact]
    public void AnOpenLogWithNothingInItIsNoFault()
    {
        using var scratch = new ScratchDirectory();
        var builder = new VhdxBuilder { Size = Mega };
        builder.Put(3, ImageChecks.Content(512, 3));
        var image = builder.Build();
        VhdxBuilder.PutInLog(image, 0, VhdxBuilder.LogEntry(Guid.AllBitsSet, 5, 0, image.Length, (VhdxBuilder.BatAt, new byte[4096]))); // of an earlier time
        builder.PutHeaders(image, LogId, 12);
        File.WriteAllBytes(scratch["a.vhdx"], image);
        var content = new byte[Mega];
        ImageChecks.Content(512, 3).CopyTo(content, 3 * 512);
        using var opened = ImageChecks.Open(scratch["a.vhdx"], finding => Assert.Fail(finding.ToString()));
        ImageChecks.Check(opened, content);
    }

    [Fact]
    public void MutatedLogsGiveDiagnosticsOnly()
    {
        using var scratch = new ScratchDirectory();
        var builder = new VhdxBuilder { Size = 2 * Mega };
        builder.Put(0, ImageChecks.Content(2 * Mega, 5));
        var image = builder.Build();
        var table = image.AsSpan(VhdxBuilder.BatAt, 4096).ToArray();
        var entry = VhdxBuilder.LogEntry(LogId, 5, 0, image.Length, (VhdxBuilder.BatAt, table), (VhdxBuilder.BatAt + 8192, null));
        VhdxBuilder.PutInLog(image, 0, entry);
        VhdxBuilder.PutInLog(image, entry.Length, VhdxBuilder.LogEntry(LogId, 6, 0, image.Length, (VhdxBuilder.BatAt, table)));
        builder.PutHeaders(image, LogId, 12);
        ImageChecks.Fuzz(image, new VhdxFormat(), [(VhdxBuilder.LogAt + 8, 140), (VhdxBuilder.LogAt + entry.Length + 8, 100), (VhdxBuilder.LogAt + 4096, 16), ((128 << 10) + 60, 20)], RepairLog, 400, scratch["x"]);

        void RepairLog(byte[] bytes)
        {
            VhdxTests.Repair(bytes);
            foreach (var at in new[] { 0, entry.Length })
            {
                VhdxBuilder.PutChecksum(bytes.AsSpan(VhdxBuilder.LogAt + at, 8192));
            }
        }
    }

    private static void CheckAgainstQemu(ScratchDirectory scratch, byte[] content, int? entries)
    {
        var before = File.ReadAllBytes(scratch["a.vhdx"]);
        var findings = new List<Diagnostic>();
        using (var image = ImageChecks.Open(scratch["a.vhdx"], findings.Add))
        {
            ImageChecks.Check(image, content);
            Assert.Contains(new ImageProperty("log", "replayed in memory"), ((IDiskImage)image).Info.Properties);
        }

        var finding = Assert.Single(findings);
        Assert.Equal("VHX008", finding.Id);
        Assert.True(entries is null || finding.Message.StartsWith($"{entries} log entries", StringComparison.Ordinal), finding.Message);
        Assert.True(new VhdxFormat().Check(ImageChecks.Request(scratch["a.vhdx"]), CancellationToken.None).IsSound);
        Assert.Equal(before, File.ReadAllBytes(scratch["a.vhdx"]));

        File.WriteAllBytes(scratch["a.raw"], content);
        Tool.Run("qemu-img", "check", "-r", "all", "-f", "vhdx", scratch["a.vhdx"]);
        Tool.MustRun("qemu-img", "compare", "-f", "vhdx", "-F", "raw", scratch["a.vhdx"], scratch["a.raw"]);
    }
}
