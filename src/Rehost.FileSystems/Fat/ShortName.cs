using System.Globalization;

namespace Rehost.FileSystems.Fat;

/// <summary>Names of 8.3 characters, and the aliases that long names get.</summary>
internal static class ShortName
{
    internal const int Length = 11;
    private const int StemLength = 8;
    private const int ExtensionLength = 3;
    private const int SimpleTails = 5;
    private const int MostTails = 999_999;
    private const byte LowerStem = 0x08;
    private const byte LowerExtension = 0x10;

    /// <summary>A stored short name as text, in lower case where Windows NT's flags say so.</summary>
    internal static string Decode(ReadOnlySpan<byte> stored, byte caseFlags)
    {
        Span<byte> name = stackalloc byte[Length];
        stored[..Length].CopyTo(name);
        if (name[0] == 0x05)
        {
            name[0] = 0xE5; // 0xE5 itself marks a deleted entry
        }

        var stem = OemCodePage.Decode(name[..StemLength]).TrimEnd(' ');
        var extension = OemCodePage.Decode(name[StemLength..]).TrimEnd(' ');
        stem = (caseFlags & LowerStem) != 0 ? stem.ToLowerInvariant() : stem;
        extension = (caseFlags & LowerExtension) != 0 ? extension.ToLowerInvariant() : extension;
        return extension.Length == 0 ? stem : stem + "." + extension;
    }

    /// <summary>The checksum by which the entries of a long name belong to their short one.</summary>
    internal static byte Checksum(ReadOnlySpan<byte> stored)
    {
        var sum = 0;
        foreach (var b in stored[..Length])
        {
            sum = (((sum & 1) << 7) + (sum >> 1) + b) & 0xFF;
        }

        return (byte)sum;
    }

    /// <summary>Whether a name is its own short name, so that no long one is needed.</summary>
    internal static bool IsShort(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (stem, extension) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        return stem.Length is >= 1 and <= StemLength && extension.Length <= ExtensionLength && (dot < 0 || extension.Length > 0)
            && stem.All(IsPlain) && extension.All(IsPlain);
    }

    /// <summary>The stored form of a name that is short.</summary>
    internal static byte[] Encode(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return Pack(dot < 0 ? name : name[..dot], dot < 0 ? "" : name[(dot + 1)..]);
    }

    /// <summary>
    /// A short name for a long one, with a numeric tail, so that it never shadows a name that somebody may want. After a few tries the stem is a hash, as Windows does it:
    /// else a directory with thousands of alike names would be searched thousands of times.
    /// </summary>
    internal static byte[] MakeAlias(string longName, Func<string, bool> isTaken)
    {
        var dot = longName.LastIndexOf('.');
        var stem = Clean(dot <= 0 ? longName : longName[..dot]);
        var extension = Clean(dot <= 0 ? "" : longName[(dot + 1)..]);
        extension = extension[..Math.Min(extension.Length, ExtensionLength)];
        stem = stem.Length == 0 ? "_" : stem;
        for (var tail = 1; tail < SimpleTails; tail++)
        {
            if (TryTail(stem, tail, extension, isTaken) is { } alias)
            {
                return alias;
            }
        }

        uint hash = 0;
        foreach (var c in longName)
        {
            hash = unchecked((hash * 31) + c);
        }

        for (var tail = 1; tail <= MostTails; tail++)
        {
            var hashed = stem[..Math.Min(2, stem.Length)] + ((hash ^ (hash >> 16)) & 0xFFFF).ToString("X4", CultureInfo.InvariantCulture);
            if (TryTail(hashed, tail, extension, isTaken) is { } alias)
            {
                return alias;
            }
        }

        throw FatDiagnostics.DirectoryFull.ToException("all short names for it are taken", longName);
    }

    private static byte[]? TryTail(string stem, int number, string extension, Func<string, bool> isTaken)
    {
        var tail = "~" + number.ToString(CultureInfo.InvariantCulture);
        var packed = Pack(stem[..Math.Min(stem.Length, StemLength - tail.Length)] + tail, extension);
        return isTaken(Decode(packed, 0)) ? null : packed;
    }

    /// <summary>Only ASCII goes into aliases: it is the same in every code page.</summary>
    private static string Clean(string part)
        => new([.. part.Where(c => c is not (' ' or '.')).Select(c => char.IsAsciiLetterLower(c) ? char.ToUpperInvariant(c) : IsPlain(c) ? c : '_').Take(StemLength)]);

    private static byte[] Pack(string stem, string extension)
    {
        var packed = new byte[Length];
        packed.AsSpan().Fill((byte)' ');
        for (var i = 0; i < stem.Length; i++)
        {
            packed[i] = (byte)stem[i];
        }

        for (var i = 0; i < extension.Length; i++)
        {
            packed[StemLength + i] = (byte)extension[i];
        }

        return packed;
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || "$%'-_@~`!(){}^#&".Contains(c, StringComparison.Ordinal);
}
