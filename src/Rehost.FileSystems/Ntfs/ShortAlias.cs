using System.Globalization;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Names of 8.3 characters that long names get beside them, as Windows makes them: programs of old find a file below "C:\\Program Files" by them.</summary>
internal static class ShortAlias
{
    private const int StemLength = 8;
    private const int ExtensionLength = 3;
    private const int SimpleTails = 5;
    private const int MostTails = 9;
    private const string Replaced = "+,;=[]";

    /// <summary>Whether a name is its own alias, whatever its case.</summary>
    internal static bool IsShort(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (stem, extension) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        return stem.Length is >= 1 and <= StemLength && extension.Length <= ExtensionLength && (dot < 0 || extension.Length > 0) && stem.All(IsPlain) && extension.All(IsPlain);
    }

    /// <summary>An alias that the directory does not have: the first six characters and a number, and after four of those two characters and a checksum of the whole name.</summary>
    internal static string? Make(string name, Func<string, bool> isTaken)
    {
        var trimmed = name.TrimStart('.');
        var dot = trimmed.LastIndexOf('.');
        var stem = Clean(dot < 0 ? trimmed : trimmed[..dot]);
        var extension = Clean(dot < 0 ? "" : trimmed[(dot + 1)..]);
        var end = extension.Length == 0 ? "" : "." + extension[..Math.Min(extension.Length, ExtensionLength)];
        for (var tail = 1; tail < SimpleTails; tail++)
        {
            if (stem[..Math.Min(stem.Length, StemLength - 2)] + Tail(tail) + end is var alias && !isTaken(alias))
            {
                return alias;
            }
        }

        // Windows counts on in the tail, and so never runs out of names; here another checksum comes first, so that thousands of alike names stay fast.
        for (int salt = 0; salt <= ushort.MaxValue; salt++)
        {
            var hashed = stem[..Math.Min(stem.Length, 2)] + ((Checksum(name) + salt) & ushort.MaxValue).ToString("X4", CultureInfo.InvariantCulture);
            for (var tail = 1; tail <= MostTails; tail++)
            {
                if (hashed + Tail(tail) + end is var alias && !isTaken(alias))
                {
                    return alias;
                }
            }
        }

        return null;
    }

    /// <summary>The checksum that Windows puts into aliases, found by Tom Galvin (2015): its own digits are in reverse order.</summary>
    internal static int Checksum(string name)
    {
        unchecked
        {
            ushort sum = 0;
            foreach (var c in name)
            {
                sum = (ushort)((sum * 0x25) + c);
            }

            var mixed = sum * 314159269;
            var positive = (uint)(mixed < 0 ? -mixed : mixed);
            var rest = (ushort)(positive - ((uint)((positive * 1152921497UL) >> 60) * 1000000007));
            return (rest >> 12) | ((rest & 0xF00) >> 4) | ((rest & 0xF0) << 4) | ((rest & 0xF) << 12);
        }
    }

    private static string Tail(int number) => "~" + number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Spaces and dots go; what 8.3 names may not have, and what is not ASCII, becomes a low line.</summary>
    private static string Clean(string part)
        => new([.. part.Where(c => c is not (' ' or '.')).Select(c => char.ToUpperInvariant(c) is var upper && IsPlain(upper) && !Replaced.Contains(c, StringComparison.Ordinal) ? upper : '_')]);

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || "$%'-_@~`!(){}^#&".Contains(c, StringComparison.Ordinal);
}
