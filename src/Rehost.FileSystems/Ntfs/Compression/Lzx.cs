using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs.Compression;

/// <summary>LZX as WIM and CompactOS use it: chunks of 32 KiB, each on its own, with calls of x86 code translated as if all of it were code.</summary>
internal sealed class Lzx
{
    internal const int ChunkSize = 32768;
    private const int Slots = 30;
    private const int LiteralSymbols = 256;
    private const int MainSymbols = LiteralSymbols + (8 * Slots);
    private const int LengthSymbols = 249;
    private const int PreSymbols = 20;
    private const int AlignedSymbols = 8;
    private const int VerbatimBlock = 1;
    private const int AlignedBlock = 2;
    private const int UncompressedBlock = 3;
    private const int ShortestMatch = 2;
    private const int TranslationSize = 12_000_000;
    private static readonly int[] SlotBase = MakeBases();
    private readonly HuffmanDecoder _main = new(MainSymbols, 16);
    private readonly HuffmanDecoder _length = new(LengthSymbols, 16);
    private readonly HuffmanDecoder _aligned = new(AlignedSymbols, 7);
    private readonly HuffmanDecoder _pre = new(PreSymbols, 15);
    private readonly byte[] _mainLengths = new byte[MainSymbols];
    private readonly byte[] _lengthLengths = new byte[LengthSymbols];
    private readonly int[] _recent = [1, 1, 1];
    private readonly string _where;

    private Lzx(string where) => _where = where;

    internal static void Decompress(ReadOnlySpan<byte> packed, Span<byte> content, string where)
    {
        new Lzx(where).Run(packed, content);
        UndoTranslation(content);
    }

    private void Run(ReadOnlySpan<byte> packed, Span<byte> content)
    {
        var bits = new WordBits(packed);
        for (var to = 0; to < content.Length;)
        {
            var type = (int)bits.Read(3);
            var size = bits.Read(1) != 0 ? ChunkSize : (int)bits.Read(16);
            if (size == 0 || size > content.Length - to || bits.IsExhausted)
            {
                throw Bad($"a block of {size} bytes, {content.Length - to} are left");
            }

            switch (type)
            {
                case VerbatimBlock or AlignedBlock:
                    ReadCodes(ref bits, type);
                    ReadBlock(ref bits, content, to, size, type == AlignedBlock);
                    break;
                case UncompressedBlock:
                    ReadUncompressed(ref bits, content.Slice(to, size));
                    break;
                default:
                    throw Bad($"a block of type {type}");
            }

            to += size;
        }
    }

    private void ReadUncompressed(ref WordBits bits, Span<byte> target)
    {
        bits.Align();
        var recent = bits.ReadBytes(12);
        if (recent.IsEmpty)
        {
            throw Bad("a block without its head");
        }

        for (var i = 0; i < _recent.Length; i++)
        {
            var distance = BinaryPrimitives.ReadUInt32LittleEndian(recent[(i * 4)..]);
            _recent[i] = distance is >= 1 and <= ChunkSize ? (int)distance : throw Bad($"a recent distance of {distance}");
        }

        var bytes = bits.ReadBytes(target.Length);
        if (bytes.IsEmpty)
        {
            throw Bad($"{target.Length} bytes are missing");
        }

        bytes.CopyTo(target);
        if (target.Length % 2 != 0)
        {
            bits.ReadByte();
        }
    }

    private void ReadCodes(ref WordBits bits, int type)
    {
        if (type == AlignedBlock)
        {
            Span<byte> aligned = stackalloc byte[AlignedSymbols];
            for (var i = 0; i < AlignedSymbols; i++)
            {
                aligned[i] = (byte)bits.Read(3);
            }

            Build(_aligned, aligned);
        }

        ReadLengths(ref bits, _mainLengths.AsSpan(0, LiteralSymbols));
        ReadLengths(ref bits, _mainLengths.AsSpan(LiteralSymbols));
        Build(_main, _mainLengths);
        ReadLengths(ref bits, _lengthLengths);
        Build(_length, _lengthLengths);
    }

    /// <summary>Code lengths are told as differences from those of the block before.</summary>
    private void ReadLengths(ref WordBits bits, Span<byte> lengths)
    {
        Span<byte> pre = stackalloc byte[PreSymbols];
        for (var i = 0; i < PreSymbols; i++)
        {
            pre[i] = (byte)bits.Read(4);
        }

        Build(_pre, pre);
        for (var i = 0; i < lengths.Length;)
        {
            var symbol = Read(ref bits, _pre);
            var (repeat, value) = (1, 0);
            switch (symbol)
            {
                case 17:
                    repeat = 4 + (int)bits.Read(4);
                    break;
                case 18:
                    repeat = 20 + (int)bits.Read(5);
                    break;
                case 19:
                    repeat = 4 + (int)bits.Read(1);
                    symbol = Read(ref bits, _pre);
                    if (symbol > 16)
                    {
                        throw Bad($"a repeated code length of {symbol}");
                    }

                    value = (lengths[i] - symbol + 17) % 17;
                    break;
                default:
                    value = (lengths[i] - symbol + 17) % 17;
                    break;
            }

            // The last run may say more than there is room for.
            for (; repeat > 0 && i < lengths.Length; repeat--)
            {
                lengths[i++] = (byte)value;
            }

            DemandMore(bits);
        }
    }

    private void ReadBlock(ref WordBits bits, Span<byte> content, int start, int size, bool isAligned)
    {
        var end = start + size;
        for (var to = start; to < end;)
        {
            var symbol = Read(ref bits, _main);
            if (symbol < LiteralSymbols)
            {
                content[to++] = (byte)symbol;
                DemandMore(bits);
                continue;
            }

            var length = (symbol - LiteralSymbols) & 7;
            length += (length == 7 ? Read(ref bits, _length) : 0) + ShortestMatch;
            var slot = (symbol - LiteralSymbols) >> 3;
            int distance;
            if (slot < _recent.Length)
            {
                distance = _recent[slot];
                (_recent[slot], _recent[0]) = (_recent[0], distance);
            }
            else
            {
                var extra = ExtraBits(slot);
                var offset = isAligned && extra >= 3
                    ? ((int)bits.Read(extra - 3) << 3) + Read(ref bits, _aligned)
                    : (int)bits.Read(extra);
                distance = SlotBase[slot] + offset - 2;
                (_recent[2], _recent[1], _recent[0]) = (_recent[1], _recent[0], distance);
            }

            if (distance > to || distance < 1 || length > end - to)
            {
                throw Bad($"a match of {length} bytes over {distance}, {to} bytes unpacked of {end}");
            }

            for (; length > 0; length--, to++)
            {
                content[to] = content[to - distance];
            }

            DemandMore(bits);
        }
    }

    private void Build(HuffmanDecoder code, ReadOnlySpan<byte> lengths)
    {
        if (!code.TryBuild(lengths))
        {
            throw Bad("code lengths that are no Huffman code");
        }
    }

    private int Read(ref WordBits bits, HuffmanDecoder code) => code.IsEmpty ? throw Bad("a symbol of an empty code") : bits.Read(code);

    private void DemandMore(in WordBits bits)
    {
        if (bits.IsExhausted)
        {
            throw Bad("it ends too early");
        }
    }

    private Rehost.Model.DiagnosticException Bad(string what) => NtfsDiagnostics.BadCompression.ToException("an LZX chunk has " + what, _where);

    private static int ExtraBits(int slot) => slot < 4 ? 0 : (slot / 2) - 1;

    private static int[] MakeBases()
    {
        var bases = new int[Slots];
        for (var slot = 1; slot < Slots; slot++)
        {
            bases[slot] = bases[slot - 1] + (1 << ExtraBits(slot - 1));
        }

        return bases;
    }

    /// <summary>Targets of what looks like a call were made absolute, so that calls of one function look alike.</summary>
    private static void UndoTranslation(Span<byte> content)
    {
        const byte call = 0xE8;
        for (var i = 0; i < content.Length - 10;)
        {
            if (content[i] != call)
            {
                i++;
                continue;
            }

            var absolute = BinaryPrimitives.ReadInt32LittleEndian(content[(i + 1)..]);
            if (absolute >= -i && absolute < TranslationSize)
            {
                BinaryPrimitives.WriteInt32LittleEndian(content[(i + 1)..], absolute >= 0 ? absolute - i : absolute + TranslationSize);
            }

            i += 5;
        }
    }
}
