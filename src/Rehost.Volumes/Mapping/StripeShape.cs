namespace Rehost.Volumes.Mapping;

/// <summary>Where parity and data of one stripe stand.</summary>
/// <param name="Parity">Leg with P.</param>
/// <param name="Syndrome">Leg with Q; -1 without.</param>
/// <param name="FirstData">Leg of the first data chunk when they go round from there; -1 when they fill the legs in order, passing over parity.</param>
/// <param name="Ring">Legs that data goes round over.</param>
internal readonly record struct StripeShape(int Parity, int Syndrome, int FirstData, int Ring)
{
    /// <summary>The shape of a stripe; null for a layout that does not exist at this level.</summary>
    public static StripeShape? Of(ParityLayout layout, int legs, bool hasSyndrome, long stripe)
        => hasSyndrome ? OfTwo(layout, legs, stripe) : OfOne(layout, legs, stripe);

    /// <summary>The leg of a data chunk.</summary>
    public int DataLeg(int index)
    {
        if (FirstData >= 0)
        {
            return (FirstData + index) % Ring;
        }

        // In order, passing over P and Q.
        var (low, high) = Syndrome < 0 ? (Parity, int.MaxValue) : (Math.Min(Parity, Syndrome), Math.Max(Parity, Syndrome));
        var leg = index >= low ? index + 1 : index;
        return leg >= high ? leg + 1 : leg;
    }

    /// <summary>The exponent with which a data leg enters Q (raid6_idx_to_slot).</summary>
    /// <param name="leg">The data leg.</param>
    /// <param name="layout">Layout.</param>
    /// <param name="legs">Number of legs.</param>
    public int SyndromeSlot(int leg, ParityLayout layout, int legs)
    {
        // The layouts of DDF count every leg from 0; MD's own count data legs only, from the one behind Q on.
        if (layout is ParityLayout.RotatingZeroRestart or ParityLayout.RotatingNRestart or ParityLayout.RotatingNContinue)
        {
            return leg;
        }

        var slot = 0;
        for (var i = (Syndrome + 1) % legs; i != leg; i = (i + 1) % legs)
        {
            slot += i == Parity || i == Syndrome ? 0 : 1;
        }

        return slot;
    }

    private static StripeShape? OfOne(ParityLayout layout, int legs, long stripe)
    {
        var turn = (int)(stripe % legs);
        var last = legs - 1;
        return layout switch
        {
            ParityLayout.LeftAsymmetric => new StripeShape(last - turn, -1, -1, legs),
            ParityLayout.RightAsymmetric => new StripeShape(turn, -1, -1, legs),
            ParityLayout.LeftSymmetric => new StripeShape(last - turn, -1, (last - turn + 1) % legs, legs),
            ParityLayout.RightSymmetric => new StripeShape(turn, -1, (turn + 1) % legs, legs),
            ParityLayout.ParityFirst => new StripeShape(0, -1, -1, legs),
            ParityLayout.ParityLast => new StripeShape(last, -1, -1, legs),
            _ => null,
        };
    }

    private static StripeShape? OfTwo(ParityLayout layout, int legs, long stripe)
    {
        var turn = (int)(stripe % legs);
        var last = legs - 1;
        var turn6 = (int)(stripe % last);
        switch (layout)
        {
            case ParityLayout.LeftAsymmetric:
                return new StripeShape(last - turn, (last - turn + 1) % legs, -1, legs);
            case ParityLayout.RightAsymmetric or ParityLayout.RotatingZeroRestart:
                return new StripeShape(turn, (turn + 1) % legs, -1, legs);
            case ParityLayout.LeftSymmetric:
                return new StripeShape(last - turn, (last - turn + 1) % legs, (last - turn + 2) % legs, legs);
            case ParityLayout.RightSymmetric:
                return new StripeShape(turn, (turn + 1) % legs, (turn + 2) % legs, legs);
            case ParityLayout.ParityFirst:
                return new StripeShape(0, 1, -1, legs);
            case ParityLayout.ParityLast:
                return new StripeShape(legs - 2, last, -1, legs);
            case ParityLayout.RotatingNRestart:
                var parity = last - (int)((stripe + 1) % legs);
                return new StripeShape(parity, (parity + 1) % legs, -1, legs);
            case ParityLayout.RotatingNContinue:
                return new StripeShape(last - turn, (last - turn + legs - 1) % legs, (last - turn + 1) % legs, legs);
            case ParityLayout.LeftAsymmetric6:
                return new StripeShape(legs - 2 - turn6, last, -1, last);
            case ParityLayout.RightAsymmetric6:
                return new StripeShape(turn6, last, -1, last);
            case ParityLayout.LeftSymmetric6:
                return new StripeShape(legs - 2 - turn6, last, (legs - 2 - turn6 + 1) % last, last);
            case ParityLayout.RightSymmetric6:
                return new StripeShape(turn6, last, (turn6 + 1) % last, last);
            case ParityLayout.ParityFirst6:
                return new StripeShape(0, last, -1, last);
            default:
                return null;
        }
    }
}
