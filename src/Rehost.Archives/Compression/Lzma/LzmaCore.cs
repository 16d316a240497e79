using System.Runtime.CompilerServices;

namespace Rehost.Archives;

/// <summary>The LZMA1 decoder proper, for .lzma files and for the chunks of LZMA2. It writes into a window and reads from a span that the caller pads.</summary>
internal sealed class LzmaCore(CompressedInput source)
{
    /// <summary>More bytes than one symbol can consume: the caller keeps so many readable behind its limit.</summary>
    public const int InputPadding = 32;

    /// <summary>Longest match: room that the window needs behind the output limit.</summary>
    public const int LongestMatch = 273;

    private const int States = 12;
    private const int PositionStates = 16;
    private const ushort Half = 1024;
    private readonly ushort[] isMatch = new ushort[States * PositionStates];
    private readonly ushort[] isRep = new ushort[States];
    private readonly ushort[] isRep0 = new ushort[States];
    private readonly ushort[] isRep1 = new ushort[States];
    private readonly ushort[] isRep2 = new ushort[States];
    private readonly ushort[] isRep0Long = new ushort[States * PositionStates];
    private readonly ushort[] distanceSlots = new ushort[4 * 64];
    private readonly ushort[] distanceSpecial = new ushort[128];
    private readonly ushort[] distanceAlign = new ushort[16];
    private readonly ushort[] matchLength = new ushort[LengthProbabilities];
    private readonly ushort[] repLength = new ushort[LengthProbabilities];
    private ushort[] literals = [];
    private int lc;
    private int lpMask;
    private int pbMask;
    private int state;
    private uint rep0;
    private uint rep1;
    private uint rep2;
    private uint rep3;
    private uint range;
    private uint code;
    private uint written;

    // choice, choice2, low[16][8], mid[16][8], high[256]
    private const int LengthProbabilities = 2 + (PositionStates * 8) + (PositionStates * 8) + 256;

    /// <summary>Whether the range decoder ended where an encoder's flush leaves it.</summary>
    public bool IsFinished => code == 0;

    /// <summary>Sets lc, lp, pb from the properties byte; false when it is none.</summary>
    public bool SetProperties(byte properties)
    {
        if (properties >= 9 * 5 * 5)
        {
            return false;
        }

        lc = properties % 9;
        var lp = properties / 9 % 5;
        var pb = properties / 45;
        lpMask = (1 << lp) - 1;
        pbMask = (1 << pb) - 1;
        literals = new ushort[0x300 << (lc + lp)];
        return true;
    }

    public void ResetState()
    {
        foreach (var probabilities in (ReadOnlySpan<ushort[]>)[isMatch, isRep, isRep0, isRep1, isRep2, isRep0Long, distanceSlots, distanceSpecial, distanceAlign, matchLength, repLength, literals])
        {
            probabilities.AsSpan().Fill(Half);
        }

        state = 0;
        rep0 = rep1 = rep2 = rep3 = 0;
    }

    /// <summary>The position counts from the dictionary's reset (LZMA2) or the start (LZMA1).</summary>
    public void ResetPosition() => written = 0;

    public void AddPosition(int count) => written = unchecked(written + (uint)count);

    /// <summary>Starts the range decoder with its five bytes.</summary>
    public bool StartRange(ReadOnlySpan<byte> five)
    {
        range = uint.MaxValue;
        code = ((uint)five[1] << 24) | ((uint)five[2] << 16) | ((uint)five[3] << 8) | five[4];
        return five[0] == 0;
    }

    /// <summary>Brings the range decoder to where the encoder's flush ended.</summary>
    public void EndRange(ReadOnlySpan<byte> input, ref int position)
    {
        if (range < 1u << 24)
        {
            range <<= 8;
            code = unchecked((code << 8) | input[position++]);
        }
    }

    /// <summary>Decodes symbols while the input position is below its limit and the window's position is below its own; true at an end mark.</summary>
    public bool Run(ReadOnlySpan<byte> input, ref int position, int positionLimit, SlidingWindow window, int outputLimit)
    {
        unchecked
        {
            var coder = new RangeCoder(input, position, range, code);
            var buffer = window.Buffer;
            var target = window.Position;
            var start = target;
            var positionBase = written - (uint)start;
            var ended = false;
            while (coder.Position < positionLimit && target < outputLimit)
            {
                var positionState = (int)(positionBase + (uint)target) & pbMask;
                var matchIndex = (state << 4) + positionState;
                if (coder.Bit(ref isMatch[matchIndex]) == 0)
                {
                    var previous = target > window.Floor ? buffer[target - 1] : 0;
                    var set = literals.AsSpan(0x300 * ((((int)(positionBase + (uint)target) & lpMask) << lc) + (previous >> (8 - lc))), 0x300);
                    var symbol = 1;
                    if (state >= 7)
                    {
                        int matched = buffer[target - (int)rep0 - 1];
                        do
                        {
                            matched <<= 1;
                            var matchBit = matched & 0x100;
                            var bit = coder.Bit(ref set[0x100 + matchBit + symbol]);
                            symbol = (symbol << 1) | bit;
                            if (matchBit >> 8 != bit)
                            {
                                break;
                            }
                        }
                        while (symbol < 0x100);
                    }

                    while (symbol < 0x100)
                    {
                        symbol = (symbol << 1) | coder.Bit(ref set[symbol]);
                    }

                    buffer[target++] = (byte)symbol;
                    state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
                    continue;
                }

                int length;
                if (coder.Bit(ref isRep[state]) == 0)
                {
                    rep3 = rep2;
                    rep2 = rep1;
                    rep1 = rep0;
                    length = ReadLength(ref coder, matchLength, positionState);
                    state = state < 7 ? 7 : 10;
                    rep0 = ReadDistance(ref coder, length);
                    if (rep0 == uint.MaxValue)
                    {
                        ended = true;
                        break;
                    }
                }
                else
                {
                    if (coder.Bit(ref isRep0[state]) == 0)
                    {
                        if (coder.Bit(ref isRep0Long[matchIndex]) == 0)
                        {
                            CheckDistance(rep0, target, window);
                            buffer[target] = buffer[target - (int)rep0 - 1];
                            target++;
                            state = state < 7 ? 9 : 11;
                            continue;
                        }
                    }
                    else
                    {
                        uint distance;
                        if (coder.Bit(ref isRep1[state]) == 0)
                        {
                            distance = rep1;
                        }
                        else
                        {
                            if (coder.Bit(ref isRep2[state]) == 0)
                            {
                                distance = rep2;
                            }
                            else
                            {
                                distance = rep3;
                                rep3 = rep2;
                            }

                            rep2 = rep1;
                        }

                        rep1 = rep0;
                        rep0 = distance;
                    }

                    length = ReadLength(ref coder, repLength, positionState);
                    state = state < 7 ? 8 : 11;
                }

                CheckDistance(rep0, target, window);
                SlidingWindow.CopyMatch(buffer, target, (int)rep0 + 1, length);
                target += length;
            }

            position = coder.Position;
            range = coder.Range;
            code = coder.Code;
            written += (uint)(target - start);
            window.Position = target;
            return ended;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckDistance(uint distance, int target, SlidingWindow window)
    {
        window.Position = target;
        if (distance >= (uint)window.Reach)
        {
            throw source.Corrupt($"an LZMA match reaches {distance + 1L} bytes back, only {window.Reach} exist");
        }
    }

    private static int ReadLength(ref RangeCoder coder, ushort[] probabilities, int positionState)
    {
        if (coder.Bit(ref probabilities[0]) == 0)
        {
            return 2 + coder.Tree(probabilities.AsSpan(2 + (positionState << 3), 8), 3);
        }

        return coder.Bit(ref probabilities[1]) == 0
            ? 10 + coder.Tree(probabilities.AsSpan(2 + (PositionStates * 8) + (positionState << 3), 8), 3)
            : 18 + coder.Tree(probabilities.AsSpan(2 + (PositionStates * 16), 256), 8);
    }

    private uint ReadDistance(ref RangeCoder coder, int length)
    {
        unchecked
        {
            var slot = coder.Tree(distanceSlots.AsSpan(Math.Min(length - 2, 3) << 6, 64), 6);
            if (slot < 4)
            {
                return (uint)slot;
            }

            var directBits = (slot >> 1) - 1;
            var distance = (2u | ((uint)slot & 1)) << directBits;
            if (slot < 14)
            {
                // The reversed trees of slots 4 to 13 share one array, as in the LZMA specification: each starts at (base - slot).
                return distance + coder.ReverseTree(distanceSpecial.AsSpan((int)distance - slot), directBits);
            }

            distance += coder.Direct(directBits - 4) << 4;
            return distance + coder.ReverseTree(distanceAlign, 4);
        }
    }
}
