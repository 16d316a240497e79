using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.FileSystems.Ext.Journal;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Recovery compared with what e2fsprogs makes of the same dirty image.</summary>
public sealed class JournalReplayTests
{
    private const string ManyFiles = """
        mkdir $m/d; for i in $(seq 300); do echo content $i > $m/d/file-$i; done
        for i in $(seq 1 3 300); do rm $m/d/file-$i; done
        mkdir -p $m/a/b/c; ln -s ../target $m/a/link; setfattr -n user.test -v value $m/d/file-2 || true
        dd if=/dev/urandom of=$m/big bs=64k count=20 status=none
        """;

    /// <summary>Directory blocks that were logged, then freed and used for data which is not logged: without revoke records, recovery would write old directories over the data.</summary>
    private const string Revoking = """
        mkdir $m/gone; for i in $(seq 2000); do : > $m/gone/a-long-name-to-fill-directory-blocks-$i; done; sync -f $m
        rm -r $m/gone; sync -f $m
        i=0; while dd if=/dev/urandom of=$m/fill-$i bs=256k count=4 status=none 2>/dev/null; do i=$((i+1)); [ $i -lt 40 ]; done || true
        """;

    /// <summary>Many small commits in the smallest journal.</summary>
    private const string SmallCommits = """
        for i in $(seq 400); do echo $i > $m/wrap-$i; sync -f $m; [ $((i % 3)) = 0 ] && rm $m/wrap-$i; done; true
        """;

    /// <summary>With data=journal, content goes through the log; content that starts with the log's own magic must be escaped there.</summary>
    private const string Escaping = """
        for i in $(seq 50); do (printf '\xc0\x3b\x39\x98\x00\x00\x00\x02'; head -c 5000 /dev/zero | tr '\0' x) > $m/escaped-$i; done
        """;

    [Theory]
    [InlineData("ext3 of 2005, 1k blocks, indirect journal", "-t ext3 -b 1024 -I 128 -O ^dir_index,^resize_inode -J size=4", "48M", "", ManyFiles)]
    [InlineData("ext3, 4k blocks, revokes", "-t ext3 -b 4096 -J size=8", "48M", "", Revoking)]
    [InlineData("ext3, 1k blocks, large indirect journal, small commits", "-t ext3 -b 1024 -J size=1", "24M", "", SmallCommits)]
    [InlineData("ext4 without checksums", "-t ext4 -O ^metadata_csum,^64bit", "48M", "", ManyFiles)]
    [InlineData("ext4, 64bit, no checksums", "-t ext4 -O ^metadata_csum,64bit", "48M", "", ManyFiles)]
    [InlineData("ext4, checksum v1", "-t ext4 -O ^metadata_csum", "48M", "journal_checksum", ManyFiles)]
    [InlineData("ext4, checksum v1, revokes", "-t ext4 -O ^metadata_csum -b 1024", "40M", "journal_checksum", Revoking)]
    [InlineData("ext4, asynchronous commit", "-t ext4 -O ^metadata_csum", "48M", "data=writeback,journal_async_commit,journal_checksum", ManyFiles)]
    [InlineData("ext4 today, checksum v3", "-t ext4", "48M", "", ManyFiles)]
    [InlineData("ext4 today, checksum v3, no 64bit", "-t ext4 -O ^64bit", "48M", "", ManyFiles)]
    [InlineData("ext4 today, revokes", "-t ext4 -b 1024", "40M", "", Revoking)]
    [InlineData("ext4 today, small commits", "-t ext4 -b 1024 -J size=1", "24M", "", SmallCommits)]
    [InlineData("ext4 today, data through the log, escaped", "-t ext4", "48M", "data=journal", Escaping)]
    [InlineData("ext3, data through the log, escaped", "-t ext3 -b 1024", "48M", "data=journal", Escaping)]
    [InlineData("ext4, bigalloc", "-t ext4 -O bigalloc -C 16384", "64M", "", ManyFiles)]
    [InlineData("ext4, meta_bg, small groups", "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode", "40M", "", ManyFiles)]
    [InlineData("ext4, fast commits enabled, none made", "-t ext4 -O fast_commit -J size=8,fast_commit_size=1024", "64M", "", ManyFiles)]
    public void The_kernels_journal_replays_as_e2fsprogs_replays_it(string name, string mke2fs, string size, string mountOptions, string script)
    {
        _ = name;
        using var scratch = new ScratchDirectory();
        var dirty = JournalImages.MakeDirty(scratch, mke2fs, size, mountOptions, script);
        var ours = JournalImages.Copy(scratch, dirty, "ours.img");
        var theirs = JournalImages.Copy(scratch, dirty, "theirs.img");

        JournalReplayReport report;
        using (var device = FileDevice.OpenReadWrite(ours))
        {
            Assert.True(JournalReplay.IsNeeded(device));
            report = JournalReplay.Run(device);
            Assert.False(JournalReplay.IsNeeded(device));
            Assert.False(JournalReplay.Run(device).WasNeeded);
        }

        Assert.True(report.WasNeeded && report.Blocks > 0 && report.Transactions > 0, report.ToString());
        Assert.True(script != Revoking || report.Revoked > 0, $"the script was to cause revokes: {report}");
        Tool.MustRun("debugfs", "-w", "-R", "jr", theirs);

        // With meta_bg, debugfs also rewrites the copies of the descriptors (in the second and last group of each meta group), which the kernel does not keep up to date.
        int[] copies = mke2fs.Contains("meta_bg", StringComparison.Ordinal) ? [.. Enumerable.Range(0, 40).SelectMany(group => new[] { (group * 1024) + 1, (group * 1024) + 2 })] : [];
        AssertSameOutsideSuperblocks(theirs, ours, copies, mke2fs.Contains("fast_commit", StringComparison.Ordinal));
        var check = Tool.Run("e2fsck", "-fn", ours);
        Assert.True(check.ExitCode == 0, $"{report}\n{check.Output}");
    }

    [Theory]
    [InlineData(2, "64bit,metadata_csum")]
    [InlineData(3, "64bit,metadata_csum")]
    [InlineData(2, "^64bit,metadata_csum")]
    [InlineData(3, "^64bit,metadata_csum")]
    [InlineData(0, "64bit,^metadata_csum")]
    [InlineData(0, "^64bit,^metadata_csum")]
    public void Transactions_written_by_debugfs_replay(int checksumVersion, string features)
    {
        using var scratch = new ScratchDirectory();
        var image = MakeByDebugfs(scratch, checksumVersion, features);
        var theirs = JournalImages.Copy(scratch, image, "theirs.img");
        using (var device = FileDevice.OpenReadWrite(image))
        {
            var report = JournalReplay.Run(device);
            Assert.True(report is { Transactions: 4, Blocks: 4, Revoked: 2 }, report.ToString());
        }

        Tool.MustRun("debugfs", "-w", "-R", "jr", theirs);
        AssertSameOutsideSuperblocks(theirs, image, []);
        Assert.Equal(0, Tool.Run("e2fsck", "-fn", image).ExitCode);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(12)]
    public void A_log_that_wraps_replays(int blocksBeforeTheEnd)
    {
        using var scratch = new ScratchDirectory();
        var image = MakeByDebugfs(scratch, 0, "^64bit,^metadata_csum");
        var content = File.ReadAllBytes(image);
        var journal = content.AsSpan(FindJournal(content));
        var length = BinaryPrimitives.ReadInt32BigEndian(journal[0x10..]);
        const int logBlocks = 15;
        var log = journal.Slice(1024, logBlocks * 1024).ToArray();
        journal.Slice(1024, logBlocks * 1024).Fill(0xAA);
        for (var i = 0; i < logBlocks; i++)
        {
            var at = length - blocksBeforeTheEnd + i;
            log.AsSpan(i * 1024, 1024).CopyTo(journal[((at < length ? at : at - length + 1) * 1024)..]);
        }

        BinaryPrimitives.WriteInt32BigEndian(journal[0x1C..], length - blocksBeforeTheEnd);
        File.WriteAllBytes(image, content);
        var theirs = JournalImages.Copy(scratch, image, "theirs.img");
        using (var device = FileDevice.OpenReadWrite(image))
        {
            var report = JournalReplay.Run(device);
            Assert.True(report is { Transactions: 4, Blocks: 4, Revoked: 2 }, report.ToString());
        }

        Tool.MustRun("debugfs", "-w", "-R", "jr", theirs);
        AssertSameOutsideSuperblocks(theirs, image, []);
    }

    [Fact]
    public void A_log_without_end_is_not_followed_in_circles()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(MakeByDebugfs(scratch, 0, "^64bit,^metadata_csum"));
        var journal = content.AsSpan(FindJournal(content));
        for (var block = 1; block < BinaryPrimitives.ReadInt32BigEndian(journal[0x10..]); block++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(journal[(block * 1024)..], 0xC03B3998);
            BinaryPrimitives.WriteInt32BigEndian(journal[((block * 1024) + 4)..], 5);
            BinaryPrimitives.WriteInt32BigEndian(journal[((block * 1024) + 8)..], 1);
        }

        using var device = new MemoryDevice(content);
        Assert.Equal(0, JournalReplay.Run(device).Transactions);
    }

    [Fact]
    public void A_clean_file_system_is_not_touched()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("mke2fs", "-q", "-t", "ext4", scratch["clean.img"], "16M");
        using var device = FileDevice.OpenRead(scratch["clean.img"]);
        Assert.False(JournalReplay.Run(device).WasNeeded);
    }

    [Fact]
    public void An_external_journal_is_refused_by_name()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("mke2fs", "-q", "-t", "ext4", scratch["fs.img"], "16M");
        Tool.MustRun("debugfs", "-w", "-R", "ssv journal_inum 0", scratch["fs.img"]);
        Tool.MustRun("debugfs", "-w", "-R", "ssv journal_dev 0x0811", scratch["fs.img"]);
        Tool.MustRun("debugfs", "-w", "-R", "feature needs_recovery", scratch["fs.img"]);
        using var device = FileDevice.OpenReadWrite(scratch["fs.img"]);
        var finding = Assert.Throws<DiagnosticException>(() => JournalReplay.Run(device)).Diagnostic;
        Assert.Equal("JNL002", finding.Id);
        Assert.Contains("8:17", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_superblocks_copy_of_the_journal_inode_serves_when_the_inode_is_lost()
    {
        using var scratch = new ScratchDirectory();
        var image = MakeByDebugfs(scratch, 3, "64bit,metadata_csum");
        var whole = JournalImages.Copy(scratch, image, "whole.img");
        Tool.MustRun("debugfs", "-w", "-R", "clri <8>", image);
        using var lost = FileDevice.OpenReadWrite(image);
        using var kept = FileDevice.OpenReadWrite(whole);
        Assert.Equal(JournalReplay.Run(kept), JournalReplay.Run(lost));
    }

    [Fact]
    public void A_damaged_log_is_refused_before_anything_is_written_and_never_leads_outside()
    {
        using var scratch = new ScratchDirectory();
        var images = new[] { MakeByDebugfs(scratch, 3, "64bit,metadata_csum", "a.img"), MakeByDebugfs(scratch, 0, "^64bit,^metadata_csum", "b.img") };
        var random = new Random(20260101);
        var rounds = Conformance.ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 400);
        foreach (var image in images)
        {
            var pristine = File.ReadAllBytes(image);
            var journal = FindJournal(pristine);
            for (var round = 0; round < rounds; round++)
            {
                var content = (byte[])pristine.Clone();
                for (var flips = random.Next(1, 5); flips > 0; flips--)
                {
                    // Half of the flips in the journal's superblock and its first blocks, some in the file system's superblock and descriptors, some in the journal inode.
                    var at = random.Next(4) switch
                    {
                        0 => journal + random.Next(96),
                        1 => journal + random.Next(24 * 1024),
                        2 => 1024 + random.Next(3 * 1024),
                        _ => random.Next(content.Length),
                    };
                    content[at] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
                }

                var before = (byte[])content.Clone();
                using var device = new MemoryDevice(content);
                try
                {
                    JournalReplay.Run(device);
                }
                catch (DiagnosticException)
                {
                    Assert.True(before.AsSpan().SequenceEqual(content), $"round {round}: refused, but something was written");
                }
            }
        }
    }

    [Fact]
    public void A_bad_checksum_inside_the_log_is_refused()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(MakeByDebugfs(scratch, 3, "64bit,metadata_csum"));
        var journal = FindJournal(content);
        content[journal + (12 * 1024) + 500] ^= 1; // content logged by the last transaction, right after its descriptor
        using var device = new MemoryDevice(content);
        Assert.Equal("JNL001", Assert.Throws<DiagnosticException>(() => JournalReplay.Run(device)).Diagnostic.Id);
    }

    [Fact]
    public void Features_and_fast_commits_that_are_not_known_are_refused()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(MakeByDebugfs(scratch, 0, "^64bit,^metadata_csum"));
        var journal = FindJournal(content);
        content[journal + 0x28] = 0x80;
        using var device = new MemoryDevice(content);
        var finding = Assert.Throws<DiagnosticException>(() => JournalReplay.Run(device)).Diagnostic;
        Assert.Equal("JNL003", finding.Id);
        Assert.Contains("0x80000000", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fast_commits_of_the_kernel_are_refused()
    {
        // The kernel writes a whole transaction every five seconds; when that comes in between, there is no fast commit left to find, and another try is made.
        for (var attempt = 0; ; attempt++)
        {
            using var scratch = new ScratchDirectory();
            JournalImages.MakeDirty(scratch, "-t ext4 -O fast_commit", "64M", "", """
                echo one > $m/one; sync -f $m; for i in 1 2 3 4 5; do echo $i > $m/fc-$i; sync $m/fc-$i; done; cp --sparse=always ${m%/mnt}/live.img ${m%/mnt}/fc.img
                """);
            using var device = FileDevice.OpenReadWrite(scratch["fc.img"]);
            var error = Record.Exception(() => JournalReplay.Run(device));
            if (error is not null || attempt == 5)
            {
                Assert.Equal("JNL004", Assert.IsType<DiagnosticException>(error).Diagnostic.Id);
                return;
            }
        }
    }

    /// <summary>Four transactions: two blocks; one of them again and another; both revoked; and three more. Blocks are free ones, so that the file system stays sound.</summary>
    private static string MakeByDebugfs(ScratchDirectory scratch, int checksumVersion, string features, string name = "debugfs.img")
    {
        var image = scratch[name];
        Tool.MustRun("sh", "-c", $"yes stale-junk- | head -c 16M > '{image}'; mke2fs -q -F -t ext4 -b 1024 -J size=1 -O {features} '{image}'");
        File.WriteAllBytes(scratch["one"], [.. Enumerable.Repeat((byte)'1', 2048)]);
        File.WriteAllBytes(scratch["two"], [.. Enumerable.Repeat((byte)'2', 2048)]);
        byte[] magic = [0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 2, .. Enumerable.Repeat((byte)'3', 3064)];
        File.WriteAllBytes(scratch["three"], magic);
        var open = checksumVersion == 0 ? "jo" : $"jo -c -v {checksumVersion}";
        Tool.MustRun("sh", "-c", $"""
            printf '%s\n' '{open}' 'jw -b 12000,12001 {scratch["one"]}' 'jw -b 12001,12002 {scratch["two"]}' 'jw -r 12000,12001' 'jw -b 12003,12004,12005 {scratch["three"]}' 'jc' | debugfs -w -f - '{image}'
            """);
        // Revoked are 12000 and 12001; left are 12002 and the last three.
        return image;
    }

    private static int FindJournal(byte[] content)
    {
        for (var at = 0; at < content.Length; at += 1024)
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(at)) == 0xC03B3998 && BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(at + 4)) == 4)
            {
                return at;
            }
        }

        throw new InvalidOperationException("no journal in the image");
    }

    private static void AssertSameOutsideSuperblocks(string expectedPath, string actualPath, int[] ignored, bool hasFastCommit = false)
    {
        var (expected, actual) = (File.ReadAllBytes(expectedPath), File.ReadAllBytes(actualPath));
        var journal = FindJournal(expected);
        for (var at = 0; at < expected.Length; at += 1024)
        {
            if (at != 1024 && at != journal && !ignored.Contains(at / 1024))
            {
                Assert.True(expected.AsSpan(at, 1024).SequenceEqual(actual.AsSpan(at, 1024)), $"the images differ at block {at / 1024}");
            }
        }

        // The log is empty in both, and goes on with the same transaction; or, as in the kernel, after the log's last, which debugfs does not count where fast commits are enabled.
        var next = BinaryPrimitives.ReadInt32BigEndian(actual.AsSpan(journal + 0x18)) - BinaryPrimitives.ReadInt32BigEndian(expected.AsSpan(journal + 0x18));
        Assert.InRange(next, 0, hasFastCommit ? 100 : 0);
        Assert.Equal(0, BinaryPrimitives.ReadInt32BigEndian(actual.AsSpan(journal + 0x1C)));
    }
}
