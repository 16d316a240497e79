using Rehost.Blocks;
using Rehost.DiskFormats.Raw;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests;

public sealed class RawTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData((3 << 20) + 512)]
    public void ZerosBecomeHoles(int size)
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[size];
        new Random(1).NextBytes(content.AsSpan(0, size / 3));
        new Random(2).NextBytes(content.AsSpan(size - (size / 8)));
        using (var file = CommittedFile.Create(scratch["a.raw"]))
        {
            using var writer = KnownDiskFormats.ByName("raw").CreateWriter(file, size, new ImageWriterOptions());
            for (var at = 0; at < size; at += 100_000)
            {
                writer.Write(new GuestOffset(at), content.AsSpan(at, Math.Min(100_000, size - at)));
            }

            writer.Complete();
            Assert.False(File.Exists(scratch["a.raw"]));
            file.Commit();
        }

        Assert.Equal(content, File.ReadAllBytes(scratch["a.raw"]));
        Assert.Equal([scratch["a.raw"]], Directory.GetFileSystemEntries(scratch.Path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(scratch["a.raw"]));
        if (size > 1 << 20)
        {
            using var device = FileDevice.OpenRead(scratch["a.raw"]);
            Assert.InRange(device.GetExtents(GuestOffset.Zero, size).Where(e => e.Kind == ExtentKind.Hole).Sum(e => e.Length), size / 2, size);
        }
    }

    [Fact]
    public void TwoTerabytesAreAMatterOfTheLength()
    {
        using var scratch = new ScratchDirectory();
        const long length = (2L << 40) + 512;
        using var file = CommittedFile.Create(scratch["a.raw"]);
        using var writer = new RawWriter(file, length);
        writer.WriteZeros(GuestOffset.Zero, length - 512);
        writer.Write(new GuestOffset(length - 512), [1]);
        writer.Complete(CancellationToken.None);
        file.Commit();
        Assert.Equal(length, new FileInfo(scratch["a.raw"]).Length);
    }

    [Fact]
    public void AnUnfinishedFileIsNeverSeen()
    {
        using var scratch = new ScratchDirectory();
        using (var file = CommittedFile.Create(scratch["a"]))
        {
            file.Write(FileOffset.Zero, [1]);
            Assert.Equal([scratch["a.partial"]], Directory.GetFileSystemEntries(scratch.Path));
            var busy = Assert.Throws<DiagnosticException>(() => CommittedFile.Create(scratch["a"]));
            Assert.Equal("BLK012", busy.Diagnostic.Id);
        }

        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));

        // What a killed run leaves is replaced; a link planted there is not followed.
        File.WriteAllText(scratch["victim"], "untouched");
        File.CreateSymbolicLink(scratch["b.partial"], scratch["victim"]);
        File.WriteAllText(scratch["a.partial"], "old");
        foreach (var name in new[] { "a", "b" })
        {
            using var file = CommittedFile.Create(scratch[name]);
            file.Write(FileOffset.Zero, [1, 2]);
            file.Commit();
        }

        Assert.Equal([1, 2], File.ReadAllBytes(scratch["a"]));
        Assert.Equal("untouched", File.ReadAllText(scratch["victim"]));
        Assert.Equal("BLK004", Assert.Throws<DiagnosticException>(() => CommittedFile.Create(scratch["a"])).Diagnostic.Id);
        Assert.Equal("BLK004", Assert.Throws<DiagnosticException>(() => CommittedFile.Create("/nonexistent/a")).Diagnostic.Id);
    }

    [Fact]
    public void SharingEitherWorksOrChangesNothing()
    {
        using var scratch = new ScratchDirectory();
        var content = new byte[1 << 20];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(scratch["source"], content);
        using var source = FileDevice.OpenRead(scratch["source"]);
        using var file = CommittedFile.Create(scratch["a"]);
        using var writer = new RawWriter(file, content.Length);
        var isShared = writer.TryShare(source, FileOffset.Zero, GuestOffset.Zero, content.Length);
        writer.Complete(CancellationToken.None);
        file.Commit();
        Assert.Equal(isShared ? content : new byte[content.Length], File.ReadAllBytes(scratch["a"]));
    }

    [Fact]
    public void RawCannotBeCompressed()
    {
        using var scratch = new ScratchDirectory();
        using var file = CommittedFile.Create(scratch["a"]);
        var error = Assert.Throws<DiagnosticException>(() => KnownDiskFormats.ByName("raw").CreateWriter(file, 1, new ImageWriterOptions(ImageCompression.Zlib)));
        Assert.Equal("DSK003", error.Diagnostic.Id);
    }
}
