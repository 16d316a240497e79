namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>LZMA's binary range coder: 11-bit probabilities that adapt by 1/32 (LZMA specification, "Range Decoder", reversed).</summary>
internal sealed class RangeEncoder
{
    public const int ProbabilityBits = 11;
    public const ushort InitialProbability = 1 << (ProbabilityBits - 1);

    private const int AdaptShift = 5;
    private const uint Top = 1 << 24;

    private readonly List<byte> _output = [];
    private ulong _low;
    private uint _range = uint.MaxValue;
    private byte _cache;
    private long _pending = 1;

    public void Bit(ref ushort probability, int bit)
    {
        var bound = (_range >> ProbabilityBits) * probability;
        if (bit == 0)
        {
            _range = bound;
            probability += (ushort)(((1 << ProbabilityBits) - probability) >> AdaptShift);
        }
        else
        {
            _low += bound;
            _range -= bound;
            probability -= (ushort)(probability >> AdaptShift);
        }

        Normalise();
    }

    /// <summary>Bits of even probability, highest first.</summary>
    public void Direct(uint value, int bits)
    {
        for (var index = bits - 1; index >= 0; index--)
        {
            _range >>= 1;
            if (((value >> index) & 1) != 0)
            {
                _low += _range;
            }

            Normalise();
        }
    }

    /// <summary>A value by a tree of probabilities, highest bit first.</summary>
    public void Tree(Span<ushort> probabilities, int bits, int value)
    {
        var node = 1;
        for (var index = bits - 1; index >= 0; index--)
        {
            var bit = (value >> index) & 1;
            Bit(ref probabilities[node], bit);
            node = (node << 1) | bit;
        }
    }

    /// <summary>A value by a tree of probabilities, lowest bit first.</summary>
    public void ReverseTree(Span<ushort> probabilities, int bits, int value)
    {
        var node = 1;
        for (var index = 0; index < bits; index++)
        {
            var bit = (value >> index) & 1;
            Bit(ref probabilities[node], bit);
            node = (node << 1) | bit;
        }
    }

    public byte[] Finish()
    {
        for (var index = 0; index < 5; index++)
        {
            ShiftLow();
        }

        return [.. _output];
    }

    private void Normalise()
    {
        while (_range < Top)
        {
            // The top byte is zero, so nothing is lost.
            _range <<= 8;
            ShiftLow();
        }
    }

    /// <summary>Lets a byte out once no later carry can change it: a run of ff bytes waits behind the byte that a carry would reach.</summary>
    private void ShiftLow()
    {
        var carry = (byte)(_low >> 32);
        if (carry != 0 || _low < 0xff000000)
        {
            _output.Add((byte)((_cache + carry) & 0xff));
            while (--_pending != 0)
            {
                _output.Add((byte)((0xff + carry) & 0xff));
            }

            _cache = (byte)((_low >> 24) & 0xff);
        }

        _pending++;
        _low = (_low & 0x00ffffff) << 8;
    }
}
