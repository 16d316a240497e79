using Rehost.Conversion.BootLoaders.Grub2.Lzma;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.BootLoaders;

public sealed class LzmaEncoderTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4095)]
    [InlineData(4097)]
    [InlineData(70000)]
    public void Zeros_come_back(int length) => AssertComesBack(new byte[length]);

    [Fact]
    public void Seeded_mixtures_come_back()
    {
        var random = new Random(20264);
        for (var round = 0; round < 60; round++)
        {
            var data = new byte[random.Next(1, round % 10 == 0 ? 120000 : 9000)];
            var alphabet = 1 << random.Next(1, 9);
            for (var position = 0; position < data.Length;)
            {
                var run = Math.Min(random.Next(1, 400), data.Length - position);
                if (position > 0 && random.Next(3) != 0)
                {
                    var distance = random.Next(1, position + 1);
                    for (var index = 0; index < run; index++)
                    {
                        data[position + index] = data[position + index - distance];
                    }
                }
                else
                {
                    for (var index = 0; index < run; index++)
                    {
                        data[position + index] = (byte)random.Next(alphabet);
                    }
                }

                position += run;
            }

            AssertComesBack(data);
        }
    }

    [Fact]
    public void Noise_grows_little()
    {
        var data = new byte[50000];
        new Random(20265).NextBytes(data);
        Assert.InRange(AssertComesBack(data), 50000, 51000);
    }

    [Fact]
    public void Nothing_is_five_bytes() => Assert.Equal(5, LzmaEncoder.Encode([]).Length);

    public void Dispose() => _scratch.Dispose();

    private int AssertComesBack(byte[] data)
    {
        var packed = LzmaEncoder.Encode(data);
        Assert.Equal(packed, LzmaEncoder.Encode(data));
        Assert.Equal(data, GrubWitness.Decode(_scratch, packed, data.Length));
        return packed.Length;
    }
}
