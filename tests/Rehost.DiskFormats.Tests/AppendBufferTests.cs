using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests;

/// <summary>Any writes in ascending order reach the file, with gaps and without.</summary>
public sealed class AppendBufferTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void WhatIsAppendedIsInTheFile(int seed)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(seed);
        var expected = new byte[12 << 20];
        var end = 0;
        using (var file = CommittedFile.Create(scratch["a"]))
        {
            var append = new AppendBuffer(file);
            for (var at = 0; at < expected.Length;)
            {
                var length = Math.Min(random.Next(4) switch { 0 => random.Next(1, 600), 1 => random.Next(1, 70_000), 2 => 65536, _ => random.Next(1, 2 << 20) }, expected.Length - at);
                random.NextBytes(expected.AsSpan(at, length));
                append.Write(at, expected.AsSpan(at, length));
                end = at + length;
                at = end + (random.Next(6) == 0 ? random.Next(100_000) : 0);
            }

            append.Flush();
            file.Commit();
        }

        Assert.True(expected.AsSpan(0, end).SequenceEqual(File.ReadAllBytes(scratch["a"])));
    }
}
