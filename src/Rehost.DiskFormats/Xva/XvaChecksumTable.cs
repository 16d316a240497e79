using System.Buffers;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// The member at the end of exports of XenServer 4.0 and before: an XML-RPC struct from member names to SHA-1. Only the places of the digits are taken
/// from it, so that a chunk's checksum is found in the archive whichever way it was exported.
/// </summary>
internal static class XvaChecksumTable
{
    private const int DigitCount = 40;
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    /// <summary>Finds the checksums.</summary>
    /// <param name="table">The member's bytes.</param>
    /// <param name="start">Where they lie in the archive.</param>
    public static Dictionary<string, FileOffset> Parse(ReadOnlySpan<byte> table, FileOffset start)
    {
        var found = new Dictionary<string, FileOffset>(StringComparer.Ordinal);
        var position = 0;
        while (table[position..].IndexOf("<name>"u8) is var open and >= 0)
        {
            position += open + "<name>"u8.Length;
            var close = table[position..].IndexOf("</name>"u8);
            if (close < 0)
            {
                break;
            }

            var name = GuestText.Decode(table.Slice(position, close));
            position += close;
            var end = table[position..].IndexOf("</member>"u8);
            var value = table.Slice(position, end < 0 ? table.Length - position : end);
            for (var at = 0; at + DigitCount <= value.Length; at++)
            {
                if (value[at - (at > 0 ? 1 : 0)] == '>' && !value.Slice(at, DigitCount).ContainsAnyExcept(Digits))
                {
                    found[name] = new FileOffset(start.Value + position + at);
                    break;
                }
            }

            position += value.Length;
        }

        return found;
    }
}
