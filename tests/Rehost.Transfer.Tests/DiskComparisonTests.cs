using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Tests;

public sealed class DiskComparisonTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void FindsWhatASlowComparisonFinds(int seed)
    {
        var random = new Random(seed);
        var left = new byte[(5 << 20) + 777];
        random.NextBytes(left.AsSpan(0, 2 << 20));
        random.NextBytes(left.AsSpan(4 << 20));
        var right = (byte[])left.Clone();
        for (var i = random.Next(40); i > 0; i--)
        {
            random.NextBytes(right.AsSpan(random.Next(right.Length - 3000), random.Next(3000)));
        }

        right = right[..(right.Length - random.Next(2) * random.Next(1 << 20))];
        using var a = new SparseDevice(left, new ByteRange(2 << 20, 2 << 20));
        using var b = new MemoryDevice(right);
        var found = DiskComparison.Run(a, b, 2);
        var wide = new byte[left.Length];
        right.CopyTo(wide, 0);
        var different = Enumerable.Range(0, left.Length).Where(i => left[i] != wide[i]).ToList();
        Assert.Equal(different.Count, found.DifferentBytes);
        Assert.Equal(different.Count == 0 ? null : different[0], found.FirstDifference);
        var sectors = RangeSet.Normalize(different.Select(i => new ByteRange(i / 512 * 512, Math.Min(512, left.Length - (i / 512 * 512)))));
        Assert.Equal(sectors, found.Ranges);
        Assert.Equal(sectors.Length, found.RangeCount);
    }

    [Fact]
    public void RangesAreListedUpToALimitAndCountedAll()
    {
        var left = new byte[8 << 20];
        var right = new byte[8 << 20];
        for (var at = 0; at < right.Length; at += 1024)
        {
            right[at] = 1;
        }

        using var a = new MemoryDevice(left);
        using var b = new MemoryDevice(right);
        var found = DiskComparison.Run(a, b, 2);
        Assert.Equal(8192, found.DifferentBytes);
        Assert.Equal(8192, found.RangeCount);
        Assert.Equal(DiskComparison.RangeLimit, found.Ranges.Length);
    }

    [Fact]
    public void HolesOfBothAreNotRead()
    {
        var content = new byte[4 << 20];
        using var a = new SparseDevice(content, new ByteRange(1 << 20, 3 << 20));
        using var b = new SparseDevice(content, new ByteRange(0, 4 << 20));
        Assert.Equal(0, DiskComparison.Run(a, b, 2).DifferentBytes);
        Assert.Equal(1 << 20, a.BytesRead);
    }
}
