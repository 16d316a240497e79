namespace Rehost.Archives;

/// <summary>One bzip2 stream: blocks of up to 900 000 bytes, each Huffman-coded, moved to front, Burrows-Wheeler-transformed and run-length coded.</summary>
internal sealed class Bzip2Decoder : MemberDecoder
{
    private const ulong BlockMagic = 0x314159265359;
    private const ulong EndMagic = 0x177245385090;
    private readonly CompressedInput input;
    private readonly Bzip2BitReader bits;
    private readonly Bzip2Block block;
    private readonly byte[] chunk = new byte[256 * 1024];
    private uint combinedCrc;
    private bool inBlock;
    private bool ended;

    public Bzip2Decoder(CompressedInput input)
    {
        this.input = input;
        bits = new Bzip2BitReader(input);
        var head = input.Take(4);
        if (head is not [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9'])
        {
            throw input.Corrupt("a bzip2 stream does not start with BZh1 to BZh9");
        }

        block = new Bzip2Block(input, bits, (head[3] - '0') * 100_000);
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        while (!ended)
        {
            if (!inBlock && !StartBlock())
            {
                break;
            }

            var produced = block.Write(chunk);
            if (produced > 0)
            {
                return chunk.AsMemory(0, produced);
            }

            inBlock = false;
            var crc = block.FinishCrc();
            combinedCrc = ((combinedCrc << 1) | (combinedCrc >> 31)) ^ crc;
        }

        return default;
    }

    private bool StartBlock()
    {
        var magic = ((ulong)bits.Read(24) << 24) | bits.Read(24);
        if (magic == BlockMagic)
        {
            block.Read();
            inBlock = true;
            return true;
        }

        if (magic != EndMagic)
        {
            throw input.Corrupt($"0x{magic:x12} stands where a bzip2 block or the end must start");
        }

        var stored = bits.ReadUInt32();
        if (stored != combinedCrc)
        {
            throw input.Mismatch("CRC of a bzip2 stream", combinedCrc, stored);
        }

        bits.ReturnWholeBytes();
        ended = true;
        return false;
    }
}
