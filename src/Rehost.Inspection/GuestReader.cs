using System.Buffers;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection;

/// <summary>
/// Reads the guest's files for inspection: what is missing, of another kind, too large or a link in a circle is simply not there, and is noted when it should have
/// been readable. Damage of the file system itself is not tolerated: facts read through it could be wrong.
/// </summary>
internal sealed class GuestReader(GuestTree tree, List<Diagnostic> findings)
{
    /// <summary>The most that is read of a configuration file: pygrub, too, reads no more than this of one.</summary>
    public const int MaximumText = 1 << 20;

    /// <summary>The most matches of one pattern that are looked at.</summary>
    public const int MaximumMatches = 4096;

    /// <summary>Blanks and line ends in a row. Expressions that look for the start of a line take the square of it, and no editor leaves that many.</summary>
    private const int MostBlanks = 512;

    public GuestTree Tree => tree;

    public List<Diagnostic> Findings => findings;

    /// <summary>A node, links followed; null when the path leads nowhere.</summary>
    public GuestNode? Find(string path, bool followLast = true)
    {
        try
        {
            return tree.TryResolve(path, followLast);
        }
        catch (DiagnosticException e) when (IsAboutThePath(e))
        {
            return null;
        }
    }

    public bool IsFile(string path) => Find(path)?.Kind == NodeKind.File;

    public bool IsDirectory(string path) => Find(path)?.Kind == NodeKind.Directory;

    /// <summary>Whether a name is there, be it a dangling link: a masked unit, a link into a volume that is not mounted.</summary>
    public bool IsThere(string path) => Find(path, followLast: false) is not null;

    /// <summary>A text file; null when there is none.</summary>
    public string? Text(string path)
    {
        try
        {
            return IsFile(path) && tree.ReadText(path, MaximumText) is { } text && IsPlausible(path, text) ? text : null;
        }
        catch (DiagnosticException e) when (IsAboutThePath(e))
        {
            findings.Add(InspectionDiagnostics.FileSkipped.Create(e.Diagnostic.Message, path));
            return null;
        }
    }

    /// <summary>Whether a text is one that programs and people write; notes it when it is not.</summary>
    public bool IsPlausible(string path, ReadOnlySpan<char> text)
    {
        for (var at = 0; at < text.Length;)
        {
            var rest = text[at..];
            var start = rest.IndexOfAny(Blanks);
            if (start < 0)
            {
                return true;
            }

            var length = rest[start..].IndexOfAnyExcept(Blanks);
            length = length < 0 ? rest.Length - start : length;
            if (length > MostBlanks)
            {
                findings.Add(InspectionDiagnostics.FileSkipped.Create($"it has {length} blanks and line ends in a row; {MostBlanks} at most are taken for a text", path));
                return false;
            }

            at += start + length;
        }

        return true;
    }

    /// <summary>The first bytes of a file; fewer when it is shorter, none when it is missing.</summary>
    public byte[] Head(string path, int length)
    {
        if (!IsFile(path))
        {
            return [];
        }

        var head = new byte[length];
        var done = 0;
        while (done < length)
        {
            var count = tree.Read(path, done, head.AsSpan(done));
            if (count <= 0)
            {
                break;
            }

            done += count;
        }

        return head[..done];
    }

    /// <summary>Entries of a directory, none when it is missing.</summary>
    public IEnumerable<GuestEntry> List(string path) => IsDirectory(path) ? tree.List(path).Take(MaximumMatches) : [];

    /// <summary>Paths that match a pattern.</summary>
    public IReadOnlyList<string> Glob(string pattern)
    {
        try
        {
            return [.. tree.Glob(pattern).Take(MaximumMatches)];
        }
        catch (DiagnosticException e) when (IsAboutThePath(e))
        {
            findings.Add(InspectionDiagnostics.FileSkipped.Create(e.Diagnostic.Message, pattern));
            return [];
        }
    }

    private static readonly SearchValues<char> Blanks = SearchValues.Create(" \t\r\n\v\f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000");

    private static bool IsAboutThePath(DiagnosticException e)
        => e.Diagnostic.Id == FileSystemDiagnostics.NotFound.Id || e.Diagnostic.Id == FileSystemDiagnostics.WrongKind.Id
        || e.Diagnostic.Id == FileSystemDiagnostics.LinkLoop.Id || e.Diagnostic.Id == FileSystemDiagnostics.TooLarge.Id;
}
