using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>
/// A binary package, read as data: no script of it is ever run. Hostile like any image: lengths are checked, paths stay in the guest, expansion is bounded.
/// </summary>
public abstract class SoftwarePackage
{
    /// <summary>More files than any package of a kernel has.</summary>
    public const int MaximumEntries = 200_000;

    /// <summary>More content than any package of a kernel has.</summary>
    public const long MaximumContent = 4L << 30;

    private protected SoftwarePackage(string where) => Where = where;

    /// <summary>rpm or deb.</summary>
    public abstract PackageFormat Format { get; }

    /// <summary>Name: kernel-xen.</summary>
    public required string Name { get; init; }

    /// <summary>Version as the format writes it: 2.6.18-128.2.1.el5, 1:2.0-3; the epoch in front where it has one.</summary>
    public required string Version { get; init; }

    /// <summary>Architecture in the format's words: x86_64, i686, noarch; amd64, i386, all.</summary>
    public required string Architecture { get; init; }

    /// <summary>Scripts that the package manager would run, by the format's names: postin, posttrans; postinst. Rehost runs none.</summary>
    public ImmutableArray<string> Scripts { get; init; } = [];

    /// <summary>What to call the file in messages.</summary>
    public string Where { get; }

    /// <summary>Yields the paths in order.</summary>
    /// <exception cref="DiagnosticException">The package is damaged.</exception>
    public abstract IEnumerable<PackageEntry> ReadEntries(CancellationToken cancellationToken = default);

    /// <summary>Whether bytes begin as a package does.</summary>
    public static bool LooksLike(ReadOnlySpan<byte> head) => RpmPackage.LooksLike(head) || DebPackage.LooksLike(head);

    /// <summary>Reads what a package says of itself.</summary>
    /// <param name="stream">The file: seekable; it must stay open as long as entries are read, and is left open.</param>
    /// <param name="where">What to call it in messages.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">It is none, damaged, or of a kind that cannot be installed.</exception>
    public static SoftwarePackage Open(Stream stream, string where, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> head = stackalloc byte[8];
        stream.Position = 0;
        var count = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        head = head[..count];
        return RpmPackage.LooksLike(head) ? RpmPackage.Read(stream, where, cancellationToken)
            : DebPackage.LooksLike(head) ? DebPackage.Read(stream, where, cancellationToken)
            : throw PackageDiagnostics.NotAPackage.ToException($"its first bytes are {Convert.ToHexString(head)}", where);
    }

    /// <summary>An absolute path without "." and without a way out.</summary>
    private protected string PathOf(string stored)
    {
        var parts = stored.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").ToList();
        return parts.Contains("..") || stored.Contains('\0', StringComparison.Ordinal) || stored.Length > CpioReader.MaxName
            ? throw PackageDiagnostics.BadPath.ToException($"\"{stored}\"", Where)
            : "/" + string.Join('/', parts);
    }

    private protected static bool IsPlainWord(string text) => text.Length is > 0 and < 256 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '+' or '-' or '~' or ':' or '^');
}
