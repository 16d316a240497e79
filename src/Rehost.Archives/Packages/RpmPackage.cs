using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>An rpm: a lead of 96 bytes, a header of signatures padded to eight bytes, the header, and a compressed cpio archive (RPM file format, versions 3 and 4).</summary>
internal sealed class RpmPackage : SoftwarePackage
{
    private const int LeadLength = 96;
    private const int TagName = 1000, TagVersion = 1001, TagRelease = 1002, TagEpoch = 1003, TagArchitecture = 1022, TagPayloadFormat = 1124, TagPayloadCompressor = 1125, TagPayloadDigest = 5092;
    private const int TagFileUsers = 1039, TagFileGroups = 1040, TagDirectoryIndexes = 1116, TagBaseNames = 1117, TagDirectoryNames = 1118, TagOldFileNames = 1027;
    private const int SignatureMd5 = 1004, SignatureSha256 = 273;

    private static readonly (int Tag, string Name)[] ScriptTags = [(1023, "prein"), (1024, "postin"), (1025, "preun"), (1026, "postun"), (1151, "pretrans"), (1152, "posttrans"), (1065, "triggers")];

    private readonly Stream _stream;
    private readonly long _payload;
    private readonly CompressionKind _compression;

    private RpmPackage(Stream stream, string where, long payload, CompressionKind compression)
        : base(where)
    {
        _stream = stream;
        _payload = payload;
        _compression = compression;
    }

    public override PackageFormat Format => PackageFormat.Rpm;

    /// <summary>Names of users and groups by path; only the header has them.</summary>
    private Dictionary<string, (string User, string Group)> Owners { get; init; } = [];

    public static new bool LooksLike(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0xed, 0xab, 0xee, 0xdb]);

    public static RpmPackage Read(Stream stream, string where, CancellationToken cancellationToken)
    {
        Span<byte> lead = stackalloc byte[LeadLength];
        stream.Position = 0;
        RpmHeader.ReadExactly(stream, lead, where);
        if (lead[4] is not (3 or 4) || lead[6] != 0 || lead[7] == 1)
        {
            throw PackageDiagnostics.Unsupported.ToException(lead[7] == 1 ? "it is a source package" : $"it has version {lead[4]}, needed: 3 or 4", where);
        }

        var signatures = RpmHeader.Read(stream, where);
        stream.Position = LeadLength + ((signatures.Length + 7) & ~7L);
        var start = stream.Position;
        var header = RpmHeader.Read(stream, where);
        var payload = stream.Position;
        Verify(stream, signatures, header, start, payload, where, cancellationToken);
        if (header.Text(TagPayloadFormat) is { } format && format != "cpio")
        {
            throw PackageDiagnostics.Unsupported.ToException($"its payload is of the format {format}, needed: cpio", where);
        }

        Span<byte> head = stackalloc byte[Decompressor.DetectLength];
        stream.Position = payload;
        var count = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        var version = $"{Word(header, TagVersion, where)}-{Word(header, TagRelease, where)}";
        return new RpmPackage(stream, where, payload, Decompressor.Detect(head[..count]))
        {
            Name = Word(header, TagName, where),
            Version = header.Number(TagEpoch) is { } epoch and > 0 ? string.Create(CultureInfo.InvariantCulture, $"{epoch}:{version}") : version,
            Architecture = Word(header, TagArchitecture, where),
            Scripts = [.. ScriptTags.Where(tag => header.Has(tag.Tag)).Select(tag => tag.Name)],
            Owners = OwnersOf(header, where),
        };
    }

    public override IEnumerable<PackageEntry> ReadEntries(CancellationToken cancellationToken = default)
    {
        var packed = new StreamWindow(_stream, _payload, _stream.Length - _payload);
        using var plain = _compression == CompressionKind.None ? packed : (Stream)Decompressor.Open(_compression, packed, MaximumContent, where: Where, cancellationToken: cancellationToken);
        var archive = new CpioReader(plain, Where, cancellationToken);

        // The content of several names of one file comes with the last of them.
        var waiting = new Dictionary<uint, List<CpioEntry>>();
        var count = 0;
        while (archive.Next() is { } entry)
        {
            if (++count > MaximumEntries)
            {
                throw PackageDiagnostics.Limit.ToException($"it has more than {MaximumEntries} files", Where);
            }

            if (entry.IsHardLink && entry.Size == 0)
            {
                waiting.TryAdd(entry.Inode, []);
                waiting[entry.Inode].Add(entry);
                continue;
            }

            var path = PathOf(entry.Path);
            yield return Entry(entry, path, entry.IsSymbolicLink ? GuestText.Decode(archive.ReadAllContent(CpioReader.MaxName)) : null, archive);
            if (entry.IsHardLink && waiting.Remove(entry.Inode, out var names))
            {
                foreach (var name in names)
                {
                    yield return Link(name, path);
                }
            }
        }

        // Several names of an empty file.
        foreach (var names in waiting.Values)
        {
            yield return Entry(names[0], PathOf(names[0].Path), null, null);
            foreach (var name in names.Skip(1))
            {
                yield return Link(name, PathOf(names[0].Path));
            }
        }
    }

    private PackageEntry Link(CpioEntry entry, string target)
    {
        var path = PathOf(entry.Path);
        return new PackageEntry(_ => []) { Path = path, Kind = PackageEntryKind.HardLink, LinkTarget = target, Permissions = (int)(entry.Mode & 0xFFF), ModifiedSeconds = entry.ModifiedSeconds };
    }

    private PackageEntry Entry(CpioEntry entry, string path, string? link, CpioReader? archive)
    {
        var (user, group) = Owners.GetValueOrDefault(path, ("root", "root"));
        return new PackageEntry(limit => archive is null ? [] : archive.ReadAllContent(limit))
        {
            Path = path,
            Kind = entry.IsFile ? PackageEntryKind.File : entry.IsDirectory ? PackageEntryKind.Directory : entry.IsSymbolicLink ? PackageEntryKind.SymbolicLink : PackageEntryKind.Other,
            Permissions = (int)(entry.Mode & 0xFFF),
            User = user,
            Group = group,
            ModifiedSeconds = entry.ModifiedSeconds,
            Size = entry.IsFile ? entry.Size : 0,
            LinkTarget = link,
        };
    }

    private static string Word(RpmHeader header, int tag, string where)
        => header.Text(tag) is { } text && IsPlainWord(text) ? text : throw PackageDiagnostics.Corrupt.ToException($"tag {tag} says \"{header.Text(tag)}\"", where);

    private static Dictionary<string, (string User, string Group)> OwnersOf(RpmHeader header, string where)
    {
        var users = header.Texts(TagFileUsers);
        var groups = header.Texts(TagFileGroups);
        var owners = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        if (users.All(user => user == "root") && groups.All(group => group == "root"))
        {
            return owners;
        }

        var names = header.Texts(TagBaseNames);
        var directories = header.Texts(TagDirectoryNames);
        var indexes = header.Numbers(TagDirectoryIndexes, names.Count);
        var paths = names.Count == 0 ? [.. header.Texts(TagOldFileNames)] : names.Select((name, i) => i < indexes.Length && indexes[i] < directories.Count ? directories[(int)indexes[i]] + name : throw PackageDiagnostics.Corrupt.ToException($"file {i} is in no directory", where)).ToList();
        for (var i = 0; i < paths.Count && i < users.Count && i < groups.Count; i++)
        {
            owners.TryAdd(paths[i], (users[i], groups[i]));
        }

        return owners;
    }

    // The package's own checksums: of everything behind the signatures (MD5, since 1995), of the header and of the payload (SHA-256, since 4.14).
    private static void Verify(Stream stream, RpmHeader signatures, RpmHeader header, long start, long payload, string where, CancellationToken cancellationToken)
    {
        if (signatures.Text(SignatureSha256) is { } wanted)
        {
            Demand(wanted, Hash(stream, HashAlgorithmName.SHA256, start, payload - start, cancellationToken), "header", where);
        }

        if (header.Text(TagPayloadDigest) is { Length: 64 } digest)
        {
            Demand(digest, Hash(stream, HashAlgorithmName.SHA256, payload, stream.Length - payload, cancellationToken), "payload", where);
        }
        else if (signatures.Bytes(SignatureMd5) is { Length: 16 } md5)
        {
            Demand(Convert.ToHexStringLower(md5), Hash(stream, HashAlgorithmName.MD5, start, stream.Length - start, cancellationToken), "content", where);
        }
    }

    private static void Demand(string wanted, string found, string what, string where)
    {
        if (!string.Equals(wanted, found, StringComparison.OrdinalIgnoreCase))
        {
            throw PackageDiagnostics.Corrupt.ToException($"the checksum of its {what} is {found}, the package says {wanted}", where);
        }
    }

    private static string Hash(Stream stream, HashAlgorithmName algorithm, long offset, long length, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(algorithm);
        using var window = new StreamWindow(stream, offset, length);
        var buffer = new byte[1 << 16];
        for (var count = window.Read(buffer); count > 0; count = window.Read(buffer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
