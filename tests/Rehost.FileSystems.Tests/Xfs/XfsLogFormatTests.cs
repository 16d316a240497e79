using System.Buffers.Binary;
using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>
/// Logs made byte by byte: of version 4, which this machine's kernel does not know, with each length of header, going round the end, and cut at any place. What the
/// transactions say is the difference between two states of a file system; replaying them on the first must give the second.
/// </summary>
public sealed class XfsLogFormatTests
{
    private const uint Pass = 7;

    /// <summary>mkfs options, bytes of a record buffer, where the log begins (from its end when negative), whether the kernel here can say what is right.</summary>
    public static TheoryData<string, int, int, bool> Logs => new()
    {
        { "-m rmapbt=1", 32768, 100, true },
        { "-m rmapbt=1 -b size=1024 -i size=512", 262144, -30, true },
        { "-m crc=1,finobt=0,reflink=0 -i sparse=0 -l su=64k,size=24m", 65536, -256, true },
        { "-m crc=0,finobt=0 -n ftype=0 -i size=256 -l version=1", 32768, 64, false },
        { "-m crc=0,finobt=0 -b size=512 -i size=256 -n ftype=0 -l version=1", 32768, -25, false },
        { "-m crc=0,finobt=0 -n ftype=1 -i size=512 -l version=2,su=32k", 32768, -64, false },
        { "-m crc=0,finobt=0 -b size=1024 -i attr=1,size=256 -n ftype=0 -l version=2,su=256k,size=24m", 262144, 1024, false },
        { "-m crc=0,finobt=0 -n ftype=0 -i size=256 -l lazy-count=0", 131072, -3, false },
    };

    [Theory]
    [MemberData(nameof(Logs))]
    public void Transactions_lead_from_one_state_to_the_next(string mkfs, int bufferSize, int head, bool isKnownToKernel)
    {
        using var scratch = new ScratchDirectory();
        var (image, expected) = MakeStates(scratch, mkfs, isKnownToKernel);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            var items = ItemsOf(device);
            var log = new LogWriter(device, Pass, head, bufferSize);

            // In three transactions, and a fourth that was never committed.
            log.Add(items[..(items.Count / 3)]).Add(items[(items.Count / 3)..(items.Count / 2)]).Write();
            log.Add(items[(items.Count / 2)..]).Write().Add(items.Take(3), isCommitted: false).Write();
        }

        if (head >= 0 || head < -bufferSize / 32768)
        {
            Tool.MustRun("xfs_logprint", "-t", image); // cannot read a header that goes round the end, as the kernel can
        }

        CompareWith(image, expected, scratch, isKnownToKernel);
    }

    [Theory]
    [InlineData("-m rmapbt=1", 32768, 100, true)]
    [InlineData("-m crc=1,finobt=0,reflink=0 -i sparse=0 -l su=64k,size=24m", 65536, -256, true)]
    [InlineData("-m crc=0,finobt=0 -n ftype=0 -i size=256 -l version=1", 32768, -20, false)]
    public void Of_records_that_were_being_written_none_counts(string mkfs, int bufferSize, int head, bool isKnownToKernel)
    {
        using var scratch = new ScratchDirectory();
        var (image, expected) = MakeStates(scratch, mkfs, isKnownToKernel);
        foreach (var tear in (Action<LogWriter, long, int>[])[LoseEnd, LoseMiddleRecord, LoseBeginning])
        {
            Tool.MustRun("cp", "--sparse=always", image, scratch["torn"]);
            using (var device = FileDevice.OpenReadWrite(scratch["torn"]))
            {
                var items = ItemsOf(device);
                var log = new LogWriter(device, Pass, head, bufferSize);
                log.Add(items).Write();
                var (whole, count) = (log.Head, log.Records.Count);
                var more = new List<byte[][]> { new byte[][] { [0x3F, 0x12, 1, 0, .. new byte[24]] } }; // would make inodes over the root directory's
                for (var i = 0; i < 3; i++)
                {
                    log.Add(more).Write();
                }

                tear(log, whole, count);
            }

            CompareWith(scratch["torn"], expected, scratch, isKnownToKernel);
        }
    }

    [Fact]
    public void What_was_torn_over_the_oldest_record_leaves_the_rest()
    {
        using var scratch = new ScratchDirectory();
        var (image, expected) = MakeStates(scratch, "-m rmapbt=1", true);
        using (var device = FileDevice.OpenReadWrite(image))
        {
            // The log is full up to its tail: the first record, which nobody needs any more, was being written over.
            var items = ItemsOf(device);
            var log = new LogWriter(device, Pass, -40);
            log.Add([Obsolete()]).Write();
            log.Add(items).Write();
            var sector = new byte[LogWriter.Sector];
            var fill = log.Sectors - 40 - log.Head;
            for (var i = 0L; i < fill; i++)
            {
                log.Add([Obsolete(800)]).Write();
                if (log.Head >= log.Sectors - 40 - 4)
                {
                    break;
                }
            }

            BinaryPrimitives.WriteUInt32BigEndian(sector, Pass + 1);
            sector.AsSpan(100).Fill(0x77);
            for (var at = log.Head; at < log.Sectors - 40 + 2; at++)
            {
                device.Write(new GuestOffset(log.ByteOf(at)), sector);
            }
        }

        CompareWith(image, expected, scratch, isKnownToKernel: true);
    }

    [Fact]
    public void A_log_that_is_not_replayed_is_refused_before_anything_is_changed()
    {
        using var scratch = new ScratchDirectory();
        var (image, _) = MakeStates(scratch, "-m rmapbt=1", true);
        foreach (var (what, damage) in ((string, Action<LogWriter, FileDevice>)[])
        [
            ("format 2", (log, device) => Change(log, device, 0, bytes => bytes[303] = 2)), // big endian
            ("0x1246", (log, _) => log.Add([[[0x46, 0x12, 1, 0, .. new byte[44]]]]).Write()), // logged attributes
            ("0x1248", (log, _) => log.Add([[[0x48, 0x12, 1, 0, .. new byte[92]]]]).Write()), // exchanged files
            ("kind 99", (log, _) => log.Add([LogItems.Owners(1, (131, 1000, 0, 1, 99))]).Write()),
            ("kind 77", (log, _) => log.Add([LogItems.References(1, (1000, 1, 77))]).Write()),
            ("flags 0x80000001", (log, _) => log.Add([LogItems.Map(1, (131, 1000, 0, 1, 0x80000001))]).Write()),
            ("cut short", (log, _) => log.Add([[[0x36, 0x12, 1, 0, 3, 0, 0, 0, .. new byte[24]]]]).Write()),
            ("between tail and head", (log, device) =>
            {
                Grow(log);
                Change(log, device, 5, bytes => bytes[600] ^= 1, isSealed: false);
            }),
        ])
        {
            Tool.MustRun("cp", "--sparse=always", image, scratch["damaged"]);
            using (var device = FileDevice.OpenReadWrite(scratch["damaged"]))
            {
                var items = ItemsOf(device);
                var log = new LogWriter(device, Pass, 100);
                log.Add(items).Write();
                damage(log, device);
                device.Flush();
            }

            var before = SHA256.HashData(File.ReadAllBytes(scratch["damaged"]));
            using (var device = FileDevice.OpenReadWrite(scratch["damaged"]))
            {
                var refused = Assert.Throws<DiagnosticException>(() => XfsProfile.Open(device)).Diagnostic;
                Assert.Equal("XFS010", refused.Id);
                Assert.Contains(what, refused.ToString(), StringComparison.Ordinal);
                Assert.Contains("mount the disk once", refused.NextStep, StringComparison.Ordinal);
            }

            Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(scratch["damaged"])));
        }
    }

    /// <summary>Logs with changed bytes, their checksums mended: replayed, or findings, and nothing else.</summary>
    [Theory]
    [InlineData("-m rmapbt=1", 31)]
    [InlineData("-m crc=0,finobt=0 -n ftype=0 -i size=256", 32)]
    public void Damaged_logs_give_findings_and_nothing_else(string mkfs, int seed)
    {
        using var scratch = new ScratchDirectory();
        var (image, _) = MakeStates(scratch, mkfs, isKnownToKernel: false);
        using var file = FileDevice.OpenReadWrite(image);
        var items = ItemsOf(file);
        var made = new LogWriter(file, Pass, -50);
        made.Add(items).Write();
        var intents = new List<byte[][]> { LogItems.Free(1, (5000, 2), (6000, 1)) };
        if (made.IsVersion5)
        {
            intents.AddRange([LogItems.Owners(2, (131, 5000, 0, 2, 3)), LogItems.References(3, (5000, 2, 1)), LogItems.Map(4, (131, 5000, 7, 2, 1))]);
        }

        made.Add(intents).Write();
        var random = new Random(seed);
        for (var round = 0; round < Fuzzing.Rounds(150); round++)
        {
            using var device = new OverlayDevice(file, OverlayStore.InMemory());
            var record = made.Records[random.Next(made.Records.Count)];
            for (var flips = random.Next(1, 6); flips > 0; flips--)
            {
                // Half of them in headers of records and operations, where lengths and numbers stand.
                var at = made.ByteOf(record + random.Next(random.Next(2) == 0 ? 2 : 40)) + random.Next(random.Next(2) == 0 ? 64 : LogWriter.Sector);
                device.Write(new GuestOffset(at), [(byte)(random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => 1 << random.Next(8), _ => random.Next(256) })]);
            }

            try
            {
                if (made.IsVersion5)
                {
                    made.Seal(record, device);
                }

                using var fileSystem = XfsProfile.Open(device);
                Walk(fileSystem);
            }
            catch (DiagnosticException)
            {
                // A finding: what damage must give.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Assert.Fail($"{mkfs}, seed {seed}, round {round}: {e}");
            }
        }
    }

    private static byte[][] Obsolete(int padding = 0) => LogItems.Done(LogItems.Free(0xABC, [.. Enumerable.Range(0, 1 + (padding / 16)).Select(_ => (1UL, 1u))]));

    private static void Grow(LogWriter log)
    {
        for (var i = 0; i < 40; i++)
        {
            log.Add([Obsolete(4000)]).Write();
        }
    }

    private static void Change(LogWriter log, FileDevice device, int record, Action<byte[]> change, bool isSealed = true)
    {
        var bytes = new byte[2 * LogWriter.Sector];
        var at = new GuestOffset(log.ByteOf(log.Records[record]));
        device.Read(at, bytes);
        change(bytes);
        device.Write(at, bytes);
        if (isSealed)
        {
            log.Seal(log.Records[record]);
        }
    }

    private static void LoseEnd(LogWriter log, long whole, int count) => log.Unwrite(whole + 1, (int)((log.Head - whole - 1 + log.Sectors) % log.Sectors));

    private static void LoseBeginning(LogWriter log, long whole, int count) => log.Unwrite(whole, 1);

    private static void LoseMiddleRecord(LogWriter log, long whole, int count)
    {
        // The first of the three arrived only in part, the others whole.
        var second = log.Records[count + 1];
        log.Unwrite((second + log.Sectors - 1) % log.Sectors, 1);
    }

    /// <summary>A file system, and a copy of it after some edits.</summary>
    private static (string Image, string Expected) MakeStates(ScratchDirectory scratch, string mkfs, bool isKnownToKernel)
    {
        var image = new XfsProfile("log", mkfs, 128) { HasPrototype = !isKnownToKernel, IsMountable = isKnownToKernel }.Make(scratch);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = XfsProfile.Open(device))
        {
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/before/sub");
            for (var i = 0; i < 120; i++)
            {
                tree.WriteFile($"/before/a-file-with-a-longer-name-{i}", new byte[i * 300]);
            }

            tree.WriteFile("/pieces", new byte[8192]);
            fileSystem.Flush();
        }

        Tool.MustRun("cp", "--sparse=always", image, scratch["expected"]);
        using (var device = FileDevice.OpenReadWrite(scratch["expected"]))
        {
            Edit(device);
        }

        return (image, scratch["expected"]);
    }

    private static void Edit(IBlockDevice device)
    {
        using var fileSystem = XfsProfile.Open(device);
        var tree = new GuestTree(fileSystem);
        for (var i = 0; i < 120; i += 3)
        {
            tree.DeleteFile($"/before/a-file-with-a-longer-name-{i}");
        }

        tree.CreateDirectories("/after/more");
        for (var i = 0; i < 90; i++)
        {
            tree.WriteFile($"/after/another-file-with-a-name-{i}", new byte[i * 200]);
        }

        tree.WriteFile("/after/more/x", "text"u8);
        tree.Rename("/before/a-file-with-a-longer-name-1", "/after/more/moved");
        tree.CreateSymbolicLink("/after/link", "more/x");
        tree.SetExtendedAttribute("/after/more/x", "user.one", "two"u8.ToArray());
        tree.SetExtendedAttribute("/after/more", "user.long", new byte[900]);
        var pieces = tree.Resolve("/pieces");
        for (var i = 1; i < 80; i++)
        {
            fileSystem.Write(pieces.Node, i * 2L * 65536, "piece"u8);
        }

        fileSystem.Flush();
    }

    private static List<byte[][]> ItemsOf(FileDevice device)
    {
        using var overlay = new OverlayDevice(device, OverlayStore.InMemory());
        Edit(overlay);
        return LogItems.Between(device, overlay);
    }

    private static void CompareWith(string image, string expected, ScratchDirectory scratch, bool isKnownToKernel)
    {
        using (var reading = FileDevice.OpenRead(image))
        {
            Assert.Equal("XFS008", Assert.Throws<DiagnosticException>(() => XfsProfile.Open(reading)).Diagnostic.Id);
        }

        Tool.MustRun("cp", "--sparse=always", image, scratch["ours"]);
        using (var device = FileDevice.OpenReadWrite(scratch["ours"]))
        using (var fileSystem = XfsProfile.Open(device))
        using (var wanted = FileDevice.OpenRead(expected))
        using (var wantedSystem = XfsProfile.Open(wanted))
        {
            Assert.True(fileSystem.Info.WasRecovered);
            Assert.Equal(Describe(wantedSystem), Describe(fileSystem));
            Assert.Empty(fileSystem.Check());
        }

        Assert.Equal("", XfsProfile.FindFault(scratch["ours"]) ?? "");
        if (isKnownToKernel)
        {
            var mounted = Directory.CreateDirectory(scratch["mounted"]).FullName;
            new Mounted(image, mounted, "-o", "loop").Dispose();
            Assert.True(XfsProfile.FindFault(image) is null, XfsProfile.FindFault(image));
            using (new Mounted(image, mounted, "-o", "loop,ro"))
            using (var device = FileDevice.OpenRead(scratch["ours"]))
            using (var fileSystem = XfsProfile.Open(device))
            {
                HostTree.Compare(new GuestTree(fileSystem), mounted, scratch["list"]);
            }

            new Mounted(scratch["ours"], mounted, "-o", "loop").Dispose();
        }
    }

    private static void Walk(IFileSystem fileSystem)
    {
        var work = new Stack<NodeId>([fileSystem.Root]);
        var buffer = new byte[10_000];
        for (var left = 1000; left > 0 && work.TryPop(out var node); left--)
        {
            try
            {
                var metadata = fileSystem.GetMetadata(node);
                fileSystem.GetExtendedAttributes(node);
                fileSystem.Read(node, metadata.Length / 2, buffer);
                foreach (var entry in metadata.Kind == NodeKind.Directory ? fileSystem.List(node) : [])
                {
                    work.Push(entry.Node);
                }
            }
            catch (DiagnosticException)
            {
                // One finding must not hide what comes after it.
            }
        }
    }

    /// <summary>Every node with what it holds.</summary>
    private static List<string> Describe(IFileSystem fileSystem)
    {
        var lines = new List<string>();
        var work = new Stack<(NodeId Node, string Path)>([(fileSystem.Root, "")]);
        while (work.TryPop(out var one))
        {
            var metadata = fileSystem.GetMetadata(one.Node);
            var content = new byte[metadata.Kind == NodeKind.File ? metadata.Length : 0];
            fileSystem.Read(one.Node, 0, content);
            var attributes = string.Join(',', fileSystem.GetExtendedAttributes(one.Node).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={Convert.ToHexString(pair.Value)}"));
            lines.Add($"{one.Path} {metadata.Kind} {metadata.Permissions} {metadata.Links} {metadata.Length} {metadata.Modified:O} {Convert.ToHexString(SHA256.HashData(content))} {attributes} {(metadata.Kind == NodeKind.SymbolicLink ? fileSystem.ReadLink(one.Node) : "")}");
            foreach (var entry in metadata.Kind == NodeKind.Directory ? fileSystem.List(one.Node) : [])
            {
                work.Push((entry.Node, $"{one.Path}/{entry.Name}"));
            }
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }
}
