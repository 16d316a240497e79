using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks.Checksums;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seeds;

namespace Rehost.Fuzz.Seals;

/// <summary>Checksums of containers, made right after a mutation.</summary>
internal static class ContainerSeals
{
    private const int TarBlock = 512;

    /// <summary>Footer, its copy and the dynamic header: the complement of the sum of all bytes ("Virtual Hard Disk Image Format Specification").</summary>
    public static void Vhd(ImageBuffer buffer)
    {
        foreach (var (start, length) in Parts.Find(buffer.Span))
        {
            foreach (var at in (int[])[start, start + length - 512])
            {
                if (at >= start && at + 512 <= start + length && buffer.Bytes.AsSpan(at).StartsWith("conectix"u8))
                {
                    Complement(buffer.Change(at, 512), 64);
                }
            }

            // The dynamic header is looked for where footers usually say it is.
            for (var at = start; at + 1024 <= start + length && at < start + 8192; at += 512)
            {
                if (buffer.Bytes.AsSpan(at).StartsWith("cxsparse"u8))
                {
                    Complement(buffer.Change(at, 1024), 36);
                }
            }
        }
    }

    private static void Complement(Span<byte> block, int place)
    {
        block.Slice(place, 4).Clear();
        uint sum = 0;
        foreach (var one in block)
        {
            sum += one;
        }

        BinaryPrimitives.WriteUInt32BigEndian(block[place..], ~sum);
    }

    /// <summary>Headers, region tables and log entries: CRC-32C with its own field zero ([MS-VHDX] 2.2, 2.3).</summary>
    public static void Vhdx(ImageBuffer buffer)
    {
        foreach (var (start, length) in Parts.Find(buffer.Span))
        {
            foreach (var (at, size) in ((int, int)[])[(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 64 << 10), (256 << 10, 64 << 10)])
            {
                if (at + size <= length)
                {
                    Castagnoli(buffer.Change(start + at, size));
                }
            }

            for (var at = 1 << 20; at + 4096 <= Math.Min(length, 4 << 20); at += 4096)
            {
                var entry = buffer.Bytes.AsSpan(start + at, 64);
                if (entry.StartsWith("loge"u8))
                {
                    var size = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
                    if (size is >= 64 and <= 1 << 20 && at + size <= length)
                    {
                        Castagnoli(buffer.Change(start + at, (int)size));
                    }
                }
            }
        }
    }

    private static void Castagnoli(Span<byte> block)
    {
        block.Slice(4, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], Crc32C.Of(block));
    }

    /// <summary>Sums of member headers, found by their magic or by walking.</summary>
    public static void Tar(ImageBuffer buffer)
    {
        for (var at = 0; at + TarBlock <= buffer.Length; at += TarBlock)
        {
            var header = buffer.Bytes.AsSpan(at, TarBlock);
            if (!header[257..].StartsWith("ustar"u8) && !(at == 0 && header[0] != 0))
            {
                continue;
            }

            header = buffer.Change(at, TarBlock);
            header.Slice(148, 8).Fill((byte)' ');
            var sum = 0;
            foreach (var one in header)
            {
                sum += one;
            }

            Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
        }
    }
}
