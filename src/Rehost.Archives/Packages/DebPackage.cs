using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>A deb: an ar archive of debian-binary, control.tar and data.tar, the latter two compressed (deb(5)).</summary>
internal sealed class DebPackage : SoftwarePackage
{
    private const int HeaderLength = 60;
    private const int MaximumControl = 16 << 20;

    private static readonly string[] ScriptNames = ["preinst", "postinst", "prerm", "postrm", "config", "triggers"];

    private readonly Stream _stream;
    private readonly (long Offset, long Length) _data;

    private DebPackage(Stream stream, string where, (long Offset, long Length) data)
        : base(where)
    {
        _stream = stream;
        _data = data;
    }

    public override PackageFormat Format => PackageFormat.Deb;

    public static new bool LooksLike(ReadOnlySpan<byte> head) => head.StartsWith("!<arch>\n"u8);

    public static DebPackage Read(Stream stream, string where, CancellationToken cancellationToken)
    {
        var members = Members(stream, where);
        var version = Find(members, "debian-binary", where);
        Span<byte> number = stackalloc byte[2];
        stream.Position = version.Offset;
        RpmHeader.ReadExactly(stream, number, where);
        if (!number.SequenceEqual("2."u8))
        {
            throw PackageDiagnostics.Unsupported.ToException($"it has version \"{Encoding.ASCII.GetString(number)}\", needed: 2.0", where);
        }

        var (fields, scripts) = Control(stream, Find(members, "control.tar", where), where, cancellationToken);
        string Field(string name) => fields.GetValueOrDefault(name) is { } text && IsPlainWord(text) ? text : throw PackageDiagnostics.Corrupt.ToException($"{name} in its control file is \"{fields.GetValueOrDefault(name)}\"", where);
        return new DebPackage(stream, where, Find(members, "data.tar", where)) { Name = Field("Package"), Version = Field("Version"), Architecture = Field("Architecture"), Scripts = scripts };
    }

    public override IEnumerable<PackageEntry> ReadEntries(CancellationToken cancellationToken = default)
    {
        using var plain = Open(_stream, _data, MaximumContent, Where, cancellationToken);
        var archive = new TarReader(plain, Where, cancellationToken);
        var count = 0;
        while (archive.Next() is { } entry)
        {
            if (++count > MaximumEntries)
            {
                throw PackageDiagnostics.Limit.ToException($"it has more than {MaximumEntries} files", Where);
            }

            var kind = entry.Type switch
            {
                '0' or '7' => PackageEntryKind.File,
                '1' => PackageEntryKind.HardLink,
                '2' => PackageEntryKind.SymbolicLink,
                '5' => PackageEntryKind.Directory,
                _ => PackageEntryKind.Other,
            };
            yield return new PackageEntry(archive.ReadAll)
            {
                Path = PathOf(entry.Name),
                Kind = kind,
                Permissions = entry.Mode,
                User = entry.User.Length == 0 ? "root" : entry.User,
                Group = entry.Group.Length == 0 ? "root" : entry.Group,
                ModifiedSeconds = entry.ModifiedSeconds,
                Size = kind == PackageEntryKind.File ? entry.Size : 0,
                LinkTarget = kind == PackageEntryKind.SymbolicLink ? entry.LinkName : kind == PackageEntryKind.HardLink ? PathOf(entry.LinkName) : null,
            };
        }
    }

    // "name/          date        uid   gid   mode    size      `\n", content at an even offset.
    private static Dictionary<string, (long Offset, long Length)> Members(Stream stream, string where)
    {
        var members = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        Span<byte> header = stackalloc byte[HeaderLength];
        var position = 8L;
        while (position < stream.Length && members.Count < 16)
        {
            stream.Position = position;
            RpmHeader.ReadExactly(stream, header, where);
            if (header[58] != 0x60 || header[59] != (byte)'\n' || !long.TryParse(Encoding.ASCII.GetString(header.Slice(48, 10)).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                || size > stream.Length - position - HeaderLength)
            {
                throw PackageDiagnostics.Corrupt.ToException($"the member at offset {position} has no header that fits", where);
            }

            members.TryAdd(Encoding.ASCII.GetString(header[..16]).TrimEnd().TrimEnd('/'), (position + HeaderLength, size));
            position += HeaderLength + size + (size & 1);
        }

        return members;
    }

    private static (long Offset, long Length) Find(Dictionary<string, (long Offset, long Length)> members, string name, string where)
    {
        var found = members.Where(member => member.Key == name || member.Key.StartsWith(name + ".", StringComparison.Ordinal)).Select(member => ((long, long)?)member.Value).FirstOrDefault();
        return found ?? throw PackageDiagnostics.Corrupt.ToException($"it has no {name}, found: {string.Join(", ", members.Keys)}", where);
    }

    private static Stream Open(Stream stream, (long Offset, long Length) part, long limit, string where, CancellationToken cancellationToken)
    {
        Span<byte> head = stackalloc byte[Decompressor.DetectLength];
        head = head[..(int)Math.Min(head.Length, part.Length)];
        stream.Position = part.Offset;
        RpmHeader.ReadExactly(stream, head, where);
        var kind = Decompressor.Detect(head);
        var window = new StreamWindow(stream, part.Offset, part.Length);

        // Large packages are compressed by several processors, as members one behind the other.
        return kind == CompressionKind.None ? window : Decompressor.Open(kind, window, limit, concatenated: true, where: where, cancellationToken: cancellationToken);
    }

    private static (Dictionary<string, string> Fields, ImmutableArray<string> Scripts) Control(Stream stream, (long Offset, long Length) part, string where, CancellationToken cancellationToken)
    {
        using var plain = Open(stream, part, MaximumControl, where, cancellationToken);
        var archive = new TarReader(plain, where, cancellationToken);
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        var scripts = new List<string>();
        while (archive.Next() is { } entry)
        {
            var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
            if (ScriptNames.Contains(name))
            {
                scripts.Add(name);
            }

            if (name != "control" || entry.Type != '0')
            {
                continue;
            }

            foreach (var line in GuestText.Decode(archive.ReadAll(1 << 20)).Split('\n'))
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon > 0 && !char.IsWhiteSpace(line[0]))
                {
                    fields.TryAdd(line[..colon], line[(colon + 1)..].Trim());
                }
            }
        }

        return (fields, [.. scripts.Distinct(StringComparer.Ordinal)]);
    }
}
