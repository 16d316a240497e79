using System.Text;
using Rehost.Archives.Tar;

namespace Rehost.DiskFormats.Tar;

/// <summary>Makes header blocks (POSIX.1-2001 ustar) that say nothing of the machine they were made on: owner 0, time 0.</summary>
internal static class TarHeaderBlock
{
    private const int NameLength = 100;
    private const int SizeField = 124;
    private const int SizeDigits = 11;
    private const int ChecksumField = 148;

    /// <summary>The longest name that fits without an extension.</summary>
    public const int LongestName = NameLength - 1;

    /// <summary>Writes the header of a plain file.</summary>
    /// <param name="block">Takes <see cref="TarHeader.BlockSize"/> bytes.</param>
    /// <param name="name">ASCII, or UTF-8 as every tar of today takes it.</param>
    /// <param name="size">Bytes; eight octal gibibytes and more are written in GNU's base 256.</param>
    public static void Write(Span<byte> block, string name, long size)
    {
        block.Clear();
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
        {
            throw TarDiagnostics.NameTooLong.ToException($"'{name}' has more than {LongestName} bytes");
        }

        Encoding.UTF8.GetBytes(name, block);
        "0000644\0"u8.CopyTo(block[100..]);
        "0000000\0"u8.CopyTo(block[108..]);
        "0000000\0"u8.CopyTo(block[116..]);
        if (size < 1L << (3 * SizeDigits))
        {
            Octal(block.Slice(SizeField, SizeDigits), size);
        }
        else
        {
            block[SizeField] = 0x80;
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(block.Slice(SizeField + 4, 8), size);
        }

        "00000000000\0"u8.CopyTo(block[136..]);
        block[156] = (byte)'0';
        "ustar\00000"u8.CopyTo(block[257..]);
        block.Slice(ChecksumField, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var one in block[..TarHeader.BlockSize])
        {
            sum += one;
        }

        Octal(block.Slice(ChecksumField, 6), sum);
        block[ChecksumField + 6] = 0;
    }

    /// <summary>Bytes that fill up the last block of a member.</summary>
    public static int PaddingOf(long size) => (int)((TarHeader.BlockSize - (size % TarHeader.BlockSize)) % TarHeader.BlockSize);

    private static void Octal(Span<byte> field, long value)
        => Encoding.ASCII.GetBytes(Convert.ToString(value, 8).PadLeft(field.Length, '0'), field);
}
