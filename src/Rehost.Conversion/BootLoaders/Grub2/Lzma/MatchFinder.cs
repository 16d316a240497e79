namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>Finds earlier occurrences of what comes next: the nearest one of two and of three bytes, and a chain of those of four and more.</summary>
internal sealed class MatchFinder
{
    private const int HashBits3 = 16;
    private const int HashBits4 = 17;
    private const int MaxChain = 400;

    private readonly byte[] _data;
    private readonly int _enough;
    private readonly int[] _nearest2 = NewHeads(16);
    private readonly int[] _nearest3 = NewHeads(HashBits3);
    private readonly int[] _heads = NewHeads(HashBits4);
    private readonly int[] _previous;

    /// <param name="data">All bytes.</param>
    /// <param name="enough">A match of this length ends the search.</param>
    public MatchFinder(byte[] data, int enough)
    {
        _data = data;
        _enough = enough;
        _previous = new int[data.Length];
    }

    /// <summary>Lengths found by the last <see cref="Find"/>, strictly growing.</summary>
    public int[] Lengths { get; } = new int[LzmaModel.MaxMatch];

    /// <summary>Distances minus one that go with <see cref="Lengths"/>: the nearest for each.</summary>
    public int[] Distances { get; } = new int[LzmaModel.MaxMatch];

    /// <summary>Collects matches at a position and remembers it. Positions come in order, each once, here or in <see cref="Skip"/>.</summary>
    /// <returns>How many matches there are.</returns>
    public int Find(int position)
    {
        var limit = Math.Min(LzmaModel.MaxMatch, _data.Length - position);
        var count = 0;
        var best = 1;
        if (limit >= 2)
        {
            Try(_nearest2[Hash2(position)], position, limit, ref best, ref count);
        }

        if (limit >= 3)
        {
            Try(_nearest3[Hash3(position)], position, limit, ref best, ref count);
        }

        if (limit >= 4)
        {
            var candidate = _heads[Hash4(position)];
            for (var left = MaxChain; candidate >= 0 && left > 0 && best < _enough && best < limit; left--)
            {
                Try(candidate, position, limit, ref best, ref count);
                candidate = _previous[candidate];
            }
        }

        Skip(position);
        return count;
    }

    /// <summary>Remembers a position without looking for matches.</summary>
    public void Skip(int position)
    {
        var left = _data.Length - position;
        if (left >= 2)
        {
            _nearest2[Hash2(position)] = position;
        }

        if (left >= 3)
        {
            _nearest3[Hash3(position)] = position;
        }

        if (left >= 4)
        {
            ref var head = ref _heads[Hash4(position)];
            _previous[position] = head;
            head = position;
        }
    }

    private static int[] NewHeads(int bits)
    {
        var heads = new int[1 << bits];
        Array.Fill(heads, -1);
        return heads;
    }

    private void Try(int candidate, int position, int limit, ref int best, ref int count)
    {
        if (candidate < 0 || best >= limit || _data[candidate + best] != _data[position + best])
        {
            return;
        }

        var length = _data.AsSpan(position, limit).CommonPrefixLength(_data.AsSpan(candidate, limit));
        if (length > best)
        {
            best = length;
            Lengths[count] = length;
            Distances[count] = position - candidate - 1;
            count++;
        }
    }

    private int Hash2(int position) => _data[position] | (_data[position + 1] << 8);

    private int Hash3(int position) => Mix((uint)(Hash2(position) | (_data[position + 2] << 16)), HashBits3);

    private int Hash4(int position) => Mix((uint)(Hash2(position) | (_data[position + 2] << 16)) | ((uint)_data[position + 3] << 24), HashBits4);

    private static int Mix(uint value, int bits) => (int)(unchecked(value * 2654435761u) >> (32 - bits));
}
