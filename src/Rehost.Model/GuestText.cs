using System.Text;

namespace Rehost.Model;

/// <summary>
/// Guest bytes (file names, configuration files) as .NET strings, without loss. Guests of 2005 hold Latin-1; a file name is any byte but NUL and '/'.
/// Valid UTF-8 decodes as itself. Every other byte b becomes the private-use character U+EF00+b (b ≥ 0x80), and so do the bytes of characters that
/// are themselves in U+EF80..U+EFFF, which makes the mapping a bijection between byte strings and decoded strings that survives JSON.
/// </summary>
public static class GuestText
{
    private const char EscapeBase = '\uEF00';

    /// <summary>Decodes guest bytes; never fails.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        Span<char> pair = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var consumed);
            if (status != System.Buffers.OperationStatus.Done || IsEscape(rune.Value))
            {
                foreach (var raw in bytes[..consumed])
                {
                    text.Append((char)(EscapeBase + raw));
                }
            }
            else
            {
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }

    /// <summary>Encodes a string to guest bytes; the inverse of <see cref="Decode"/>. Lone surrogates, which no guest text decodes to, become U+FFFD.</summary>
    public static byte[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = new List<byte>(text.Length);
        Span<byte> unit = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsEscape(rune.Value))
            {
                bytes.Add((byte)(rune.Value - EscapeBase));
            }
            else
            {
                bytes.AddRange(unit[..rune.EncodeToUtf8(unit)]);
            }
        }

        return [.. bytes];
    }

    /// <summary>The byte that a character stands for, when it stands for one that was no text.</summary>
    internal static bool TryGetRawByte(int codePoint, out byte raw)
    {
        raw = IsEscape(codePoint) ? (byte)(codePoint - EscapeBase) : (byte)0;
        return raw != 0;
    }

    private static bool IsEscape(int codePoint) => codePoint is >= 0xEF80 and <= 0xEFFF;
}
