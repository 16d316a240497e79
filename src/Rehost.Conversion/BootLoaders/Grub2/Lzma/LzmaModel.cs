namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>The adaptive probabilities of an LZMA stream with lc=3, lp=0, pb=2, the only parameters that GRUB's decompressor knows.</summary>
internal sealed class LzmaModel
{
    public const int States = 12;
    public const int PositionStates = 4;
    public const int MinMatch = 2;
    public const int MaxMatch = 273;
    public const int LengthStates = 4;
    public const int SlotBits = 6;
    public const int AlignBits = 4;
    public const int EndOfModelledDistances = 14;
    public const int FullDistances = 128;

    private const int LiteralContextBits = 3;
    private const int LiteralSize = 0x300;

    public ushort[] IsMatch { get; } = New(States * PositionStates);

    public ushort[] IsRep { get; } = New(States);

    public ushort[] IsRep0 { get; } = New(States);

    public ushort[] IsRep0Long { get; } = New(States * PositionStates);

    public ushort[] IsRep1 { get; } = New(States);

    public ushort[] IsRep2 { get; } = New(States);

    public ushort[] Slots { get; } = New(LengthStates << SlotBits);

    /// <summary>Low bits of the distances of slots 4 to 13; slot s with base b has its tree at b - s.</summary>
    public ushort[] Special { get; } = New(FullDistances + 1);

    public ushort[] Align { get; } = New(1 << AlignBits);

    public LengthModel MatchLengths { get; } = new();

    public LengthModel RepLengths { get; } = new();

    private ushort[] Literals { get; } = New(LiteralSize << LiteralContextBits);

    public Span<ushort> Literal(int previousByte) => Literals.AsSpan((previousByte >> (8 - LiteralContextBits)) * LiteralSize, LiteralSize);

    public static int AfterLiteral(int state) => state < 4 ? 0 : state < 10 ? state - 3 : state - 6;

    public static int AfterMatch(int state) => state < 7 ? 7 : 10;

    public static int AfterRep(int state) => state < 7 ? 8 : 11;

    public static int AfterShortRep(int state) => state < 7 ? 9 : 11;

    public static bool IsAfterLiteral(int state) => state < 7;

    public static int LengthState(int length) => Math.Min(length - MinMatch, LengthStates - 1);

    public static int SlotOf(int distance)
    {
        if (distance < 4)
        {
            return distance;
        }

        var high = 31 - System.Numerics.BitOperations.LeadingZeroCount((uint)distance);
        return (high * 2) + ((distance >> (high - 1)) & 1);
    }

    internal static ushort[] New(int count)
    {
        var probabilities = new ushort[count];
        Array.Fill(probabilities, RangeEncoder.InitialProbability);
        return probabilities;
    }
}
