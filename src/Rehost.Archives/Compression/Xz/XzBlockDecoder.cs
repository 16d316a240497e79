using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>One block of an xz stream, section 3: filters LZMA2, and x86 before it (which kernel modules are compressed with).</summary>
internal sealed class XzBlockDecoder : MemberDecoder
{
    private const ulong FilterLzma2 = 0x21;
    private const ulong FilterX86 = 0x04;
    private readonly CompressedInput input;
    private readonly MemberDecoder filters;
    private readonly XzCheck check;
    private readonly ulong? compressedSize;
    private readonly ulong? uncompressedSize;
    private readonly int headerSize;
    private readonly long dataStart;

    public XzBlockDecoder(CompressedInput input, XzCheckKind checkKind)
    {
        this.input = input;
        check = new XzCheck(checkKind);
        headerSize = ((input.Peek(1) is [var size] ? size : input.ReadByte()) + 1) * 4;
        var header = input.Take(headerSize);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(header[^4..]);
        header = header[..^4];
        var found = Crc32.Of(header);
        if (found != stored)
        {
            throw input.Mismatch("CRC-32 of an xz block header", found, stored);
        }

        var flags = header[1];
        if ((flags & 0x3C) != 0)
        {
            throw input.Unsupported($"reserved xz block flags 0x{flags:x2} are set");
        }

        var position = 2;
        compressedSize = (flags & 0x40) != 0 ? XzVarint.Read(header, ref position, input) : null;
        uncompressedSize = (flags & 0x80) != 0 ? XzVarint.Read(header, ref position, input) : null;
        uint? x86Start = null;
        int? dictionarySize = null;
        for (var left = (flags & 3) + 1; left > 0; left--)
        {
            var id = XzVarint.Read(header, ref position, input);
            var length = XzVarint.Read(header, ref position, input);
            if (length > (ulong)(header.Length - position))
            {
                throw input.Corrupt($"the properties of xz filter 0x{id:x} leave the block header");
            }

            var properties = header.Slice(position, (int)length);
            position += (int)length;
            switch (id)
            {
                case FilterLzma2 when left == 1 && length == 1:
                    dictionarySize = DictionarySize(properties[0]);
                    break;
                case FilterX86 when left > 1 && x86Start is null && length is 0 or 4:
                    x86Start = length == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(properties) : 0;
                    break;
                default:
                    throw input.Unsupported($"xz filter 0x{id:x} is used (0x21 LZMA2 and 0x04 x86 are supported)");
            }
        }

        if (header[position..].ContainsAnyExcept((byte)0) || dictionarySize is null)
        {
            throw input.Corrupt("an xz block header ends in something unknown");
        }

        var lzma2 = new Lzma2Decoder(input, dictionarySize.Value);
        filters = x86Start is { } start ? new X86Filter(lzma2, start) : lzma2;
        dataStart = input.Position;
    }

    /// <summary>Header, data and check, without padding: what the index lists.</summary>
    public long UnpaddedSize { get; private set; }

    public long UncompressedSize { get; private set; }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        var chunk = filters.NextChunk();
        if (!chunk.IsEmpty)
        {
            check.Append(chunk.Span);
            UncompressedSize += chunk.Length;
            return chunk;
        }

        var compressed = input.Position - dataStart;
        if ((compressedSize ?? (ulong)compressed) != (ulong)compressed || (uncompressedSize ?? (ulong)UncompressedSize) != (ulong)UncompressedSize)
        {
            throw input.Corrupt($"an xz block has {compressed} bytes that decode to {UncompressedSize}, its header says {compressedSize} and {uncompressedSize}");
        }

        for (var size = compressed; size % 4 != 0; size++)
        {
            if (input.ReadByte() != 0)
            {
                throw input.Corrupt("the padding of an xz block is not zero");
            }
        }

        check.Compare(input);
        UnpaddedSize = headerSize + compressed + check.Length;
        return default;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            filters.Dispose();
            check.Dispose();
        }

        base.Dispose(disposing);
    }

    private int DictionarySize(byte bits)
    {
        if (bits > 40)
        {
            throw input.Corrupt($"the LZMA2 dictionary size code is {bits}, at most 40 is allowed");
        }

        var size = bits == 40 ? uint.MaxValue : (2L | (bits & 1u)) << ((bits / 2) + 11);
        return size <= LargestWindow
            ? (int)size
            : throw ArchiveDiagnostics.WindowTooLarge.ToException($"an LZMA2 dictionary of {size} bytes is asked for, {LargestWindow} are allowed", input.Where);
    }
}
