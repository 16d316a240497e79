using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Transfer.Tests;

public sealed class CopyJournalTests
{
    private const int Size = (12 << 20) + 512;

    [Theory]
    [InlineData("raw", ImageCompression.None)]
    [InlineData("qcow2", ImageCompression.None)]
    [InlineData("qcow2", ImageCompression.Zstd)]
    public void ACopyStoppedAnywhereGivesTheSameBytes(string format, ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var content = Content();
        Assert.Equal(0, Copy(scratch["whole"], content, format, compression, failAt: long.MaxValue).Resumed);
        var expected = File.ReadAllBytes(scratch["whole"]);
        for (var failAt = 1; failAt < 13; failAt += 2)
        {
            var path = scratch[$"{failAt}"];
            Assert.Throws<DiagnosticException>(() => Copy(path, content, format, compression, failAt << 20));

            // A run that fails again, further on, and one that comes through.
            if (failAt < 9)
            {
                Assert.Throws<DiagnosticException>(() => Copy(path, content, format, compression, (failAt + 3) << 20));
            }

            var (resumed, read) = Copy(path, content, format, compression, long.MaxValue);
            Assert.Equal(expected, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(scratch.Path, $"{failAt}*"));
            if (failAt > 3)
            {
                Assert.InRange(resumed, 1 << 20, Size);
                Assert.True(format != "raw" || read <= Size - resumed, "a raw target reads again only what was not written");
            }
        }
    }

    [Fact]
    public void TheDigestOfAContinuedCopyIsOfAllOfIt()
    {
        using var scratch = new ScratchDirectory();
        var content = Content();
        Assert.Throws<DiagnosticException>(() => Copy(scratch["a"], content, "raw", ImageCompression.None, 7 << 20));
        using var source = new MemoryDevice(content);
        using var file = CommittedFile.Create(scratch["a"], new CommittedFileOptions { KeepsPartial = true, ContinuesPartial = true });
        using var journal = CopyJournal.Open(file, "id", isReplayed: false, interval: 1 << 20);
        using var writer = KnownDiskFormats.ByName("raw").CreateWriter(journal.File, Size, new ImageWriterOptions());
        Assert.InRange(journal.DurableEnd, 1 << 20, 8 << 20);
        var digest = DiskCopy.RunPlain(new DiskCopyRequest(source, writer) { Journal = journal }, digest: true);
        file.Commit();
        Assert.Equal(ContentDigest.Of(source, 1).Root, digest?.Root);
        Assert.Equal(content, File.ReadAllBytes(scratch["a"]));
    }

    [Fact]
    public void ATornOrDamagedRecordIsNotBelieved()
    {
        using var scratch = new ScratchDirectory();
        var content = Content();
        Assert.Throws<DiagnosticException>(() => Copy(scratch["a"], content, "raw", ImageCompression.None, 9 << 20));
        var journal = File.ReadAllBytes(scratch["a.partial.journal"]);
        var partial = File.ReadAllBytes(scratch["a.partial"]);
        var full = Resumable();
        Assert.True(full >= 6 << 20);
        var random = new Random(4);
        for (var round = 0; round < 60; round++)
        {
            var bytes = (byte[])journal.Clone();
            if (round % 2 == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }
            else
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(scratch["a.partial.journal"], bytes);
            var resumable = Resumable();
            Assert.InRange(resumable, 0, full - 1);
        }

        // What a machine that lost power may have left: less data than the file has now, never less than the journal says.
        File.WriteAllBytes(scratch["a.partial.journal"], journal[..(48 + (32 * 3))]);
        new Random(5).NextBytes(partial.AsSpan((int)Resumable()..));
        File.WriteAllBytes(scratch["a.partial"], partial);
        var (resumed, _) = Copy(scratch["a"], content, "raw", ImageCompression.None, long.MaxValue);
        Assert.True(resumed > 0);

        // Junk behind the durable part is overwritten where there is data; holes were holes.
        Assert.Equal(content.AsSpan(0, 4 << 20), File.ReadAllBytes(scratch["a"]).AsSpan(0, 4 << 20));

        long Resumable()
        {
            if (!CopyJournal.CanContinue(scratch["a"], "id"))
            {
                return 0;
            }

            File.WriteAllBytes(scratch["a.partial"], partial); // what is not believed is cut off
            using var file = CommittedFile.Create(scratch["a"], new CommittedFileOptions { KeepsPartial = true, ContinuesPartial = true });
            using var open = CopyJournal.Open(file, "id", isReplayed: false);
            return open.DurableEnd;
        }
    }

    /// <summary>In a directory where others can write, a link may wait where the journal goes.</summary>
    [Fact]
    public void APlantedLinkIsNotFollowed()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a"]);
        File.WriteAllText(scratch["victim"], "untouched");
        foreach (var target in (string[])[scratch["victim"], scratch["nothing there"]])
        {
            var path = scratch["a"] + CommittedFile.PartialSuffix + CommittedFile.JournalSuffix;
            File.Delete(path);
            File.CreateSymbolicLink(path, target);
            CopyJournal.Open(file, "id", isReplayed: false).Dispose();
            Assert.Null(new FileInfo(path).LinkTarget);
            Assert.Equal("untouched", File.ReadAllText(scratch["victim"]));
            Assert.False(File.Exists(scratch["nothing there"]));
        }
    }

    [Fact]
    public void AJournalOfSomethingElseIsNotUsed()
    {
        using var scratch = new ScratchDirectory();
        Assert.Throws<DiagnosticException>(() => Copy(scratch["a"], Content(), "raw", ImageCompression.None, 9 << 20));
        Assert.True(CopyJournal.CanContinue(scratch["a"], "id"));
        Assert.False(CopyJournal.CanContinue(scratch["a"], "another source"));
        Assert.False(CopyJournal.CanContinue(scratch["b"], "id"));

        // A run that does not keep a journal takes both away: later nobody may believe what it left.
        CommittedFile.Create(scratch["a"]).Dispose();
        Assert.Empty(Directory.GetFiles(scratch.Path));
    }

    [Fact]
    public void AReplayOfOtherContentStopsBeforeItWrites()
    {
        using var scratch = new ScratchDirectory();
        var content = Content();
        Assert.Throws<DiagnosticException>(() => Copy(scratch["a.qcow2"], content, "qcow2", ImageCompression.None, 9 << 20));
        var before = File.ReadAllBytes(scratch["a.qcow2.partial"]);
        content[70_000] ^= 1;
        Assert.Equal("TRF005", Assert.Throws<DiagnosticException>(() => Copy(scratch["a.qcow2"], content, "qcow2", ImageCompression.None, long.MaxValue)).Diagnostic.Id);
        Assert.Equal(before, File.ReadAllBytes(scratch["a.qcow2.partial"]));
    }

    private static byte[] Content()
    {
        var content = new byte[Size];
        new Random(1).NextBytes(content.AsSpan(0, 5 << 20));
        new Random(2).NextBytes(content.AsSpan(8 << 20));
        return content;
    }

    private static (long Resumed, long Read) Copy(string path, byte[] content, string format, ImageCompression compression, long failAt)
    {
        using var source = new Failing(content, failAt);
        var options = new CommittedFileOptions { KeepsPartial = true, ContinuesPartial = CopyJournal.CanContinue(path, "id") };
        using var file = CommittedFile.Create(path, options);
        using var journal = CopyJournal.Open(file, "id", isReplayed: format != "raw", interval: 1 << 20);
        using var writer = KnownDiskFormats.ByName(format).CreateWriter(journal.File, source.Length, new ImageWriterOptions(compression));
        DiskCopy.RunPlain(new DiskCopyRequest(source, writer) { Journal = journal });
        file.Commit();
        journal.Remove();
        return (journal.ResumedBytes, source.BytesRead);
    }

    private sealed class Failing(byte[] content, long failAt) : IBlockDevice
    {
        private readonly SparseDevice _inner = new(content, new ByteRange(5 << 20, 3 << 20));

        public long BytesRead => _inner.BytesRead;

        public long Length => content.Length;

        public bool CanWrite => false;

        public void Read(GuestOffset offset, Span<byte> buffer)
        {
            if (offset.Value + buffer.Length > failAt)
            {
                throw BlockDiagnostics.ReadFailed.ToException("stopped", "source");
            }

            _inner.Read(offset, buffer);
        }

        public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException();

        public void WriteZeros(GuestOffset offset, long length) => throw new InvalidOperationException();

        public void Flush()
        {
        }

        public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => _inner.GetExtents(offset, length);

        public void Dispose() => _inner.Dispose();
    }
}
