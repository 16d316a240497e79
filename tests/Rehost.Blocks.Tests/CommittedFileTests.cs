using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Blocks.Tests;

public sealed class CommittedFileTests
{
    [Fact]
    public void AnUnfinishedFileIsKeptWhenThatIsAskedFor()
    {
        using var scratch = new ScratchDirectory();
        var options = new CommittedFileOptions { KeepsPartial = true };
        using (var file = CommittedFile.Create(scratch["a"], options))
        {
            file.Write(FileOffset.Zero, "first"u8);
        }

        Assert.Equal("first", File.ReadAllText(scratch["a.partial"]));
        using (var file = CommittedFile.Create(scratch["a"], options with { ContinuesPartial = true }))
        {
            Assert.Equal(5, file.Length);
            file.Write(new FileOffset(5), " second"u8);
            file.Commit();
        }

        Assert.Equal("first second", File.ReadAllText(scratch["a"]));
        Assert.Equal([scratch["a"]], Directory.GetFiles(scratch.Path));
    }

    [Fact]
    public void ALinkIsNeverContinued()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["victim"], "untouched");
        File.CreateSymbolicLink(scratch["a.partial"], scratch["victim"]);
        using (var file = CommittedFile.Create(scratch["a"], new CommittedFileOptions { ContinuesPartial = true }))
        {
            file.Write(FileOffset.Zero, "new"u8);
            file.Commit();
        }

        Assert.Equal("untouched", File.ReadAllText(scratch["victim"]));
        Assert.Equal("new", File.ReadAllText(scratch["a"]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatIsWrittenPastTheCacheIsAllThere(bool leavesCache)
    {
        using var scratch = new ScratchDirectory();
        var piece = new byte[1 << 20];
        using (var file = CommittedFile.Create(scratch["a"], new CommittedFileOptions { LeavesCache = leavesCache, IsDurable = !leavesCache }))
        {
            // Neighbours swapped, as two threads write them.
            foreach (var i in Enumerable.Range(0, 150).Select(i => i ^ 1))
            {
                new Random(i).NextBytes(piece);
                file.Write(new FileOffset((long)i << 20), piece);
            }

            file.Commit();
        }

        using var device = FileDevice.OpenRead(scratch["a"]);
        device.ReadOnce(leavesCache);
        var expected = new byte[1 << 20];
        for (var i = 0; i < 150; i++)
        {
            new Random(i).NextBytes(expected);
            device.Read(new GuestOffset((long)i << 20), piece);
            Assert.True(piece.AsSpan().SequenceEqual(expected));
        }
    }

    /// <summary>Large and aligned pieces go past the page cache, all others through it: one file, whatever the mix.</summary>
    [Fact]
    public void TheTwoWaysToTheDiskAgree()
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(1);
        var expected = new byte[24 << 20];
        var buffer = new AlignedBuffer(2 << 20);
        var direct = 0;
        using (var file = CommittedFile.Create(scratch["a"]))
        {
            for (var at = 0; at < expected.Length;)
            {
                var isAligned = random.Next(2) == 0;
                var length = Math.Min(random.Next(5) == 0 ? random.Next(1, 9000) : random.Next(1, 1 << 20), expected.Length - at);
                var within = isAligned ? at % AlignedBuffer.Alignment : random.Next(AlignedBuffer.Alignment);
                direct += isAligned && within == 0 && length >= 1 << 18 ? 1 : 0;
                var data = buffer.Span.Slice(within, length);
                random.NextBytes(data);
                data.CopyTo(expected.AsSpan(at));
                file.Write(new FileOffset(at), data);
                var next = (at + length) / AlignedBuffer.Alignment * AlignedBuffer.Alignment;
                at = random.Next(3) > 0 && next > at ? next : at + length;
            }

            // And over what is there already, in the cache or not.
            for (var i = 0; i < 40; i++)
            {
                var length = random.Next(1, 1 << 20);
                var at = random.Next(2) == 0 ? random.Next(expected.Length - length) : random.Next((expected.Length - length) / AlignedBuffer.Alignment) * AlignedBuffer.Alignment;
                random.NextBytes(buffer.Span[..length]);
                buffer.Span[..length].CopyTo(expected.AsSpan(at));
                file.Write(new FileOffset(at), buffer.Span[..length]);
            }

            file.Commit();
        }

        Assert.True(direct > 0);
        Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(scratch["a"])));
    }

    [Fact]
    public void ReservingTakesTheSpace()
    {
        using var scratch = new ScratchDirectory();
        using (var file = CommittedFile.Create(scratch["a"]))
        {
            file.Reserve(FileOffset.Zero, 3 << 20);
            Assert.Equal("BLK004", Assert.Throws<DiagnosticException>(() => file.Reserve(FileOffset.Zero, 1L << 50)).Diagnostic.Id);
            file.Commit();
        }

        Assert.True(long.Parse(Tool.MustRun("stat", "-c", "%b", scratch["a"]), System.Globalization.CultureInfo.InvariantCulture) * 512 >= 3 << 20);
    }
}
