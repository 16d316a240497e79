using System.Globalization;
using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>One header of a tar archive.</summary>
/// <param name="Name">As stored, long names put together.</param>
/// <param name="Type">Type flag: '0' file, '1' hard link, '2' symbolic link, '5' directory.</param>
/// <param name="Mode">Permission bits.</param>
/// <param name="User">Name of the owner; empty when it has none.</param>
/// <param name="Group">Name of the group; empty when it has none.</param>
/// <param name="ModifiedSeconds">Seconds since 1970.</param>
/// <param name="Size">Bytes of content.</param>
/// <param name="LinkName">Target of a link.</param>
internal sealed record TarEntry(string Name, char Type, int Mode, string User, string Group, long ModifiedSeconds, long Size, string LinkName);

/// <summary>Reads a tar archive forward: ustar and old GNU headers, GNU's long names, pax records of path, linkpath, size (POSIX.1-2001 pax; tar(5)).</summary>
internal sealed class TarReader(Stream source, string where, CancellationToken cancellationToken)
{
    private const int Block = 512;
    private const int MaximumRecord = 1 << 20;

    private long _left;
    private int _padding;
    private int _entries;

    /// <summary>Goes to the next entry; null at the end.</summary>
    public TarEntry? Next()
    {
        string? name = null, link = null;
        long? size = null;
        Span<byte> header = stackalloc byte[Block];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Skip();
            var count = source.ReadAtLeast(header, Block, throwOnEndOfStream: false);
            if (count == 0 || (count == Block && !header.ContainsAnyExcept((byte)0)))
            {
                return null;
            }

            if (count < Block || ++_entries > SoftwarePackage.MaximumEntries * 3)
            {
                throw PackageDiagnostics.Truncated.ToException($"a header of a tar archive has {count} bytes", where);
            }

            Demand(header);
            _left = Number(header.Slice(124, 12));
            var type = header[156] == 0 ? '0' : (char)header[156];
            if (type is 'L' or 'K' or 'x' or 'g')
            {
                _padding = Padding(_left);
                var text = ReadAll(MaximumRecord);
                switch (type)
                {
                    case 'L':
                        name = Text(text);
                        break;
                    case 'K':
                        link = Text(text);
                        break;
                    case 'x':
                        Pax(text, ref name, ref link, ref size);
                        break;
                    default:
                        break; // a global record of pax: a comment
                }

                continue;
            }

            _left = type is '0' or '7' ? size ?? _left : 0;
            _padding = Padding(_left);
            var prefix = header.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Text(header.Slice(345, 155)) : "";
            var own = Text(header[..100]);
            return new TarEntry(name ?? (prefix.Length > 0 ? $"{prefix}/{own}" : own), type, (int)(Number(header.Slice(100, 8)) & 0xFFF), Text(header.Slice(265, 32)), Text(header.Slice(297, 32)),
                Number(header.Slice(136, 12)), _left, link ?? Text(header.Slice(157, 100)));
        }
    }

    /// <summary>Reads the content of the entry.</summary>
    public byte[] ReadAll(long limit)
    {
        if (_left > limit)
        {
            throw PackageDiagnostics.Limit.ToException($"a file has {_left} bytes, at most {limit} are taken", where);
        }

        // Grown as bytes come: a length is believed only when they are there.
        using var content = new MemoryStream();
        var buffer = new byte[(int)Math.Min(1 << 16, Math.Max(1, _left))];
        while (_left > 0)
        {
            var count = source.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, _left)));
            if (count == 0)
            {
                throw PackageDiagnostics.Truncated.ToException($"{_left} bytes of a file are missing", where);
            }

            content.Write(buffer, 0, count);
            _left -= count;
        }

        return content.ToArray();
    }

    private void Skip()
    {
        var rest = _left + _padding;
        (_left, _padding) = (0, 0);
        var buffer = new byte[(int)Math.Min(1 << 16, Math.Max(1, rest))];
        while (rest > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = source.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, rest)));
            if (count == 0)
            {
                throw PackageDiagnostics.Truncated.ToException($"{rest} bytes of a tar archive are missing", where);
            }

            rest -= count;
        }
    }

    private static int Padding(long size) => (int)(-size & (Block - 1));

    private void Demand(ReadOnlySpan<byte> header)
    {
        var sum = 0;
        for (var i = 0; i < Block; i++)
        {
            sum += i is >= 148 and < 156 ? ' ' : header[i];
        }

        if (sum != Number(header.Slice(148, 8)))
        {
            throw PackageDiagnostics.Corrupt.ToException($"the checksum of a tar header is {sum}, the header says {Number(header.Slice(148, 8))}", where);
        }
    }

    // Octal digits, or base 256 where the first bit is set (GNU).
    private long Number(ReadOnlySpan<byte> field)
    {
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            for (var i = 0; i < field.Length; i++)
            {
                value = value < 1L << 54 ? (value << 8) | (i == 0 ? field[i] & 0x7fL : field[i]) : throw PackageDiagnostics.Corrupt.ToException("a number of a tar header is beyond all reason", where);
            }

            return value;
        }

        foreach (var letter in field.Trim(" \0"u8))
        {
            value = letter is >= (byte)'0' and <= (byte)'7' && value < 1L << 54 ? (value << 3) | (uint)(letter - '0') : throw PackageDiagnostics.Corrupt.ToException($"\"{GuestText.Decode(field)}\" in a tar header is no number", where);
        }

        return value;
    }

    // "26 path=./usr/lib/x\n": the length of the record, with itself.
    private void Pax(ReadOnlySpan<byte> text, ref string? name, ref string? link, ref long? size)
    {
        while (!text.IsEmpty)
        {
            var space = text.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(text[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length <= space + 1 || length > text.Length)
            {
                throw PackageDiagnostics.Corrupt.ToException("a pax record has no length", where);
            }

            var record = GuestText.Decode(text[(space + 1)..length]).TrimEnd('\n');
            text = text[length..];
            var equals = record.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (record, "") : (record[..equals], record[(equals + 1)..]);
            switch (key)
            {
                case "path":
                    name = value;
                    break;
                case "linkpath":
                    link = value;
                    break;
                case "size":
                    size = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw PackageDiagnostics.Corrupt.ToException($"a pax record has the size \"{value}\"", where);
                    break;
                default:
                    break;
            }
        }
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return GuestText.Decode(end < 0 ? field : field[..end]);
    }
}
