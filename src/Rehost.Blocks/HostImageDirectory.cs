using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A directory of the host. A reference is followed to the file it names in the end, symbolic links included, and that file must lie below the directory
/// of the source or below one that the operator allowed.
/// </summary>
public sealed class HostImageDirectory : IImageDirectory
{
    private const int ListLimit = 4096;
    private const int LinkLimit = 40; // as the kernel: ELOOP
    private readonly string _directory;
    private readonly ImmutableArray<string> _roots;

    private HostImageDirectory(string directory, ImmutableArray<string> roots)
    {
        _directory = directory;
        _roots = roots;
    }

    /// <summary>The directory of a file that the operator named, and what else he allows.</summary>
    /// <param name="path">The file; its directory is the root of all references.</param>
    /// <param name="allowedPaths">Further directories, or single files, that references may lead to.</param>
    /// <exception cref="DiagnosticException">A path cannot be resolved (BLK005).</exception>
    public static HostImageDirectory Of(string path, IEnumerable<string>? allowedPaths = null)
    {
        ArgumentNullException.ThrowIfNull(path);

        // The operator's own link is followed: the images that belong together lie where it leads.
        var real = Resolve(Path.GetFullPath(path)) ?? throw BlockDiagnostics.NotFound.ToException("no such file", path);
        var directory = Path.GetDirectoryName(real) ?? "/";
        var allowed = (allowedPaths ?? []).Select(one => Resolve(Path.GetFullPath(one)) ?? throw BlockDiagnostics.NotFound.ToException("no such file or directory", one));
        return new HostImageDirectory(directory, [directory, .. allowed]);
    }

    /// <inheritdoc/>
    public ReferencedFile Open(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        var path = Combine(reference);
        var real = Resolve(path) ?? throw BlockDiagnostics.NotFound.ToException("an image refers to it, and there is no such file", path);
        if (!IsAllowed(real))
        {
            throw BlockDiagnostics.OutsideDirectory.ToException($"'{reference}' leads to {real}, which is not below {string.Join(" or ", _roots)}", path);
        }

        return new ReferencedFile(FileDevice.OpenReferenced(real), real, new HostImageDirectory(Path.GetDirectoryName(real) ?? "/", _roots));
    }

    /// <inheritdoc/>
    public bool Exists(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        return !reference.Contains('\0', StringComparison.Ordinal) && reference.Length > 0 && Resolve(Combine(reference)) is { } real && IsAllowed(real) && File.Exists(real);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List()
    {
        var listed = new List<string>();
        foreach (var directory in _roots.Prepend(_directory).Distinct().Where(Directory.Exists))
        {
            try
            {
                // One directory with more files than this holds no virtual machine; the bound keeps a mistake from reading all of a file server.
                var names = new DirectoryInfo(directory).EnumerateFiles().Take(ListLimit).Select(file => directory == _directory ? file.Name : file.FullName);
                listed.AddRange(names.Order(StringComparer.Ordinal));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw BlockDiagnostics.ReadFailed.ToException($"listing it: {e.Message}", directory, e);
            }
        }

        return [.. listed, .. _roots.Where(File.Exists)];
    }

    private bool IsAllowed(string real) => _roots.Any(root => root == "/" || real == root || real.StartsWith(root + "/", StringComparison.Ordinal));

    private string Combine(string reference)
        => reference.Length == 0 || reference.Contains('\0', StringComparison.Ordinal)
            ? throw BlockDiagnostics.OutsideDirectory.ToException("an image refers to a file with an impossible name", _directory)
            : Path.Combine(_directory, reference);

    /// <summary>The path without links, "." and ".."; null when a part of it does not exist.</summary>
    private static string? Resolve(string path)
    {
        var todo = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var resolved = "/";
        for (var links = 0; todo.TryPop(out var name);)
        {
            if (name is "." or "..")
            {
                resolved = name == "." ? resolved : Path.GetDirectoryName(resolved) ?? "/";
                continue;
            }

            var next = Path.Combine(resolved, name);
            var info = new FileInfo(next);
            if (info.LinkTarget is not { } target)
            {
                if (!Path.Exists(next))
                {
                    return null;
                }

                resolved = next;
                continue;
            }

            if (++links > LinkLimit)
            {
                return null;
            }

            resolved = target.StartsWith('/') ? "/" : resolved;
            foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                todo.Push(part);
            }
        }

        return resolved;
    }
}
