using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Tests;

public sealed class ContentDigestTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(65536)]
    [InlineData((130 << 20) + 512)]
    public void ZerosAreTheSameStoredOrNot(int size)
    {
        var content = new byte[size];
        new Random(1).NextBytes(content.AsSpan(size / 2, size / 100));
        var hole = new ByteRange(0, size / 2 / 65536 * 65536);
        using var stored = new SparseDevice(content);
        using var sparse = new SparseDevice(content, hole);
        var one = ContentDigest.Of(stored, 2);
        var two = ContentDigest.Of(sparse, 3);
        Assert.Equal(one.Root, two.Root);
        Assert.Empty(one.Differences(two));
        Assert.Equal(size - hole.Length, sparse.BytesRead);
    }

    [Fact]
    public void EachFlippedBitIsFoundInItsGroup()
    {
        var content = new byte[(200 << 20) + 1000];
        new Random(2).NextBytes(content.AsSpan(70 << 20, 1 << 20));
        using var device = new SparseDevice(content);
        var good = ContentDigest.Of(device, 2);
        foreach (var at in new[] { 0, (70 << 20) + 5, (128 << 20) - 1, 128 << 20, content.Length - 1 })
        {
            content[at] ^= 4;
            var difference = Assert.Single(good.Differences(ContentDigest.Of(device, 2)));
            Assert.InRange(at, difference.Offset, difference.End - 1);
            Assert.InRange(difference.Length, 1000, ContentDigest.GroupSize);
            content[at] ^= 4;
        }

        using var longer = new ZeroDevice(content.Length + 512);
        Assert.NotEmpty(good.Differences(ContentDigest.Of(longer, 1)));
    }
}
