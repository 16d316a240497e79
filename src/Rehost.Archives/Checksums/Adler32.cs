namespace Rehost.Archives;

/// <summary>Adler-32 (RFC 1950 section 9) as lzop uses it.</summary>
internal static class Adler32
{
    private const uint Modulus = 65521;

    public static uint Of(ReadOnlySpan<byte> data)
    {
        uint a = 1;
        uint b = 0;
        while (!data.IsEmpty)
        {
            // 5552 is the largest run for which b cannot overflow 32 bits before the modulus.
            var run = data[..Math.Min(5552, data.Length)];
            foreach (var value in run)
            {
                a += value;
                b += a;
            }

            a %= Modulus;
            b %= Modulus;
            data = data[run.Length..];
        }

        return (b << 16) | a;
    }
}
