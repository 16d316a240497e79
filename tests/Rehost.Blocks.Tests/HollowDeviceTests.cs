using Rehost.Model;

namespace Rehost.Blocks.Tests;

public sealed class HollowDeviceTests
{
    [Fact]
    public void Reads_and_extents_agree_with_a_model()
    {
        const int length = 3_000_000;
        var random = new Random(21);
        var content = new byte[length];
        random.NextBytes(content);
        for (var round = 0; round < 30; round++)
        {
            // Holes of every size, some of which are read through and some passed over.
            var holes = new List<ByteRange>();
            for (var at = random.Next(50_000); at < length && holes.Count < 200;)
            {
                var size = Math.Min(length - at, random.Next(3) == 0 ? random.Next(1, 400_000) : random.Next(1, 5000));
                holes.Add(new ByteRange(at, size));
                at += size + random.Next(200_000);
            }

            var model = (byte[])content.Clone();
            holes.ForEach(hole => model.AsSpan((int)hole.Offset, (int)hole.Length).Clear());
            using var below = new MemoryDevice(content);
            using var device = new HollowDevice(below, [.. holes]);
            Assert.Equal((length, false), ((int)device.Length, device.CanWrite));
            for (var step = 0; step < 40; step++)
            {
                var offset = random.Next(length + 1);
                var buffer = new byte[random.Next(Math.Min(length - offset, 700_000) + 1)];
                device.Read(new GuestOffset(offset), buffer);
                Assert.True(buffer.AsSpan().SequenceEqual(model.AsSpan(offset, buffer.Length)));
                var position = (long)offset;
                foreach (var extent in device.GetExtents(new GuestOffset(offset), buffer.Length))
                {
                    Assert.Equal(position, extent.Offset);
                    Assert.True(extent.Kind == ExtentKind.Data || !model.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0));
                    Assert.Equal(extent.Kind != ExtentKind.Data, holes.Any(hole => hole.Offset <= extent.Offset && extent.End <= hole.End));
                    position = extent.End;
                }

                Assert.Equal(offset + buffer.Length, position);
            }
        }
    }

    [Fact]
    public void What_is_stored_ends_before_a_hole()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[1 << 20]);
            using var file = FileDevice.OpenRead(path);
            using var device = new HollowDevice(file, [new ByteRange(100_000, 50_000)]);
            Assert.Equal(100_000, device.FindStored(GuestOffset.Zero, 1 << 20)?.Length);
            Assert.Null(device.FindStored(new GuestOffset(120_000), 1000));
            Assert.Equal(200_000, device.FindStored(new GuestOffset(150_000), 200_000)?.Length);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void It_is_never_written_and_its_holes_are_inside()
    {
        using var below = new MemoryDevice(new byte[4096]);
        using var device = new HollowDevice(below, []);
        Assert.Equal("BLK002", Assert.Throws<DiagnosticException>(() => device.Write(GuestOffset.Zero, [1])).Diagnostic.Id);
        Assert.Equal("BLK001", Assert.Throws<DiagnosticException>(() => new HollowDevice(below, [new ByteRange(4000, 97)])).Diagnostic.Id);
        Assert.Throws<ArgumentOutOfRangeException>(() => new HollowDevice(below, [new ByteRange(100, 10), new ByteRange(105, 10)]));
    }
}
