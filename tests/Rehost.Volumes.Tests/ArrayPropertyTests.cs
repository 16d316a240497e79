using Rehost.Blocks;
using Rehost.Volumes.Mapping;

namespace Rehost.Volumes.Tests;

/// <summary>Random writes through arrays against a model; afterwards parity is computed anew from the data, chunk by chunk, by the plain definition of P and Q.</summary>
public sealed class ArrayPropertyTests
{
    private const int Chunk = 4096;
    private const int LegLength = 13 * Chunk;

    [Theory]
    [InlineData(0, 4, false)]
    [InlineData(1, 3, false)]
    [InlineData(2, 5, false)]
    [InlineData(3, 4, false)]
    [InlineData(4, 4, false)]
    [InlineData(5, 4, false)]
    [InlineData(0, 5, true)]
    [InlineData(1, 4, true)]
    [InlineData(2, 6, true)]
    [InlineData(3, 5, true)]
    [InlineData(4, 5, true)]
    [InlineData(5, 5, true)]
    [InlineData(8, 5, true)]
    [InlineData(9, 6, true)]
    [InlineData(10, 5, true)]
    [InlineData(16, 5, true)]
    [InlineData(17, 5, true)]
    [InlineData(18, 6, true)]
    [InlineData(19, 5, true)]
    [InlineData(20, 5, true)]
    public void Parity_is_right_after_any_writes(int layout, int legs, bool hasSyndrome)
    {
        var contents = Enumerable.Range(0, legs).Select(_ => new byte[LegLength]).ToArray();
        using var volume = new ParityVolume("array", [.. contents.Select(content => new MemoryDevice(content))], Chunk, LegLength, (ParityLayout)layout, hasSyndrome);
        Assert.Equal(13L * Chunk * (legs - (hasSyndrome ? 2 : 1)), volume.Length);
        WriteAtRandom(volume, layout + legs);
        for (var stripe = 0; stripe < 13; stripe++)
        {
            var shape = StripeShape.Of((ParityLayout)layout, legs, hasSyndrome, stripe)!.Value;
            var data = Enumerable.Range(0, legs - (hasSyndrome ? 2 : 1)).Select(shape.DataLeg).ToList();

            // Every leg has one part to play.
            Assert.Equal(Enumerable.Range(0, legs), data.Append(shape.Parity).Concat(hasSyndrome ? [shape.Syndrome] : []).Order());
            for (var at = stripe * Chunk; at < (stripe + 1) * Chunk; at += 97)
            {
                Assert.Equal(contents[shape.Parity][at], data.Aggregate((byte)0, (sum, leg) => (byte)(sum ^ contents[leg][at])));
                if (hasSyndrome)
                {
                    Assert.Equal(contents[shape.Syndrome][at], data.Aggregate((byte)0, (sum, leg) => (byte)(sum ^ Times(contents[leg][at], shape.SyndromeSlot(leg, (ParityLayout)layout, legs)))));
                }
            }
        }
    }

    [Theory]
    [InlineData(2, 1, false, 0, 4)]
    [InlineData(2, 1, false, 0, 5)]
    [InlineData(1, 2, false, 0, 4)]
    [InlineData(1, 2, true, 0, 5)]
    [InlineData(2, 2, false, 0, 5)]
    [InlineData(1, 2, false, 2, 5)]
    [InlineData(1, 3, false, 2, 7)]
    [InlineData(1, 3, true, 0, 4)]
    public void Each_chunk_is_on_as_many_legs_as_there_are_copies(int near, int far, bool isOffset, int sets, int legs)
    {
        var contents = Enumerable.Range(0, legs).Select(_ => new byte[LegLength]).ToArray();
        var layout = new Raid10Layout(near, far, isOffset, sets);
        using var volume = new Raid10Volume("array", [.. contents.Select(content => new MemoryDevice(content))], Chunk, LegLength, layout);
        WriteAtRandom(volume, near + far + legs);
        var taken = new HashSet<(IBlockDevice, long)>();
        for (var chunk = 0L; chunk < volume.Length / Chunk; chunk++)
        {
            var places = volume.MapDown(new GuestOffset(chunk * Chunk), Chunk).ToList();
            Assert.Equal(near * far, places.Select(place => place.Device).Distinct().Count());
            Assert.All(places, place => Assert.True(taken.Add((place.Device, place.Offset.Value)), "two chunks in one place"));
            var copies = places.Select(place => ((MemoryDevice)place.Device).Content.Slice((int)place.Offset.Value, Chunk).ToArray()).ToList();
            Assert.All(copies, copy => Assert.True(copies[0].AsSpan().SequenceEqual(copy)));
        }
    }

    private static void WriteAtRandom(IBlockDevice volume, int seed)
    {
        var random = new Random(seed);
        var model = new byte[volume.Length];
        for (var i = 0; i < 300; i++)
        {
            var piece = new byte[random.Next(1, random.Next(2) == 0 ? 100 : 3 * Chunk)];
            var at = random.Next(model.Length - piece.Length);
            if (random.Next(5) == 0)
            {
                volume.WriteZeros(new GuestOffset(at), piece.Length);
            }
            else
            {
                random.NextBytes(piece);
                volume.Write(new GuestOffset(at), piece);
            }

            piece.CopyTo(model, at);
        }

        var read = new byte[model.Length];
        volume.Read(GuestOffset.Zero, read);
        Assert.True(model.AsSpan().SequenceEqual(read));
    }

    private static byte Times(byte value, int power)
    {
        var product = (int)value;
        for (var i = 0; i < power; i++)
        {
            product <<= 1;
            product = product > 255 ? product ^ 0x11d : product;
        }

        return (byte)product;
    }
}
