namespace Rehost.Inspection.Linux;

/// <summary>Order of kernel releases, as dpkg and rpm compare versions: runs of digits by value, the rest by character, "~" before everything.</summary>
internal sealed class VersionOrder : IComparer<string>
{
    /// <summary>The one instance.</summary>
    public static readonly VersionOrder Instance = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        var left = x.AsSpan();
        var right = y.AsSpan();
        while (!left.IsEmpty || !right.IsEmpty)
        {
            var leftText = Take(ref left, digits: false);
            var rightText = Take(ref right, digits: false);
            var order = CompareText(leftText, rightText);
            if (order != 0)
            {
                return order;
            }

            var leftNumber = Take(ref left, digits: true).TrimStart('0');
            var rightNumber = Take(ref right, digits: true).TrimStart('0');
            order = leftNumber.Length != rightNumber.Length ? leftNumber.Length.CompareTo(rightNumber.Length) : leftNumber.SequenceCompareTo(rightNumber);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static ReadOnlySpan<char> Take(ref ReadOnlySpan<char> text, bool digits)
    {
        var end = 0;
        while (end < text.Length && char.IsAsciiDigit(text[end]) == digits)
        {
            end++;
        }

        var part = text[..end];
        text = text[end..];
        return part;
    }

    /// <summary>Character by character: '~' before the end, the end before letters, letters before the rest (deb-version(7)).</summary>
    private static int CompareText(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            var order = Weight(left, i).CompareTo(Weight(right, i));
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static int Weight(ReadOnlySpan<char> text, int index)
        => index >= text.Length ? 0 : text[index] == '~' ? -1 : char.IsAsciiLetter(text[index]) ? text[index] : text[index] + 0x10000;
}
