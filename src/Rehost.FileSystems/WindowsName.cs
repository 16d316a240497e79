using System.Buffers;

namespace Rehost.FileSystems;

/// <summary>Names that Windows can open again: what FAT and NTFS are given. Both hold more than that, which is read, and not made.</summary>
internal static class WindowsName
{
    internal const int LongestName = 255;
    private static readonly SearchValues<char> Reserved = SearchValues.Create("\"*/:<>?\\|");
    private static readonly string[] Devices =
    [
        "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
        "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
    ];

    /// <summary>Throws FIL009 when a name cannot be given.</summary>
    internal static void Demand(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (FindFault(name) is { } fault)
        {
            throw FileSystemDiagnostics.BadName.ToException(fault, name);
        }
    }

    /// <summary>Why a name cannot be given; null when it can.</summary>
    internal static string? FindFault(string name)
    {
        if (name.Length is 0 or > LongestName)
        {
            return $"the name has {name.Length} UTF-16 units, it must have 1 to {LongestName}";
        }

        if (name.AsSpan().ContainsAny(Reserved) || name.Any(c => c < ' '))
        {
            return "the name holds a control character or one of \"*/:<>?\\|";
        }

        if (name[^1] is '.' or ' ')
        {
            return "the name ends in a dot or space, which Windows cuts off";
        }

        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ');
        if (Devices.Contains(stem, StringComparer.OrdinalIgnoreCase))
        {
            return $"{stem} is the name of a device to Windows";
        }

        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] is >= '\uEF80' and <= '\uEFFF')
            {
                return $"the name is not text: byte 0x{name[i] - 0xEF00:x2} is not UTF-8"; // GuestText's escape
            }

            if (char.IsSurrogate(name[i]))
            {
                if (!char.IsHighSurrogate(name[i]) || i + 1 == name.Length || !char.IsLowSurrogate(name[i + 1]))
                {
                    return "the name holds half a surrogate pair";
                }

                i++;
            }
        }

        return null;
    }
}
