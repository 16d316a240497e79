using Rehost.Model;

namespace Rehost.Blocks.Tests;

public sealed class ConcatDeviceTests
{
    [Fact]
    public void RandomAccessAgreesWithAModel()
    {
        var random = new Random(11);
        var contents = new[] { 1000, 0, 1, 5000, 512 }.Select(length => RandomBytes(random, length)).ToArray();
        var model = contents.SelectMany(bytes => bytes).ToArray();
        using var device = new ConcatDevice([.. contents.Select(bytes => new MemoryDevice(bytes))], ownsParts: true);
        Assert.True(device.CanWrite);
        Assert.Equal(model.Length, device.Length);
        for (var step = 0; step < 1000; step++)
        {
            var offset = random.Next(model.Length + 1);
            var count = random.Next(model.Length - offset + 1);
            if (step % 3 == 0)
            {
                var data = RandomBytes(random, count);
                device.Write(new GuestOffset(offset), data);
                data.CopyTo(model, offset);
            }
            else if (step % 50 == 1)
            {
                device.WriteZeros(new GuestOffset(offset), count);
                model.AsSpan(offset, count).Clear();
            }

            var read = new byte[count];
            device.Read(new GuestOffset(offset), read);
            Assert.True(read.AsSpan().SequenceEqual(model.AsSpan(offset, count)));
        }

        device.Flush();
        var error = Assert.Throws<DiagnosticException>(() => device.Read(new GuestOffset(1), new byte[model.Length]));
        Assert.Equal("BLK001", error.Diagnostic.Id);
    }

    [Fact]
    public void ExtentsAreThoseOfThePartsShifted()
    {
        using var device = new ConcatDevice([new MemoryDevice(new byte[100]), new ZeroDevice(50), new ZeroDevice(25), new MemoryDevice(new byte[10], canWrite: false)]);
        Assert.False(device.CanWrite);
        Assert.Equal(
            [new Extent(50, 50, ExtentKind.Data), new Extent(100, 75, ExtentKind.Zero), new Extent(175, 5, ExtentKind.Data)],
            device.GetExtents(new GuestOffset(50), 130));
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
