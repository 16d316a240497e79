using Rehost.Archives.Tar;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Tar;

/// <summary>
/// The members of a tar archive as a directory of files, read in place: nothing is unpacked. A member's name is the whole of what can be referred to;
/// the host's files cannot be reached through it.
/// </summary>
public sealed class TarImageDirectory : IImageDirectory
{
    /// <summary>Far above what a package of a machine holds.</summary>
    public const int MemberLimit = 65_536;

    private readonly IBlockDevice _file;
    private readonly string _archive;
    private readonly Dictionary<string, TarMember> _members;
    private readonly string _prefix;

    private TarImageDirectory(IBlockDevice file, string archive, Dictionary<string, TarMember> members, string prefix)
    {
        _file = file;
        _archive = archive;
        _members = members;
        _prefix = prefix;
    }

    /// <summary>All members by their names, in the archive's order.</summary>
    public IReadOnlyList<string> Names => [.. _members.OrderBy(member => member.Value.Data.Value).Select(member => member.Key)];

    /// <summary>Lists an archive. Links, devices, names that lead out of it, and two members of one name are refused.</summary>
    /// <param name="file">The archive; it stays the caller's and must outlive everything that is opened.</param>
    /// <param name="archive">What to call it in messages.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <exception cref="DiagnosticException">It is no archive, damaged, or not what it should be (TAR…).</exception>
    public static TarImageDirectory Open(IBlockDevice file, string archive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(archive);
        var members = new Dictionary<string, TarMember>(StringComparer.Ordinal);
        foreach (var member in new TarReader(file, archive).ReadMembers(cancellationToken))
        {
            if (!members.TryAdd(member.Name, member))
            {
                throw TarDiagnostics.DuplicateName.ToException($"'{member.Name}' is there twice, at {members[member.Name].Data} and at {member.Data}", archive);
            }

            if (members.Count > MemberLimit)
            {
                throw TarDiagnostics.TooManyMembers.ToException($"more than {MemberLimit} members", archive);
            }
        }

        return new TarImageDirectory(file, archive, members, "");
    }

    /// <summary>Whether a file starts like a tar archive.</summary>
    public static bool LooksLikeArchive(ReadOnlySpan<byte> head) => TarHeader.LooksLikeHeader(head);

    /// <inheritdoc/>
    public ReferencedFile Open(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        var name = Resolve(reference) ?? throw BlockDiagnostics.OutsideDirectory.ToException($"'{reference}' leads out of the archive", _archive);
        var member = _members.TryGetValue(name, out var found) ? found : throw BlockDiagnostics.NotFound.ToException($"the archive has no member '{name}'", _archive);
        var slash = name.LastIndexOf('/');
        return new ReferencedFile(
            new SliceDevice(_file, new GuestOffset(member.Data.Value), member.Length, $"{_archive}/{name}"), $"{_archive}/{name}",
            new TarImageDirectory(_file, _archive, _members, slash < 0 ? "" : name[..(slash + 1)]));
    }

    /// <summary>Where a member's bytes lie in the archive; null when there is none of that name.</summary>
    public (FileOffset Start, long Length)? PlaceOf(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        return Resolve(reference) is { } name && _members.TryGetValue(name, out var member) ? (member.Data, member.Length) : null;
    }

    /// <inheritdoc/>
    public bool Exists(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        return Resolve(reference) is { } name && _members.ContainsKey(name);
    }

    /// <summary>The member's name; null for a reference that leads out.</summary>
    private string? Resolve(string reference)
    {
        if (reference.StartsWith('/') || reference.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        var parts = new List<string>();
        foreach (var part in (_prefix + reference).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                {
                    return null;
                }

                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }
}
