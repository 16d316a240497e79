namespace Rehost.Fuzz.Engine;

/// <summary>Numbers at which parsers go wrong.</summary>
internal static class BoundaryValues
{
    private static readonly long[] Values =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 511, 512, 513, 1023, 1024, 2047, 2048, 4095, 4096, 4097, 8192, 16384, 32767, 32768, 65535, 65536, 1 << 20, (1 << 20) + 1,
        1 << 24, (1 << 30) - 1, 1 << 30, int.MaxValue - 1, int.MaxValue, 1L << 31, uint.MaxValue - 1, uint.MaxValue, 1L << 32, (1L << 32) + 1, 1L << 40, (1L << 48) - 1, 1L << 52, 1L << 62, long.MaxValue - 4095, long.MaxValue - 1,
        long.MaxValue, long.MinValue, long.MinValue + 1, -1, -2, -128, -512, -4096, -32768, -65536, int.MinValue,
    ];

    public static long Choose(Random random) => Values[random.Next(Values.Length)];
}
