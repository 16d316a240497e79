namespace Rehost.Archives.Tests;

/// <summary>What the filter makes of the data must not depend on how much of it it sees at once: a branch may end in the last four bytes of a chunk, and its target may look like a branch.</summary>
public sealed class X86FilterTests
{
    [Fact]
    public void Chunks_of_any_size_give_the_same_result()
    {
        var random = new Random(5);
        var data = new byte[20_000];
        for (var at = 0; at < data.Length; at++)
        {
            data[at] = random.Next(5) switch { 0 => 0xE8, 1 => 0xE9, 2 => 0xFF, 3 => 0, _ => (byte)random.Next(256) };
        }

        var whole = Filter(data, () => data.Length);
        Assert.NotEqual(data, whole);
        for (var size = 1; size < 40; size++)
        {
            Assert.Equal(whole, Filter(data, () => size));
        }

        Assert.Equal(whole, Filter(data, () => random.Next(1, 400)));
    }

    private static byte[] Filter(byte[] data, Func<int> chunkSize)
    {
        using var source = new Chunks(data, chunkSize);
        using var filter = new X86Filter(source, 0);
        using var result = new MemoryStream();
        for (var chunk = filter.NextChunk(); !chunk.IsEmpty; chunk = filter.NextChunk())
        {
            result.Write(chunk.Span);
        }

        return result.ToArray();
    }

    private sealed class Chunks(byte[] data, Func<int> chunkSize) : MemberDecoder
    {
        private int at;

        public override ReadOnlyMemory<byte> NextChunk()
        {
            var start = at;
            at = Math.Min(data.Length, at + chunkSize());
            return data.AsMemory(start, at - start);
        }
    }
}
