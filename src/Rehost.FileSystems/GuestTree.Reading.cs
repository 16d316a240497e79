using Rehost.Model;

namespace Rehost.FileSystems;

/// <content>Reading.</content>
public sealed partial class GuestTree
{
    private const int DefaultTextLimit = 4 << 20;

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file; links are followed.</param>
    /// <param name="maxBytes">The most that is reasonable for this file.</param>
    /// <exception cref="DiagnosticException">Missing (FIL001), not a regular file (FIL002), or larger than allowed (FIL007).</exception>
    public byte[] ReadAllBytes(string path, long maxBytes)
    {
        var file = Demand(path, NodeKind.File);
        var length = file.Metadata.Length;
        if (length < 0 || length > Math.Min(maxBytes, Array.MaxLength))
        {
            throw FileSystemDiagnostics.TooLarge.ToException($"the file has {length} bytes, at most {maxBytes} are reasonable", path);
        }

        var content = new byte[length];
        var done = 0;
        while (done < content.Length)
        {
            var count = file.FileSystem.Read(file.Node, done, content.AsSpan(done));
            if (count <= 0)
            {
                break;
            }

            done += count;
        }

        return done == content.Length ? content : content[..done];
    }

    /// <summary>Reads a whole text file, decoded by <see cref="GuestText"/>, line ends as they are.</summary>
    /// <param name="path">The file; links are followed.</param>
    /// <param name="maxBytes">The most that is reasonable for this file.</param>
    /// <exception cref="DiagnosticException">As <see cref="ReadAllBytes"/>.</exception>
    public string ReadText(string path, int maxBytes = DefaultTextLimit) => GuestText.Decode(ReadAllBytes(path, maxBytes));

    /// <summary>Reads a part of a file; less than asked only at its end.</summary>
    /// <param name="path">The file; links are followed.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="buffer">Where to.</param>
    /// <exception cref="DiagnosticException">Missing (FIL001) or not a regular file (FIL002).</exception>
    public int Read(string path, long offset, Span<byte> buffer)
    {
        var file = Demand(path, NodeKind.File);
        return file.FileSystem.Read(file.Node, offset, buffer);
    }

    /// <summary>Entries of a directory, sorted by name (ordinal), so that what is derived from them is deterministic.</summary>
    /// <exception cref="DiagnosticException">Missing (FIL001) or not a directory (FIL002).</exception>
    public IEnumerable<GuestEntry> List(string path)
    {
        var directory = Demand(path, NodeKind.Directory);
        return ListEntries(directory.FileSystem, directory.Node)
            .Select(entry => new GuestEntry(entry.Name, Combine(directory.Path, entry.Name), entry.Kind))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>What is in a directory that was found already, sorted by name (ordinal), without a walk from the root for each; each is loaded when its turn comes.</summary>
    /// <param name="directory">A directory of this tree.</param>
    /// <exception cref="DiagnosticException">It is no directory (FIL002), or damaged.</exception>
    public IEnumerable<GuestNode> Children(GuestNode directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        if (directory.Kind != NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"found {directory.Kind}, needed {NodeKind.Directory}", directory.Path);
        }

        var entries = ListEntries(directory.FileSystem, directory.Node).ToArray();
        Array.Sort(entries, (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return entries.Select(entry =>
        {
            var (fileSystem, node) = Mounted(directory.FileSystem, entry.Node);
            return new GuestNode(fileSystem, node, fileSystem.GetMetadata(node), Combine(directory.Path, entry.Name));
        });
    }

    /// <summary>The target of a symbolic link, as stored.</summary>
    /// <exception cref="DiagnosticException">Missing (FIL001) or not a symbolic link (FIL002).</exception>
    public string ReadLink(string path)
    {
        var link = Resolve(path, followLast: false);
        return link.Kind == NodeKind.SymbolicLink
            ? link.FileSystem.ReadLink(link.Node)
            : throw FileSystemDiagnostics.WrongKind.ToException($"found {link.Kind}, needed {NodeKind.SymbolicLink}", path);
    }

    /// <summary>Names (with namespace) and values of all extended attributes.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLast">Whether a link at the end is followed.</param>
    /// <exception cref="DiagnosticException">Missing (FIL001).</exception>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(string path, bool followLast = true)
    {
        var node = Resolve(path, followLast);
        return node.FileSystem.GetExtendedAttributes(node.Node);
    }

    /// <summary>A name with a slash or NUL comes only from a damaged directory; passed on, it would be taken for a path.</summary>
    private static IEnumerable<DirectoryEntry> ListEntries(IFileSystem fileSystem, NodeId directory)
        => fileSystem.List(directory).Where(entry => entry.Name is not ("" or "." or "..") && entry.Name.AsSpan().IndexOfAny('/', '\0') < 0);
}
