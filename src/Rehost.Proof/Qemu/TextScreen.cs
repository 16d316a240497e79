using System.Text;

namespace Rehost.Proof.Qemu;

/// <summary>Reads what stands on a VGA screen in text mode, for machines without a serial line: characters and attributes by turns, from 0xB8000 on.</summary>
internal sealed class TextScreen
{
    /// <summary>Physical address of the text.</summary>
    public const long Address = 0xB8000;

    /// <summary>Bytes of it: Linux scrolls by moving the screen's start through all of them.</summary>
    public const int Length = 32 << 10;

    private const int Columns = 80;

    private HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>The lines that were not there the last time, from top to bottom; none when what is there is no text.</summary>
    public IReadOnlyList<string> Update(ReadOnlySpan<byte> memory)
    {
        var lines = Lines(memory);
        var fresh = lines.Where(line => !_seen.Contains(line)).Distinct().ToList();
        _seen = [.. lines];
        return fresh;
    }

    /// <summary>All lines that are not empty.</summary>
    public static IReadOnlyList<string> Lines(ReadOnlySpan<byte> memory)
    {
        var lines = new List<string>();
        for (var at = 0; at + (2 * Columns) <= memory.Length; at += 2 * Columns)
        {
            var line = new StringBuilder(Columns);
            for (var column = 0; column < Columns; column++)
            {
                // Code page 437 in the upper half: frames of menus, of no meaning here.
                var character = memory[at + (2 * column)];
                line.Append(character is >= 0x20 and < 0x7F ? (char)character : ' ');
            }

            if (line.ToString().TrimEnd() is { Length: > 0 } text)
            {
                lines.Add(text);
            }
        }

        return lines;
    }
}
