namespace Rehost.Archives.Seekable;

/// <summary>Which pieces of a growing content are zero: they cost neither room nor a second decompression.</summary>
internal sealed class PieceMap
{
    /// <summary>Bytes of a piece: a chunk of an XVA.</summary>
    public const int PieceSize = 1 << 20;

    private readonly List<ulong> _zero = [];

    public void Add(long piece, bool isZero)
    {
        while (_zero.Count <= piece / 64)
        {
            _zero.Add(0);
        }

        if (isZero)
        {
            _zero[(int)(piece / 64)] |= 1UL << (int)(piece % 64);
        }
    }

    public bool IsZero(long piece) => piece / 64 < _zero.Count && (_zero[(int)(piece / 64)] >> (int)(piece % 64) & 1) != 0;
}
