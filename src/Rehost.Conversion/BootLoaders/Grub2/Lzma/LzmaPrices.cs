namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>Prices of lengths and distances, taken from the model at the start of each stretch that the parser optimises.</summary>
internal sealed class LzmaPrices(LzmaModel model)
{
    private readonly int[] _matchLengths = new int[LzmaModel.PositionStates * LengthModel.Symbols];
    private readonly int[] _repLengths = new int[LzmaModel.PositionStates * LengthModel.Symbols];
    private readonly int[] _slots = new int[LzmaModel.LengthStates << LzmaModel.SlotBits];
    private readonly int[] _near = new int[LzmaModel.LengthStates * LzmaModel.FullDistances];
    private readonly int[] _align = new int[1 << LzmaModel.AlignBits];

    public void Refresh()
    {
        for (var state = 0; state < LzmaModel.PositionStates; state++)
        {
            model.MatchLengths.Price(state, _matchLengths.AsSpan(state * LengthModel.Symbols, LengthModel.Symbols));
            model.RepLengths.Price(state, _repLengths.AsSpan(state * LengthModel.Symbols, LengthModel.Symbols));
        }

        for (var value = 0; value < _align.Length; value++)
        {
            _align[value] = BitPrice.OfReverseTree(model.Align, LzmaModel.AlignBits, value);
        }

        for (var state = 0; state < LzmaModel.LengthStates; state++)
        {
            var slots = _slots.AsSpan(state << LzmaModel.SlotBits, 1 << LzmaModel.SlotBits);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                var price = BitPrice.OfTree(model.Slots.AsSpan(state << LzmaModel.SlotBits, 1 << LzmaModel.SlotBits), LzmaModel.SlotBits, slot);
                slots[slot] = slot < LzmaModel.EndOfModelledDistances ? price : price + (((slot >> 1) - 1 - LzmaModel.AlignBits) * BitPrice.OneBit);
            }

            for (var distance = 0; distance < LzmaModel.FullDistances; distance++)
            {
                _near[(state * LzmaModel.FullDistances) + distance] = slots[LzmaModel.SlotOf(distance)] + LowBitsPrice(distance);
            }
        }
    }

    public ReadOnlySpan<int> MatchLengths(int positionState) => _matchLengths.AsSpan(positionState * LengthModel.Symbols, LengthModel.Symbols);

    public ReadOnlySpan<int> RepLengths(int positionState) => _repLengths.AsSpan(positionState * LengthModel.Symbols, LengthModel.Symbols);

    public int Distance(int distance, int length)
    {
        var state = LzmaModel.LengthState(length);
        return distance < LzmaModel.FullDistances
            ? _near[(state * LzmaModel.FullDistances) + distance]
            : _slots[(state << LzmaModel.SlotBits) + LzmaModel.SlotOf(distance)] + _align[distance & ((1 << LzmaModel.AlignBits) - 1)];
    }

    private int LowBitsPrice(int distance)
    {
        var slot = LzmaModel.SlotOf(distance);
        if (slot < 4)
        {
            return 0;
        }

        var bits = (slot >> 1) - 1;
        var start = (2 | (slot & 1)) << bits;
        return BitPrice.OfReverseTree(model.Special.AsSpan(start - slot), bits, distance - start);
    }
}
