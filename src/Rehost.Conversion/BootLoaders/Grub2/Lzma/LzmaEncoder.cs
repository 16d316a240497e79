namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>
/// Raw LZMA1 without header and end mark, lc=3 lp=0 pb=2, as GRUB's lzma_decompress.img reads it. That decoder writes straight to memory, so the whole
/// input may serve as the dictionary. The parser looks for the cheapest way through stretches of <see cref="Stretch"/> bytes; the same input always gives the
/// same bytes.
/// </summary>
internal sealed class LzmaEncoder
{
    private const int Stretch = 4096;

    /// <summary>A match this long is taken without weighing alternatives.</summary>
    private const int LongEnough = 128;

    private const int Literal = LzmaSymbolWriter.Literal;
    private const int Reps = LzmaSymbolWriter.Reps;

    private readonly byte[] _data;
    private readonly LzmaSymbolWriter _writer;
    private readonly LzmaModel _model;
    private readonly LzmaPrices _prices;
    private readonly MatchFinder _finder;
    private readonly Node[] _nodes = new Node[Stretch + 1];

    private LzmaEncoder(byte[] data)
    {
        _data = data;
        _writer = new LzmaSymbolWriter(data);
        _model = _writer.Model;
        _prices = new LzmaPrices(_model);
        _finder = new MatchFinder(data, LongEnough);
    }

    /// <summary>Compresses.</summary>
    public static byte[] Encode(byte[] data, CancellationToken cancellation = default)
    {
        var encoder = new LzmaEncoder(data);
        for (var position = 0; position < data.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            position = encoder.EncodeStretch(position);
        }

        return encoder._writer.Finish();
    }

    /// <summary>Weighs a stretch, writes it, and says where the next one begins.</summary>
    private int EncodeStretch(int start)
    {
        _prices.Refresh();
        var length = Math.Min(Stretch, _data.Length - start);
        for (var index = 1; index <= length; index++)
        {
            _nodes[index].Price = int.MaxValue;
        }

        var recent = _writer.RecentDistances;
        _nodes[0] = new Node { State = _writer.State, Rep0 = recent[0], Rep1 = recent[1], Rep2 = recent[2], Rep3 = recent[3] };
        for (var index = 0; index < length; index++)
        {
            ref var node = ref _nodes[index];
            if (index > 0)
            {
                Arrive(ref node, _nodes[node.From], index - node.From);
            }

            if (Expand(ref node, start + index, index, length) is { } taken)
            {
                Write(start, index);
                _writer.Emit(start + index, taken.Back, taken.Length);
                for (var skipped = 1; skipped < taken.Length; skipped++)
                {
                    _finder.Skip(start + index + skipped);
                }

                return start + index + taken.Length;
            }
        }

        Write(start, length);
        return start + length;
    }

    /// <summary>Derives state and repeated distances of a node from the best way to it.</summary>
    private static void Arrive(ref Node node, in Node from, int length)
    {
        (node.Rep0, node.Rep1, node.Rep2, node.Rep3) = (from.Rep0, from.Rep1, from.Rep2, from.Rep3);
        if (node.Back == Literal)
        {
            node.State = LzmaModel.AfterLiteral(from.State);
        }
        else if (node.Back < Reps)
        {
            node.State = length == 1 ? LzmaModel.AfterShortRep(from.State) : LzmaModel.AfterRep(from.State);
            Promote(ref node, node.Back);
        }
        else
        {
            node.State = LzmaModel.AfterMatch(from.State);
            (node.Rep0, node.Rep1, node.Rep2, node.Rep3) = (node.Back - Reps, from.Rep0, from.Rep1, from.Rep2);
        }
    }

    private static void Promote(ref Node node, int rep)
    {
        switch (rep)
        {
            case 1:
                (node.Rep0, node.Rep1) = (node.Rep1, node.Rep0);
                break;
            case 2:
                (node.Rep0, node.Rep1, node.Rep2) = (node.Rep2, node.Rep0, node.Rep1);
                break;
            case 3:
                (node.Rep0, node.Rep1, node.Rep2, node.Rep3) = (node.Rep3, node.Rep0, node.Rep1, node.Rep2);
                break;
            default:
                break;
        }
    }

    /// <summary>Relaxes every step from a node; answers a step instead when it is so long that it is simply taken.</summary>
    private (int Back, int Length)? Expand(ref Node node, int position, int index, int length)
    {
        var positionState = position & (LzmaModel.PositionStates - 1);
        var room = length - index;
        var matches = _finder.Find(position);
        var longestRep = LongestRep(node, position, out var rep);
        if (longestRep >= LongEnough)
        {
            return (rep, longestRep);
        }

        if (matches > 0 && _finder.Lengths[matches - 1] >= LongEnough)
        {
            return (_finder.Distances[matches - 1] + Reps, _finder.Lengths[matches - 1]);
        }

        var matchPrice = node.Price + BitPrice.Of(_model.IsMatch[(node.State * LzmaModel.PositionStates) + positionState], 1);
        RelaxLiteral(node, position, index, positionState);
        RelaxReps(node, position, index, room, positionState, matchPrice + BitPrice.Of(_model.IsRep[node.State], 1));
        var price = matchPrice + BitPrice.Of(_model.IsRep[node.State], 0);
        var lengths = _prices.MatchLengths(positionState);
        var size = LzmaModel.MinMatch;
        for (var match = 0; match < matches; match++)
        {
            var distance = _finder.Distances[match];
            for (var end = Math.Min(_finder.Lengths[match], room); size <= end; size++)
            {
                Relax(index, size, price + lengths[size - LzmaModel.MinMatch] + _prices.Distance(distance, size), distance + Reps);
            }
        }

        return null;
    }

    private void RelaxLiteral(in Node node, int position, int index, int positionState)
    {
        var price = node.Price + BitPrice.Of(_model.IsMatch[(node.State * LzmaModel.PositionStates) + positionState], 0);
        var probabilities = _model.Literal(position == 0 ? 0 : _data[position - 1]);
        var symbol = _data[position] | 0x100;
        if (LzmaModel.IsAfterLiteral(node.State))
        {
            price += BitPrice.OfTree(probabilities, 8, _data[position]);
        }
        else
        {
            var matched = (int)_data[position - node.Rep0 - 1];
            var offset = 0x100;
            for (var context = 1; context < 0x100;)
            {
                matched <<= 1;
                var bit = (symbol >> 7) & 1;
                symbol <<= 1;
                price += BitPrice.Of(probabilities[offset + (matched & offset) + context], bit);
                context = (context << 1) | bit;
                offset &= bit == 0 ? ~matched : matched;
            }
        }

        Relax(index, 1, price, Literal);
    }

    private void RelaxReps(in Node node, int position, int index, int room, int positionState, int repPrice)
    {
        var lengths = _prices.RepLengths(positionState);
        for (var rep = 0; rep < Reps; rep++)
        {
            var size = Math.Min(RepLength(node.Rep(rep), position), room);
            if (rep == 0 && size >= 1)
            {
                Relax(index, 1, repPrice + BitPrice.Of(_model.IsRep0[node.State], 0)
                    + BitPrice.Of(_model.IsRep0Long[(node.State * LzmaModel.PositionStates) + positionState], 0), 0);
            }

            var price = repPrice + RepChoicePrice(rep, node.State, positionState);
            for (var part = LzmaModel.MinMatch; part <= size; part++)
            {
                Relax(index, part, price + lengths[part - LzmaModel.MinMatch], rep);
            }
        }
    }

    private int RepChoicePrice(int rep, int state, int positionState) => rep switch
    {
        0 => BitPrice.Of(_model.IsRep0[state], 0) + BitPrice.Of(_model.IsRep0Long[(state * LzmaModel.PositionStates) + positionState], 1),
        1 => BitPrice.Of(_model.IsRep0[state], 1) + BitPrice.Of(_model.IsRep1[state], 0),
        _ => BitPrice.Of(_model.IsRep0[state], 1) + BitPrice.Of(_model.IsRep1[state], 1) + BitPrice.Of(_model.IsRep2[state], rep - 2),
    };

    private void Relax(int index, int size, int price, int back)
    {
        ref var target = ref _nodes[index + size];
        if (price < target.Price)
        {
            target.Price = price;
            target.From = index;
            target.Back = back;
        }
    }

    private int LongestRep(in Node node, int position, out int best)
    {
        best = 0;
        var longest = 0;
        for (var rep = 0; rep < Reps; rep++)
        {
            var length = RepLength(node.Rep(rep), position);
            if (length > longest)
            {
                (best, longest) = (rep, length);
            }
        }

        return longest;
    }

    private int RepLength(int distance, int position)
    {
        var source = position - distance - 1;
        if (source < 0 || _data[source] != _data[position])
        {
            return 0;
        }

        var limit = Math.Min(LzmaModel.MaxMatch, _data.Length - position);
        return _data.AsSpan(position, limit).CommonPrefixLength(_data.AsSpan(source, limit));
    }

    /// <summary>Writes the cheapest way to a node.</summary>
    private void Write(int start, int end)
    {
        // Turn the chain of predecessors round, then follow it.
        var next = end;
        for (var index = end; index > 0;)
        {
            var from = _nodes[index].From;
            _nodes[index].Next = next;
            next = index;
            index = from;
        }

        for (var index = 0; index < end;)
        {
            var step = index == 0 ? next : _nodes[index].Next;
            _writer.Emit(start + index, _nodes[step].Back, step - index);
            index = step;
        }
    }

    /// <summary>The cheapest known way to a position of the stretch.</summary>
    private struct Node
    {
        public int Price;
        public int From;
        public int Back;
        public int Next;
        public int State;
        public int Rep0;
        public int Rep1;
        public int Rep2;
        public int Rep3;

        public readonly int Rep(int index) => index switch { 0 => Rep0, 1 => Rep1, 2 => Rep2, _ => Rep3 };
    }
}
