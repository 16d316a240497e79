using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>The lzop container: header, then LZO1X blocks with optional Adler-32 or CRC-32 of both forms, then a zero length.</summary>
internal sealed class LzopDecoder : MemberDecoder
{
    private const uint AdlerDecompressed = 0x1;
    private const uint AdlerCompressed = 0x2;
    private const uint ExtraField = 0x40;
    private const uint CrcDecompressed = 0x100;
    private const uint CrcCompressed = 0x200;
    private const uint MultiPart = 0x400;
    private const uint Filter = 0x800;
    private const uint HeaderCrc = 0x1000;

    // lzop writes 256 KiB; the kernel takes no more; 8 MiB is generous.
    private const int MaxBlock = 8 << 20;
    private static readonly byte[] Magic = [0x89, 0x4C, 0x5A, 0x4F, 0x00, 0x0D, 0x0A, 0x1A, 0x0A];
    private readonly CompressedInput input;
    private readonly uint flags;
    private byte[] compressed = [];
    private byte[] output = [];
    private bool ended;

    public LzopDecoder(CompressedInput input)
    {
        this.input = input;
        if (!input.Take(Magic.Length).SequenceEqual(Magic))
        {
            throw input.Corrupt("an lzop file does not start with its magic number");
        }

        var header = new byte[512];
        var length = 0;
        uint Field(int size)
        {
            input.ReadExactly(header.AsSpan(length, size));
            length += size;
            return size switch
            {
                1 => header[length - 1],
                2 => BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(length - 2)),
                _ => BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(length - 4)),
            };
        }

        var version = Field(2);
        Field(2);
        if (version < 0x900)
        {
            throw input.Unsupported($"an lzop file has version 0x{version:x4}");
        }

        if (version >= 0x940)
        {
            Field(2);
        }

        var method = Field(1);
        if (method is < 1 or > 3)
        {
            throw input.Unsupported($"an lzop file has method {method}");
        }

        if (version >= 0x940)
        {
            Field(1);
        }

        flags = Field(4);
        if ((flags & (Filter | MultiPart)) != 0)
        {
            throw input.Unsupported($"lzop flags 0x{flags:x8} ask for a filter or several parts");
        }

        Field(4);
        Field(4);
        if (version >= 0x940)
        {
            Field(4);
        }

        var nameLength = (int)Field(1);
        input.ReadExactly(header.AsSpan(length, nameLength));
        length += nameLength;
        var found = (flags & HeaderCrc) != 0 ? Crc32.Of(header.AsSpan(0, length)) : Adler32.Of(header.AsSpan(0, length));
        var stored = BinaryPrimitives.ReadUInt32BigEndian(input.Take(4));
        if (found != stored)
        {
            throw input.Mismatch("checksum of an lzop header", found, stored);
        }

        if ((flags & ExtraField) != 0)
        {
            input.Skip(BinaryPrimitives.ReadUInt32BigEndian(input.Take(4)) + 4L);
        }
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        if (ended)
        {
            return default;
        }

        var size = BigEndian();
        if (size == 0)
        {
            ended = true;
            return default;
        }

        var packed = BigEndian();
        if (size > MaxBlock || packed > size || packed == 0)
        {
            throw input.Corrupt($"an lzop block has {packed} bytes for {size}, at most {MaxBlock} are allowed");
        }

        uint? adler = (flags & AdlerDecompressed) != 0 ? BigEndian() : null;
        uint? crc = (flags & CrcDecompressed) != 0 ? BigEndian() : null;
        // The checksums of the compressed form are only there when it differs.
        uint? packedAdler = (flags & AdlerCompressed) != 0 && packed < size ? BigEndian() : null;
        uint? packedCrc = (flags & CrcCompressed) != 0 && packed < size ? BigEndian() : null;
        Grow(ref compressed, (int)packed);
        input.ReadExactly(compressed.AsSpan(0, (int)packed));
        Compare(compressed.AsSpan(0, (int)packed), packedAdler, packedCrc);
        if (packed == size)
        {
            Compare(compressed.AsSpan(0, (int)size), adler, crc);
            return compressed.AsMemory(0, (int)size);
        }

        Grow(ref output, (int)size);
        var produced = Lzo1xBlock.Decode(compressed.AsSpan(0, (int)packed), output, (int)size, input);
        if (produced != size)
        {
            throw input.Corrupt($"an lzop block decodes to {produced} bytes, its header says {size}");
        }

        Compare(output.AsSpan(0, produced), adler, crc);
        return output.AsMemory(0, produced);
    }

    private static void Grow(ref byte[] array, int size)
    {
        if (array.Length < size)
        {
            array = new byte[size];
        }
    }

    private uint BigEndian() => BinaryPrimitives.ReadUInt32BigEndian(input.Take(4));

    private void Compare(ReadOnlySpan<byte> data, uint? adler, uint? crc)
    {
        if (adler is { } neededAdler && Adler32.Of(data) is var foundAdler && foundAdler != neededAdler)
        {
            throw input.Mismatch("Adler-32 of an lzop block", foundAdler, neededAdler);
        }

        if (crc is { } neededCrc && Crc32.Of(data) is var foundCrc && foundCrc != neededCrc)
        {
            throw input.Mismatch("CRC-32 of an lzop block", foundCrc, neededCrc);
        }
    }
}
