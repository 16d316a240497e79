namespace Rehost.Archives;

/// <summary>Bits, highest first, with whole bytes given back at the end.</summary>
internal sealed class Bzip2BitReader(CompressedInput input)
{
    private ulong bits;
    private int count;

    /// <summary>Up to 24 bits without consuming them; zeros behind the end of the input.</summary>
    public uint Peek(int wanted)
    {
        if (count < wanted)
        {
            var ahead = input.Buffered(8);
            var take = Math.Min(ahead.Length, (63 - count) / 8);
            for (var i = 0; i < take; i++)
            {
                bits = (bits << 8) | ahead[i];
                count += 8;
            }

            input.Advance(take);
        }

        // Older bits remain above those that count: mask before the narrowing, which is checked.
        var value = count >= wanted ? bits >> (count - wanted) : bits << (wanted - count);
        return (uint)(value & ((1UL << wanted) - 1));
    }

    public void Drop(int used)
    {
        if (used > count)
        {
            // Peek fills as long as there is input: this makes the message of a truncated stream.
            input.Take(1);
        }

        count -= used;
    }

    public uint Read(int wanted)
    {
        var value = Peek(wanted);
        Drop(wanted);
        return value;
    }

    public uint ReadUInt32() => (Read(16) << 16) | Read(16);

    public void ReturnWholeBytes()
    {
        input.Advance(-(count / 8));
        count = 0;
    }
}
