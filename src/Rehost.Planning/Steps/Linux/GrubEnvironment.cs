namespace Rehost.Planning.Steps.Linux;

/// <summary>GRUB's environment block: 1024 bytes, a line "# GRUB Environment Block", lines name=value, filled up with '#' (GRUB manual, "The GRUB environment block").</summary>
internal static class GrubEnvironment
{
    /// <summary>GRUB reads and writes exactly this much.</summary>
    public const int Size = 1024;

    /// <summary>The value of a variable; null when it is not set.</summary>
    public static string? Value(string block, string name)
        => Lines.Of(block).FirstOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal)) is { } line ? line[(name.Length + 1)..] : null;

    /// <summary>The block with a variable set anew; longer than <see cref="Size"/> when it does not fit.</summary>
    public static string With(string block, string name, string value)
    {
        var lines = Lines.Of(block).Where(line => line.Length > 0 && !IsFill(line)).Select(line => line.StartsWith(name + "=", StringComparison.Ordinal) ? $"{name}={value}" : line);
        var text = string.Concat(lines.Select(line => line + "\n"));
        return text.PadRight(Size, '#');
    }

    private static bool IsFill(string line) => line.All(letter => letter == '#');
}
