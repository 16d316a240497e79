using System.Buffers.Text;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Archives.Tar;

/// <summary>One 512-byte header block: POSIX.1-2001 ustar, GNU or V7.</summary>
public readonly ref struct TarHeader
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 512;

    private readonly ReadOnlySpan<byte> _block;
    private readonly FileOffset _offset;
    private readonly string _archive;

    /// <summary>Checks the header's checksum.</summary>
    public TarHeader(ReadOnlySpan<byte> block, FileOffset offset, string archive)
    {
        _block = block[..BlockSize];
        _offset = offset;
        _archive = archive;
        var found = Number(148, 8, "checksum");
        var needed = Sum(block);
        if (found != needed)
        {
            throw TarDiagnostics.BadHeader.ToException($"the member header at {offset} has checksum {found}, its bytes give {needed}", archive);
        }
    }

    /// <summary>The letter that says what the member is.</summary>
    public byte TypeFlag => _block[156];

    /// <summary>Bytes of the member.</summary>
    public long Size => Number(124, 12, "size");

    /// <summary>Permission bits.</summary>
    public int Mode => (int)(Number(100, 8, "mode") & 0xFFF);

    /// <summary>Seconds since 1970.</summary>
    public long ModifiedSeconds => Number(136, 12, "time");

    /// <summary>Name of the owner; empty when it has none.</summary>
    public string Owner => Text(265, 32);

    /// <summary>Name of the group; empty when it has none.</summary>
    public string Group => Text(297, 32);

    /// <summary>Target of a link; empty for other members.</summary>
    public string LinkName => Text(157, 100);

    /// <summary>Name; the prefix field exists in POSIX headers only, GNU keeps times there.</summary>
    public string Name
    {
        get
        {
            var name = Text(0, 100);
            var isPosix = _block.Slice(257, 6).SequenceEqual("ustar\0"u8);
            var prefix = isPosix ? Text(345, 155) : "";
            return prefix.Length == 0 ? name : prefix + "/" + name;
        }
    }

    /// <summary>Whether 512 bytes look like a header, without throwing.</summary>
    public static bool LooksLikeHeader(ReadOnlySpan<byte> block)
    {
        if (block.Length < BlockSize || block[0] == 0)
        {
            return false;
        }

        var field = block.Slice(148, 8).Trim(" \0"u8);
        return Utf8Parser.TryParse(field, out long found, out var used, 'D') && used == field.Length && OctalOf(found) == Sum(block);
    }

    private static long OctalOf(long decimalDigits)
    {
        var text = decimalDigits.ToString(CultureInfo.InvariantCulture);
        return text.Length > 8 || text.Any(digit => digit is < '0' or > '7') ? -1 : Convert.ToInt64(text, 8);
    }

    private static long Sum(ReadOnlySpan<byte> block)
    {
        long sum = 8 * ' ';
        for (var i = 0; i < BlockSize; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : block[i];
        }

        return sum;
    }

    private string Text(int start, int length)
    {
        var field = _block.Slice(start, length);
        var end = field.IndexOf((byte)0);
        return GuestText.Decode(end < 0 ? field : field[..end]);
    }

    /// <summary>Octal digits, or GNU's base 256 when the first bit is set (sizes of 8 GiB and more).</summary>
    private long Number(int start, int length, string what)
    {
        var field = _block.Slice(start, length);
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            value = field[0] & 0x7f;
            foreach (var digit in field[1..])
            {
                if (value > long.MaxValue >> 8)
                {
                    throw Bad(what, "is negative or more than a file can hold");
                }

                value = (value << 8) | digit;
            }

            return value;
        }

        var digits = field.Trim(" \0"u8);
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                throw Bad(what, "is not octal");
            }

            value = (value << 3) | (long)(digit - '0');
        }

        return value;
    }

    private DiagnosticException Bad(string what, string why)
        => (what == "checksum" ? TarDiagnostics.BadHeader : TarDiagnostics.BadNumber).ToException($"the {what} in the member header at {_offset} {why}", _archive);
}
