namespace Rehost.FileSystems.Ntfs.Compression;

/// <summary>A canonical Huffman code, decoded by a table of all codes of the longest length.</summary>
internal sealed class HuffmanDecoder(int symbols, int longest)
{
    private readonly ushort[] _table = new ushort[1 << longest];
    private readonly byte[] _lengths = new byte[symbols];

    internal int Longest => longest;

    /// <summary>Takes code lengths; false when they are no code. A code with no symbol at all is allowed, and must not be used.</summary>
    internal bool TryBuild(ReadOnlySpan<byte> lengths)
    {
        lengths.CopyTo(_lengths);
        var next = 0;
        for (var length = 1; length <= longest; length++)
        {
            for (var symbol = 0; symbol < symbols; symbol++)
            {
                if (lengths[symbol] != length)
                {
                    continue;
                }

                var count = 1 << (longest - length);
                if (next + count > _table.Length)
                {
                    return false;
                }

                _table.AsSpan(next, count).Fill((ushort)symbol);
                next += count;
            }
        }

        IsEmpty = next == 0;
        return next == 0 || next == _table.Length;
    }

    internal bool IsEmpty { get; private set; }

    internal int SymbolAt(uint bits) => _table[bits];

    internal int LengthOf(int symbol) => _lengths[symbol];
}
