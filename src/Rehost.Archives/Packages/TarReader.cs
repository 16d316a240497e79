using Rehost.Archives.Tar;
using Rehost.Blocks;
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
    private const int MaximumRecord = 1 << 20;

    private long _left;
    private int _padding;
    private long _position;
    private int _entries;

    /// <summary>Goes to the next entry; null at the end.</summary>
    public TarEntry? Next()
    {
        string? name = null, link = null;
        long? size = null;
        Span<byte> block = stackalloc byte[TarHeader.BlockSize];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Skip();
            var offset = new FileOffset(_position);
            var count = source.ReadAtLeast(block, block.Length, throwOnEndOfStream: false);
            _position += count;
            if (count == 0 || (count == block.Length && !block.ContainsAnyExcept((byte)0)))
            {
                return null;
            }

            if (count < block.Length || ++_entries > SoftwarePackage.MaximumEntries * 3)
            {
                throw PackageDiagnostics.Truncated.ToException($"a header of a tar archive has {count} bytes", where);
            }

            var header = new TarHeader(block, offset, where);
            var type = header.TypeFlag == 0 ? '0' : (char)header.TypeFlag;
            if (type is 'L' or 'K' or 'x' or 'g')
            {
                Begin(header.Size);
                var content = ReadAll(MaximumRecord);
                switch (type)
                {
                    case 'L':
                        name = Text(content);
                        break;
                    case 'K':
                        link = Text(content);
                        break;
                    case 'x':
                        var extended = PaxHeader.Parse(content, offset, where);
                        (name, link, size) = (extended.Path ?? name, extended.LinkPath ?? link, extended.Size ?? size);
                        break;
                    default:
                        break; // a global record of pax: a comment
                }

                continue;
            }

            Begin(type is '0' or '7' ? size ?? header.Size : 0);
            return new TarEntry(name ?? header.Name, type, header.Mode, header.Owner, header.Group, header.ModifiedSeconds, _left, link ?? header.LinkName);
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
            _position += count;
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
            _position += count;
        }
    }

    private void Begin(long size)
    {
        _left = size <= long.MaxValue - TarHeader.BlockSize ? size : throw PackageDiagnostics.Corrupt.ToException($"a file of a tar archive has {size} bytes", where);
        _padding = (int)(-size & (TarHeader.BlockSize - 1));
    }

    private static string Text(ReadOnlySpan<byte> field) => GuestText.Decode(field.TrimEnd((byte)0));
}
