namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>Writes what the parser chose: the symbols of an LZMA stream by the adaptive model.</summary>
/// <param name="data">All bytes to be compressed.</param>
internal sealed class LzmaSymbolWriter(byte[] data)
{
    /// <summary>Stands for "no match, one byte".</summary>
    public const int Literal = -1;

    /// <summary>How many distances are remembered for reuse.</summary>
    public const int Reps = 4;

    private readonly RangeEncoder _range = new();
    private readonly int[] _reps = new int[Reps];

    public LzmaModel Model { get; } = new();

    public int State { get; private set; }

    public ReadOnlySpan<int> RecentDistances => _reps;

    public byte[] Finish() => _range.Finish();

    /// <summary>Writes a literal, a match (distance minus one plus <see cref="Reps"/>) or a repeated distance.</summary>
    public void Emit(int position, int back, int length)
    {
        var positionState = position & (LzmaModel.PositionStates - 1);
        ref var isMatch = ref Model.IsMatch[(State * LzmaModel.PositionStates) + positionState];
        if (back == Literal)
        {
            _range.Bit(ref isMatch, 0);
            EmitLiteral(position);
            return;
        }

        _range.Bit(ref isMatch, 1);
        if (back < Reps)
        {
            EmitRep(back, length, positionState);
            return;
        }

        var distance = back - Reps;
        _range.Bit(ref Model.IsRep[State], 0);
        Model.MatchLengths.Encode(_range, length, positionState);
        EmitDistance(distance, length);
        (_reps[0], _reps[1], _reps[2], _reps[3]) = (distance, _reps[0], _reps[1], _reps[2]);
        State = LzmaModel.AfterMatch(State);
    }

    private void EmitLiteral(int position)
    {
        var probabilities = Model.Literal(position == 0 ? 0 : data[position - 1]);
        if (LzmaModel.IsAfterLiteral(State))
        {
            _range.Tree(probabilities, 8, data[position]);
        }
        else
        {
            var symbol = data[position] | 0x100;
            var matched = (int)data[position - _reps[0] - 1];
            var offset = 0x100;
            for (var context = 1; context < 0x100;)
            {
                matched <<= 1;
                var bit = (symbol >> 7) & 1;
                symbol <<= 1;
                _range.Bit(ref probabilities[offset + (matched & offset) + context], bit);
                context = (context << 1) | bit;
                offset &= bit == 0 ? ~matched : matched;
            }
        }

        State = LzmaModel.AfterLiteral(State);
    }

    private void EmitRep(int rep, int length, int positionState)
    {
        _range.Bit(ref Model.IsRep[State], 1);
        _range.Bit(ref Model.IsRep0[State], rep == 0 ? 0 : 1);
        if (rep == 0)
        {
            _range.Bit(ref Model.IsRep0Long[(State * LzmaModel.PositionStates) + positionState], length == 1 ? 0 : 1);
        }
        else
        {
            _range.Bit(ref Model.IsRep1[State], rep == 1 ? 0 : 1);
            if (rep > 1)
            {
                _range.Bit(ref Model.IsRep2[State], rep - 2);
            }

            var distance = _reps[rep];
            Array.Copy(_reps, 0, _reps, 1, rep);
            _reps[0] = distance;
        }

        if (length == 1)
        {
            State = LzmaModel.AfterShortRep(State);
            return;
        }

        Model.RepLengths.Encode(_range, length, positionState);
        State = LzmaModel.AfterRep(State);
    }

    private void EmitDistance(int distance, int length)
    {
        var slot = LzmaModel.SlotOf(distance);
        _range.Tree(Model.Slots.AsSpan(LzmaModel.LengthState(length) << LzmaModel.SlotBits, 1 << LzmaModel.SlotBits), LzmaModel.SlotBits, slot);
        if (slot < 4)
        {
            return;
        }

        var bits = (slot >> 1) - 1;
        var start = (2 | (slot & 1)) << bits;
        var low = distance - start;
        if (slot < LzmaModel.EndOfModelledDistances)
        {
            _range.ReverseTree(Model.Special.AsSpan(start - slot), bits, low);
        }
        else
        {
            _range.Direct((uint)(low >> LzmaModel.AlignBits), bits - LzmaModel.AlignBits);
            _range.ReverseTree(Model.Align, LzmaModel.AlignBits, low & ((1 << LzmaModel.AlignBits) - 1));
        }
    }
}
