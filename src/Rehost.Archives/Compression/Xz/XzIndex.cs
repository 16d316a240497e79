using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>Compares the index of an xz stream with the blocks that were decoded, without keeping either: an order-sensitive hash stands for the list.</summary>
internal sealed class XzIndex
{
    private readonly Crc64 decoded = new();
    private ulong count;

    public void Add(long unpaddedSize, long uncompressedSize)
    {
        count++;
        Append(decoded, (ulong)unpaddedSize, (ulong)uncompressedSize);
    }

    /// <summary>Reads the index, section 4; returns its size.</summary>
    public long ReadAndCompare(CompressedInput input)
    {
        var start = input.Position;
        var crc = new Crc32();
        var stored = new Crc64();
        Next(input, crc);
        var records = XzVarint.Read(() => Next(input, crc), input);
        if (records != count)
        {
            throw input.Corrupt($"the xz index lists {records} blocks, the stream has {count}");
        }

        for (ulong i = 0; i < records; i++)
        {
            var unpadded = XzVarint.Read(() => Next(input, crc), input);
            Append(stored, unpadded, XzVarint.Read(() => Next(input, crc), input));
        }

        if (stored.Value != decoded.Value)
        {
            throw input.Corrupt("the sizes in the xz index are not those of the blocks");
        }

        while ((input.Position - start) % 4 != 0)
        {
            if (Next(input, crc) != 0)
            {
                throw input.Corrupt("the padding of an xz index is not zero");
            }
        }

        var needed = input.ReadUInt32();
        if (crc.Value != needed)
        {
            throw input.Mismatch("CRC-32 of an xz index", crc.Value, needed);
        }

        return input.Position - start;
    }

    private static byte Next(CompressedInput input, Crc32 crc)
    {
        var value = input.ReadByte();
        crc.Append(value);
        return value;
    }

    private static void Append(Crc64 crc, ulong unpadded, ulong uncompressed)
    {
        Span<byte> record = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(record, unpadded);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(record[8..], uncompressed);
        crc.Append(record);
    }
}
