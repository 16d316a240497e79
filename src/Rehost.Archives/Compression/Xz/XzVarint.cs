namespace Rehost.Archives;

/// <summary>Variable-length integers of the .xz format, section 1.2: up to nine bytes of seven bits.</summary>
internal static class XzVarint
{
    public static ulong Read(Func<byte> next, CompressedInput input)
    {
        ulong value = 0;
        for (var i = 0; i < 9; i++)
        {
            var part = next();
            value |= (ulong)(part & 0x7F) << (7 * i);
            if ((part & 0x80) == 0)
            {
                return part == 0 && i > 0 ? throw input.Corrupt("an xz integer is not in its shortest form") : value;
            }
        }

        throw input.Corrupt("an xz integer has more than nine bytes");
    }

    public static ulong Read(ReadOnlySpan<byte> data, ref int position, CompressedInput input)
    {
        ulong value = 0;
        for (var i = 0; i < 9 && position < data.Length; i++)
        {
            var part = data[position++];
            value |= (ulong)(part & 0x7F) << (7 * i);
            if ((part & 0x80) == 0)
            {
                return part == 0 && i > 0 ? throw input.Corrupt("an xz integer is not in its shortest form") : value;
            }
        }

        throw input.Corrupt("an xz integer leaves its header");
    }
}
