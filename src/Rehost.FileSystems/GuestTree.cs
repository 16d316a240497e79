using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>
/// The guest's directory tree as the running guest would see it: a root file system with others mounted on it, addressed by absolute path. Symbolic links never
/// leave the guest: an absolute link starts at the guest's root and ".." stops there, so a hostile link cannot name a file of the host.
/// </summary>
/// <remarks>
/// A path without a leading slash is taken from the root. Does not own the file systems. Writing follows the rules of <see cref="IFileSystem"/>: one writer, and after an
/// exception the overlay below is discarded.
/// </remarks>
public sealed partial class GuestTree
{
    /// <summary>As in Linux (path_resolution(7)): the number of links after which a path is taken to run in a circle.</summary>
    private const int MaximumLinks = 40;

    /// <summary>PATH_MAX of Linux: a longer path cannot be named by the guest itself.</summary>
    private const int MaximumPathLength = 4096;

    private readonly IFileSystem _root;
    private readonly Dictionary<(IFileSystem FileSystem, NodeId Node), IFileSystem> _mounts = [];
    private readonly List<(string Path, IFileSystem FileSystem)> _fileSystems;
    private readonly Dictionary<string, IFileSystem> _beside = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes a tree of one file system.</summary>
    /// <param name="root">What is mounted on "/".</param>
    public GuestTree(IFileSystem root)
    {
        ArgumentNullException.ThrowIfNull(root);
        _root = root;
        _fileSystems = [("/", root)];
    }

    /// <summary>What is mounted where, the root first, then in order of mounting; paths are canonical.</summary>
    public IReadOnlyList<(string Path, IFileSystem FileSystem)> Mounts => _fileSystems;

    /// <summary>Mounts a file system on an existing directory, whose own content it hides.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="fileSystem">What to mount.</param>
    /// <exception cref="DiagnosticException">The path is missing (FIL001), no directory (FIL002), or taken by another mount (FIL003).</exception>
    public void Mount(string path, IFileSystem fileSystem)
    {
        ArgumentNullException.ThrowIfNull(fileSystem);
        var point = Demand(path, NodeKind.Directory);
        if (_fileSystems.Any(mount => ReferenceEquals(mount.FileSystem, point.FileSystem) && mount.FileSystem.Root == point.Node)
            || _fileSystems.Any(mount => ReferenceEquals(mount.FileSystem, fileSystem)))
        {
            throw FileSystemDiagnostics.Exists.ToException("something is mounted there already, or the file system is mounted elsewhere", path);
        }

        _mounts.Add((point.FileSystem, point.Node), fileSystem);
        _fileSystems.Add((point.Path, fileSystem));
    }

    /// <summary>
    /// Gives a volume that the guest mounts nowhere a name below "/": /xvda1:/EFI. Windows keeps its boot files on such volumes, and none of its names has a colon; the name is in no listing.
    /// </summary>
    /// <param name="name">The name, which must end in a colon.</param>
    /// <param name="fileSystem">The volume's file system.</param>
    public void MountBeside(string name, IFileSystem fileSystem)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(fileSystem);
        if (!name.EndsWith(':') || name.Contains('/', StringComparison.Ordinal) || !_beside.TryAdd(name, fileSystem))
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken, or does not end in a colon", name);
        }

        _fileSystems.Add(("/" + name, fileSystem));
    }

    /// <summary>Whether a path leads to something, links followed; false for a dangling or circular link.</summary>
    public bool Exists(string path) => Walk(path, followLast: true, throwOnLoop: false).Found is not null;

    /// <summary>Finds a node; null when the path leads nowhere (a missing name, a dangling link, a file used as a directory).</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLast">Whether a link at the end is followed; links before the end always are.</param>
    /// <exception cref="DiagnosticException">Links lead in a circle (FIL005), or the file system is damaged.</exception>
    public GuestNode? TryResolve(string path, bool followLast = true) => Walk(path, followLast, throwOnLoop: true).Found;

    /// <summary>Finds a node that must be there.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLast">Whether a link at the end is followed.</param>
    /// <exception cref="DiagnosticException">Nothing is there (FIL001), or links lead in a circle (FIL005).</exception>
    public GuestNode Resolve(string path, bool followLast = true)
        => TryResolve(path, followLast) ?? throw FileSystemDiagnostics.NotFound.ToException("no such file or directory in the guest", path);

    /// <summary>The path of a node without links, "." and "..".</summary>
    /// <exception cref="DiagnosticException">Nothing is there (FIL001), or links lead in a circle (FIL005).</exception>
    public string CanonicalPath(string path) => Resolve(path).Path;

    /// <summary>Writes everything held in memory to the devices of all mounted file systems.</summary>
    public void Flush()
    {
        foreach (var (_, fileSystem) in _fileSystems)
        {
            fileSystem.Flush();
        }
    }

    private GuestNode Demand(string path, NodeKind kind)
    {
        var node = Resolve(path);
        return node.Kind == kind ? node : throw FileSystemDiagnostics.WrongKind.ToException($"found {node.Kind}, needed {kind}", path);
    }

    /// <summary>
    /// Walks a path. The result tells the node, and the directory and name where it is or would be: what creating a file through a dangling link needs.
    /// </summary>
    private WalkResult Walk(string path, bool followLast, bool throwOnLoop)
    {
        ArgumentNullException.ThrowIfNull(path);
        var stack = new List<Frame> { new(_root, _root.Root, "") };
        var pending = new Stack<string>();
        PushComponents(pending, path);
        var mustBeDirectory = path.EndsWith('/');
        var links = 0;

        while (pending.TryPop(out var name))
        {
            var parent = stack[^1];
            if (parent.FileSystem.GetMetadata(parent.Node).Kind != NodeKind.Directory)
            {
                return default; // ENOTDIR, also for "file/.."
            }

            if (name == "..")
            {
                if (stack.Count > 1)
                {
                    stack.RemoveAt(stack.Count - 1);
                }

                continue;
            }

            if (stack.Count == 1 && _beside.TryGetValue(name, out var beside))
            {
                stack.Add(new Frame(beside, beside.Root, name));
                continue;
            }

            if (parent.FileSystem.Lookup(parent.Node, name) is not { } entry)
            {
                return pending.Count == 0 ? new WalkResult(null, ToNode(stack), name) : default;
            }

            var metadata = parent.FileSystem.GetMetadata(entry.Node);
            if (metadata.Kind == NodeKind.SymbolicLink && (pending.Count > 0 || followLast || mustBeDirectory))
            {
                if (++links > MaximumLinks)
                {
                    return throwOnLoop
                        ? throw FileSystemDiagnostics.LinkLoop.ToException($"more than {MaximumLinks} symbolic links on the way", path)
                        : default;
                }

                var target = parent.FileSystem.ReadLink(entry.Node);
                if (target.Length is 0 or > MaximumPathLength)
                {
                    return default; // Linux answers ENOENT and ENAMETOOLONG
                }

                if (target[0] == '/')
                {
                    stack.RemoveRange(1, stack.Count - 1);
                }

                mustBeDirectory |= pending.Count == 0 && target.EndsWith('/');
                PushComponents(pending, target);
                continue;
            }

            var (fileSystem, node) = Mounted(parent.FileSystem, entry.Node);
            stack.Add(new Frame(fileSystem, node, entry.Name)); // as stored, where names differ by case or are aliases
        }

        var found = ToNode(stack);
        if (mustBeDirectory && found.Kind != NodeKind.Directory)
        {
            return default;
        }

        var last = stack[^1].Name;
        stack.RemoveAt(stack.Count - 1);
        return new WalkResult(found, stack.Count == 0 ? null : ToNode(stack), last);
    }

    /// <summary>What is seen at a node: the root of what is mounted there, else the node.</summary>
    private (IFileSystem FileSystem, NodeId Node) Mounted(IFileSystem fileSystem, NodeId node)
    {
        while (_mounts.TryGetValue((fileSystem, node), out var mounted))
        {
            (fileSystem, node) = (mounted, mounted.Root);
        }

        return (fileSystem, node);
    }

    private static GuestNode ToNode(List<Frame> stack)
    {
        var last = stack[^1];
        var path = stack.Count == 1 ? "/" : string.Join('/', stack.Select(frame => frame.Name));
        return new GuestNode(last.FileSystem, last.Node, last.FileSystem.GetMetadata(last.Node), path);
    }

    private static void PushComponents(Stack<string> pending, string path)
    {
        var components = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = components.Length - 1; i >= 0; i--)
        {
            if (components[i] != ".")
            {
                pending.Push(components[i]);
            }
        }
    }

    private static string Combine(string directory, string name) => directory == "/" ? "/" + name : directory + "/" + name;

    private readonly record struct Frame(IFileSystem FileSystem, NodeId Node, string Name);

    /// <summary>Where a path led: the node when there is one; its directory (null for the root) and its name there. All null when not even the directory exists.</summary>
    private readonly record struct WalkResult(GuestNode? Found, GuestNode? Parent, string? Name);
}
