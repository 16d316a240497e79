namespace Rehost.Archives;

/// <summary>One bzip2 block: read whole, then written out in pieces.</summary>
internal sealed class Bzip2Block(CompressedInput input, Bzip2BitReader bits, int capacity)
{
    private const int GroupSize = 50;
    private const int MaxSelectors = 18_002;
    private static readonly uint[] CrcTable = MakeCrcTable();

    // Low eight bits: the byte; upper 24: where the next one is.
    private readonly uint[] links = new uint[capacity];
    private readonly byte[] symbolMap = new byte[256];
    private readonly byte[] selectors = new byte[MaxSelectors];
    private readonly Bzip2Code[] codes = new Bzip2Code[6];
    private int usableSelectors;
    private uint storedCrc;
    private uint crc;
    private uint link;
    private int left;
    private int runLength;
    private int repeatLeft;
    private byte last;

    public void Read()
    {
        storedCrc = bits.ReadUInt32();
        crc = uint.MaxValue;
        runLength = 0;
        repeatLeft = 0;
        if (bits.Read(1) != 0)
        {
            throw input.Unsupported("a bzip2 block is randomised, as only bzip2 before 0.9.5 did");
        }

        var origin = (int)bits.Read(24);
        var symbolCount = ReadSymbolMap();
        ReadSelectorsAndCodes(symbolCount + 2);
        left = ReadSymbols(symbolCount + 1);
        if (origin >= left)
        {
            throw input.Corrupt($"the origin of a bzip2 block is {origin}, the block has {left} bytes");
        }

        Link();
        link = links[origin] >> 8;
    }

    /// <summary>Undoes the last run-length coding: four equal bytes are followed by a count of more. Returns 0 at the end of the block.</summary>
    public int Write(Span<byte> output)
    {
        unchecked
        {
            var written = 0;
            while (written < output.Length)
            {
                if (repeatLeft > 0)
                {
                    var run = Math.Min(repeatLeft, output.Length - written);
                    output.Slice(written, run).Fill(last);
                    written += run;
                    repeatLeft -= run;
                    continue;
                }

                if (left == 0)
                {
                    break;
                }

                var entry = links[link];
                var value = (byte)entry;
                link = entry >> 8;
                left--;
                if (runLength == 4)
                {
                    repeatLeft = value;
                    runLength = 0;
                    continue;
                }

                runLength = runLength > 0 && value == last ? runLength + 1 : 1;
                last = value;
                output[written++] = value;
            }

            var sum = crc;
            var table = CrcTable;
            foreach (var value in output[..written])
            {
                sum = (sum << 8) ^ table[(sum >> 24) ^ value];
            }

            crc = sum;
            return written;
        }
    }

    public uint FinishCrc() => ~crc == storedCrc ? storedCrc : throw input.Mismatch("CRC of a bzip2 block", ~crc, storedCrc);

    private int ReadSymbolMap()
    {
        var used = bits.Read(16);
        var count = 0;
        for (var group = 0; group < 16; group++)
        {
            if ((used & (0x8000u >> group)) == 0)
            {
                continue;
            }

            var members = bits.Read(16);
            for (var i = 0; i < 16; i++)
            {
                if ((members & (0x8000u >> i)) != 0)
                {
                    symbolMap[count++] = (byte)((group * 16) + i);
                }
            }
        }

        return count > 0 ? count : throw input.Corrupt("a bzip2 block uses no byte value");
    }

    private void ReadSelectorsAndCodes(int alphabet)
    {
        var codeCount = (int)bits.Read(3);
        var selectorCount = (int)bits.Read(15);
        if (codeCount is < 2 or > 6 || selectorCount == 0)
        {
            throw input.Corrupt($"a bzip2 block has {codeCount} codes and {selectorCount} selectors");
        }

        Span<byte> order = [0, 1, 2, 3, 4, 5];
        for (var i = 0; i < selectorCount; i++)
        {
            var rank = 0;
            while (bits.Read(1) != 0)
            {
                if (++rank >= codeCount)
                {
                    throw input.Corrupt("a bzip2 selector names a code that does not exist");
                }
            }

            var code = order[rank];
            order[..rank].CopyTo(order[1..]);
            order[0] = code;
            if (i < MaxSelectors)
            {
                // Some encoders write more selectors than can be used; bzip2 1.0.8 ignores them, and so do we.
                selectors[i] = code;
            }
        }

        Span<byte> lengths = stackalloc byte[258];
        for (var code = 0; code < codeCount; code++)
        {
            var length = (int)bits.Read(5);
            for (var symbol = 0; symbol < alphabet; symbol++)
            {
                while (bits.Read(1) != 0)
                {
                    length += bits.Read(1) == 0 ? 1 : -1;
                    if (length is < 1 or > 20)
                    {
                        break;
                    }
                }

                if (length is < 1 or > 20)
                {
                    throw input.Corrupt($"a bzip2 code length is {length}");
                }

                lengths[symbol] = (byte)length;
            }

            codes[code] = new Bzip2Code(lengths[..alphabet]);
        }

        usableSelectors = Math.Min(selectorCount, MaxSelectors);
    }

    private int ReadSymbols(int endSymbol)
    {
        Span<byte> front = stackalloc byte[256];
        symbolMap.CopyTo(front);
        var count = 0;
        var group = 0;
        var groupLeft = 0;
        var code = codes[0];
        long run = 0;
        var weight = 1;
        while (true)
        {
            if (groupLeft == 0)
            {
                if (group >= usableSelectors)
                {
                    throw input.Corrupt("a bzip2 block has more symbols than its selectors cover");
                }

                code = codes[selectors[group++]];
                groupLeft = GroupSize;
            }

            groupLeft--;
            var symbol = code.Decode(bits);
            if (symbol is 0 or 1)
            {
                // RUNA and RUNB: the run's length in bijective base 2, lowest digit first.
                run += (long)weight << symbol;
                weight <<= 1;
                if (run > capacity)
                {
                    throw TooLong();
                }

                continue;
            }

            if (run > 0)
            {
                if (run > capacity - count)
                {
                    throw TooLong();
                }

                links.AsSpan(count, (int)run).Fill(front[0]);
                count += (int)run;
                run = 0;
                weight = 1;
            }

            if (symbol == endSymbol)
            {
                return count;
            }

            if (symbol < 0 || symbol > endSymbol)
            {
                throw input.Corrupt("a bit pattern is no code of its bzip2 block");
            }

            if (count >= capacity)
            {
                throw TooLong();
            }

            var value = front[symbol - 1];
            front[..(symbol - 1)].CopyTo(front[1..]);
            front[0] = value;
            links[count++] = value;
        }
    }

    private Model.DiagnosticException TooLong() => input.Corrupt($"a bzip2 block is longer than {capacity} bytes");

    /// <summary>Inverts the Burrows-Wheeler transform: each byte's successor is the next of its rank in the sorted column.</summary>
    private void Link()
    {
        Span<int> next = stackalloc int[256];
        next.Clear();
        var entries = links.AsSpan(0, left);
        foreach (var entry in entries)
        {
            next[(byte)(entry & 0xFF)]++;
        }

        var sum = 0;
        for (var value = 0; value < 256; value++)
        {
            var count = next[value];
            next[value] = sum;
            sum += count;
        }

        for (var i = 0; i < entries.Length; i++)
        {
            entries[next[(byte)(entries[i] & 0xFF)]++] |= (uint)i << 8;
        }
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i << 24;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 0x80000000) != 0 ? unchecked(value << 1) ^ 0x04C11DB7u : value << 1;
            }

            table[i] = value;
        }

        return table;
    }
}
