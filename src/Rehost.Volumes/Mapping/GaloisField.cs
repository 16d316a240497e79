namespace Rehost.Volumes.Mapping;

/// <summary>GF(256) of RAID 6: polynomial 11d, generator 2.</summary>
internal static class GaloisField
{
    private static readonly byte[] Exponents = MakeExponents();
    private static readonly byte[] Logarithms = MakeLogarithms();

    /// <summary>The generator to a power.</summary>
    public static byte Power(int exponent) => Exponents[exponent % 255];

    /// <summary>Adds data times the generator to a power.</summary>
    public static void MultiplyAdd(Span<byte> sum, ReadOnlySpan<byte> data, int exponent)
    {
        Span<byte> product = stackalloc byte[256];
        for (var value = 1; value < 256; value++)
        {
            product[value] = Exponents[(Logarithms[value] + exponent) % 255];
        }

        for (var i = 0; i < data.Length; i++)
        {
            sum[i] ^= product[data[i]];
        }
    }

    /// <summary>Adds data.</summary>
    public static void Add(Span<byte> sum, ReadOnlySpan<byte> data)
    {
        for (var i = 0; i < data.Length; i++)
        {
            sum[i] ^= data[i];
        }
    }

    private static byte[] MakeExponents()
    {
        var exponents = new byte[255];
        var value = 1;
        for (var i = 0; i < exponents.Length; i++)
        {
            exponents[i] = (byte)value;
            value <<= 1;
            value = value > 255 ? value ^ 0x11d : value;
        }

        return exponents;
    }

    private static byte[] MakeLogarithms()
    {
        var logarithms = new byte[256];
        for (var i = 0; i < Exponents.Length; i++)
        {
            logarithms[Exponents[i]] = (byte)i;
        }

        return logarithms;
    }
}
