using System.Buffers.Binary;
using System.IO.Compression;

namespace Rehost.Proof.Qemu;

/// <summary>Turns QEMU's PPM screen dumps (P6, 8 bits) into PNG (RFC 2083), which browsers and mail programs show.</summary>
public static class PngEncoder
{
    private const int LongestSide = 8192;
    private static readonly uint[] s_crcTable = MakeCrcTable();

    /// <summary>Converts; null when the input is no PPM of reasonable size.</summary>
    /// <param name="ppm">The PPM file.</param>
    public static byte[]? FromPpm(ReadOnlySpan<byte> ppm)
    {
        if (!ppm.StartsWith("P6"u8))
        {
            return null;
        }

        var offset = 2;
        if (!TryReadNumber(ppm, ref offset, out var width) || !TryReadNumber(ppm, ref offset, out var height) || !TryReadNumber(ppm, ref offset, out var maximum)
            || maximum != 255 || width is 0 or > LongestSide || height is 0 or > LongestSide)
        {
            return null;
        }

        offset++;
        var stride = width * 3;
        if (ppm.Length - offset < (long)stride * height)
        {
            return null;
        }

        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var row = 0; row < height; row++)
            {
                zlib.WriteByte(0);
                zlib.Write(ppm.Slice(offset + (row * stride), stride));
            }
        }

        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);

        // 8 bits per sample, true colour.
        header[8] = 8;
        header[9] = 2;
        WriteChunk(png, "IHDR"u8, header);
        WriteChunk(png, "IDAT"u8, compressed.GetBuffer().AsSpan(0, (int)compressed.Length));
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static bool TryReadNumber(ReadOnlySpan<byte> text, ref int offset, out int number)
    {
        number = 0;
        while (offset < text.Length && text[offset] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t' or (byte)'#')
        {
            if (text[offset] == '#')
            {
                var end = text[offset..].IndexOf((byte)'\n');
                offset = end < 0 ? text.Length : offset + end;
            }
            else
            {
                offset++;
            }
        }

        var start = offset;
        while (offset < text.Length && offset - start < 6 && text[offset] is >= (byte)'0' and <= (byte)'9')
        {
            number = (number * 10) + text[offset++] - '0';
        }

        return offset > start;
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(0xFFFFFFFF, type), data));
        png.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            crc = s_crcTable[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }

        return crc;
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint index = 0; index < 256; index++)
        {
            var value = index;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            }

            table[index] = value;
        }

        return table;
    }
}
