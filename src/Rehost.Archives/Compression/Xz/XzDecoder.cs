using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>One .xz stream (version 1.2 of the file format): header, blocks, index, footer; everything that is stored twice is compared.</summary>
internal sealed class XzDecoder : MemberDecoder
{
    private readonly CompressedInput input;
    private readonly ushort streamFlags;
    private readonly XzCheckKind checkKind;
    private readonly XzIndex index = new();
    private XzBlockDecoder? block;
    private long blocks;
    private long produced;
    private bool ended;

    public XzDecoder(CompressedInput input)
    {
        this.input = input;
        var header = input.Take(12);
        if (header is not [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..])
        {
            throw input.Corrupt("an xz stream does not start with its magic number");
        }

        streamFlags = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        var found = Crc32.Of(header.Slice(6, 2));
        if (found != stored)
        {
            throw input.Mismatch("CRC-32 of an xz stream header", found, stored);
        }

        if ((streamFlags & 0xF0FF) != 0)
        {
            throw input.Unsupported($"xz stream flags 0x{streamFlags:x4} are not of the known format");
        }

        checkKind = (XzCheckKind)(streamFlags >> 8);
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        while (!ended)
        {
            if (block is null)
            {
                if (input.Peek(1) is [0])
                {
                    var indexSize = index.ReadAndCompare(input);
                    ReadFooter(indexSize);
                    ended = true;
                    break;
                }

                block = new XzBlockDecoder(input, checkKind);
            }

            var chunk = block.NextChunk();
            if (!chunk.IsEmpty)
            {
                produced += chunk.Length;
                return chunk;
            }

            if (AreTooMany(++blocks, produced))
            {
                throw input.Unsupported($"{blocks} xz blocks have {produced} bytes between them");
            }

            index.Add(block.UnpaddedSize, block.UncompressedSize);
            block.Dispose();
            block = null;
        }

        return default;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            block?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ReadFooter(long indexSize)
    {
        var footer = input.Take(12);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(footer);
        var found = Crc32.Of(footer.Slice(4, 6));
        if (footer[10] != (byte)'Y' || footer[11] != (byte)'Z')
        {
            throw input.Corrupt("an xz stream does not end with YZ");
        }

        if (found != stored)
        {
            throw input.Mismatch("CRC-32 of an xz stream footer", found, stored);
        }

        var backward = (BinaryPrimitives.ReadUInt32LittleEndian(footer[4..]) + 1L) * 4;
        if (backward != indexSize || BinaryPrimitives.ReadUInt16LittleEndian(footer[8..]) != streamFlags)
        {
            throw input.Corrupt($"an xz stream footer does not fit its header and index (index of {indexSize} bytes, footer says {backward})");
        }
    }
}
