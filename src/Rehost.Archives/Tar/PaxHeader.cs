using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Archives.Tar;

/// <summary>What a pax extended header says of the member behind it: records of "length key=value\n", where the length counts the whole record (POSIX.1-2001, pax Extended Header).</summary>
/// <param name="Path">Name of the member.</param>
/// <param name="LinkPath">Target of the link.</param>
/// <param name="Size">Bytes of the member.</param>
/// <param name="SparseKey">The first key that says that the member is stored with holes (GNU.sparse.*), which is not read here.</param>
public sealed record PaxHeader(string? Path, string? LinkPath, long? Size, string? SparseKey)
{
    /// <summary>Reads the records; keys that say nothing of name and size are passed over.</summary>
    /// <param name="records">Content of the extended header.</param>
    /// <param name="offset">Where the header stands, for findings.</param>
    /// <param name="archive">Which archive, for findings.</param>
    /// <exception cref="DiagnosticException">TAR005, TAR006.</exception>
    public static PaxHeader Parse(ReadOnlySpan<byte> records, FileOffset offset, string archive)
    {
        var header = new PaxHeader(null, null, null, null);
        while (!records.IsEmpty)
        {
            var space = records.IndexOf((byte)' ');
            if (space is < 1 or > 8 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length <= space + 2 || length > records.Length || records[length - 1] != '\n')
            {
                throw TarDiagnostics.BadExtendedHeader.ToException($"a record of the extended header at {offset} has a wrong length", archive);
            }

            var record = records[(space + 1)..(length - 1)];
            records = records[length..];
            var equals = record.IndexOf((byte)'=');
            if (equals < 1)
            {
                throw TarDiagnostics.BadExtendedHeader.ToException($"a record of the extended header at {offset} has no '='", archive);
            }

            var value = record[(equals + 1)..];
            header = GuestText.Decode(record[..equals]) switch
            {
                "path" => header with { Path = GuestText.Decode(value) },
                "linkpath" => header with { LinkPath = GuestText.Decode(value) },
                "size" => header with { Size = ReadSize(value, offset, archive) },
                var key when key.StartsWith("GNU.sparse.", StringComparison.Ordinal) => header with { SparseKey = header.SparseKey ?? key },
                _ => header,
            };
        }

        return header;
    }

    private static long ReadSize(ReadOnlySpan<byte> value, FileOffset offset, string archive)
        => long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? size
            : throw TarDiagnostics.BadNumber.ToException($"the size in the extended header at {offset} is no size", archive);
}
