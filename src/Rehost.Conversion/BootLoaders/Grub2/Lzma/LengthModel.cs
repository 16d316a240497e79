namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>Match lengths: 8 short and 8 middle ones per position state, 256 long ones for all.</summary>
internal sealed class LengthModel
{
    public const int Symbols = 272;

    private const int LowBits = 3;
    private const int HighBits = 8;

    private readonly ushort[] _choice = LzmaModel.New(2);
    private readonly ushort[] _low = LzmaModel.New(LzmaModel.PositionStates << LowBits);
    private readonly ushort[] _middle = LzmaModel.New(LzmaModel.PositionStates << LowBits);
    private readonly ushort[] _high = LzmaModel.New(1 << HighBits);

    public void Encode(RangeEncoder encoder, int length, int positionState)
    {
        var symbol = length - LzmaModel.MinMatch;
        encoder.Bit(ref _choice[0], symbol < 8 ? 0 : 1);
        if (symbol < 8)
        {
            encoder.Tree(_low.AsSpan(positionState << LowBits, 1 << LowBits), LowBits, symbol);
            return;
        }

        encoder.Bit(ref _choice[1], symbol < 16 ? 0 : 1);
        if (symbol < 16)
        {
            encoder.Tree(_middle.AsSpan(positionState << LowBits, 1 << LowBits), LowBits, symbol - 8);
        }
        else
        {
            encoder.Tree(_high, HighBits, symbol - 16);
        }
    }

    /// <summary>Prices of all lengths in a position state.</summary>
    public void Price(int positionState, Span<int> prices)
    {
        var low = BitPrice.Of(_choice[0], 0);
        var other = BitPrice.Of(_choice[0], 1);
        var middle = other + BitPrice.Of(_choice[1], 0);
        var high = other + BitPrice.Of(_choice[1], 1);
        for (var symbol = 0; symbol < 8; symbol++)
        {
            prices[symbol] = low + BitPrice.OfTree(_low.AsSpan(positionState << LowBits, 1 << LowBits), LowBits, symbol);
            prices[symbol + 8] = middle + BitPrice.OfTree(_middle.AsSpan(positionState << LowBits, 1 << LowBits), LowBits, symbol);
        }

        for (var symbol = 16; symbol < Symbols; symbol++)
        {
            prices[symbol] = high + BitPrice.OfTree(_high, HighBits, symbol - 16);
        }
    }
}
