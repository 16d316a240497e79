using Rehost.Model;

namespace Rehost.FileSystems.Tests;

/// <summary>A file system of plain collections: what tests of GuestTree run on, and the model that real file systems are compared with.</summary>
public sealed class InMemoryFileSystem : IFileSystem
{
    private const int PageSize = 4096;
    private readonly Dictionary<NodeId, Node> _nodes = [];
    private readonly Func<string, string?>? _findNameFault;
    private ulong _next = 2;

    /// <param name="findNameFault">What a name must not be; null for what Linux allows. Names then also ignore case.</param>
    public InMemoryFileSystem(Func<string, string?>? findNameFault = null)
    {
        _findNameFault = findNameFault;
        Root = Add(NodeKind.Directory, new NodeAttributes(0x1ED)).Id;
        this[Root].Links = 2;
    }

    public FileSystemInfo Info { get; } = new() { Type = "memory", TotalBytes = 0, UsedBytes = 0, BlockSize = PageSize };

    public NodeId Root { get; }

    public int Flushes { get; private set; }

    public int NodeCount => _nodes.Count;

    private Node this[NodeId id] => _nodes.TryGetValue(id, out var node) ? node : throw new InvalidOperationException($"the model has no node {id}");

    public NodeMetadata GetMetadata(NodeId node)
    {
        var n = this[node];
        return new NodeMetadata(node, n.Kind, n.Permissions, n.Uid, n.Gid, n.Kind == NodeKind.SymbolicLink ? GuestText.Encode(n.Target).Length : n.Length, (uint)n.Links, DateTimeOffset.UnixEpoch);
    }

    public IEnumerable<DirectoryEntry> List(NodeId directory) => Directory(directory).Children.Select(child => new DirectoryEntry(child.Key, child.Value.Id, child.Value.Kind));

    public DirectoryEntry? Lookup(NodeId directory, string name)
        => Directory(directory).Children.TryGetValue(name, out var child) ? new DirectoryEntry(name, child.Id, child.Kind) : null;

    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        var node = RegularFile(file);
        var count = (int)Math.Clamp(node.Length - offset, 0, buffer.Length);
        buffer = buffer[..count];
        while (!buffer.IsEmpty)
        {
            var within = (int)(offset % PageSize);
            var chunk = Math.Min(buffer.Length, PageSize - within);
            if (node.Pages.TryGetValue(offset / PageSize, out var page))
            {
                page.AsSpan(within, chunk).CopyTo(buffer);
            }
            else
            {
                buffer[..chunk].Clear();
            }

            offset += chunk;
            buffer = buffer[chunk..];
        }

        return count;
    }

    /// <summary>Pages of a file that were written; all others are zeros.</summary>
    public IEnumerable<long> WrittenPages(NodeId file) => RegularFile(file).Pages.Keys.Order();

    public string ReadLink(NodeId link) => this[link].Target;

    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node) => this[node].Attributes;

    public IEnumerable<ByteRange> GetFreeRanges() => [];

    public IReadOnlyList<Diagnostic> Check() => [];

    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => Create(directory, name, NodeKind.File, attributes).Id;

    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes)
    {
        var node = Create(directory, name, NodeKind.Directory, attributes);
        node.Links = 2;
        this[directory].Links++;
        return node.Id;
    }

    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
    {
        var node = Create(directory, name, NodeKind.SymbolicLink, attributes);
        node.Target = target;
        return node.Id;
    }

    /// <summary>A second name, which IFileSystem has no operation for.</summary>
    public void Link(NodeId directory, string name, NodeId node)
    {
        DemandFree(directory, name);
        Directory(directory).Children.Add(name, this[node]);
        this[node].Links++;
    }

    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        var node = RegularFile(file);
        if (data.IsEmpty)
        {
            return;
        }

        node.Length = Math.Max(node.Length, offset + data.Length);
        while (!data.IsEmpty)
        {
            var within = (int)(offset % PageSize);
            var chunk = Math.Min(data.Length, PageSize - within);
            if (!node.Pages.TryGetValue(offset / PageSize, out var page))
            {
                node.Pages.Add(offset / PageSize, page = new byte[PageSize]);
            }

            data[..chunk].CopyTo(page.AsSpan(within));
            offset += chunk;
            data = data[chunk..];
        }
    }

    public void SetLength(NodeId file, long length)
    {
        var node = RegularFile(file);
        if (length < node.Length)
        {
            foreach (var page in node.Pages.Keys.Where(page => page >= length / PageSize).ToArray())
            {
                var keep = page == length / PageSize ? (int)(length % PageSize) : 0;
                if (keep == 0)
                {
                    node.Pages.Remove(page);
                }
                else
                {
                    node.Pages[page].AsSpan(keep).Clear();
                }
            }
        }

        node.Length = length;
    }

    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName)
    {
        CheckName(targetName);
        var source = Directory(sourceDirectory);
        var target = Directory(targetDirectory);
        var moved = source.Children.TryGetValue(sourceName, out var child) ? child : throw FileSystemDiagnostics.NotFound.ToException(sourceName);
        if (moved.Kind == NodeKind.Directory && Contains(moved, target))
        {
            throw FileSystemDiagnostics.WrongKind.ToException("into itself");
        }

        if (target.Children.TryGetValue(targetName, out var existing))
        {
            if (ReferenceEquals(existing, moved))
            {
                if (_findNameFault is not null)
                {
                    source.Children.Remove(sourceName);
                    source.Children.Add(targetName, moved); // another case of the same name
                }

                return;
            }

            if ((existing.Kind == NodeKind.Directory) != (moved.Kind == NodeKind.Directory))
            {
                throw FileSystemDiagnostics.WrongKind.ToException(targetName);
            }

            if (existing.Kind == NodeKind.Directory)
            {
                RemoveDirectory(targetDirectory, targetName);
            }
            else
            {
                Unlink(targetDirectory, targetName);
            }
        }

        source.Children.Remove(sourceName);
        target.Children.Add(targetName, moved);
        if (moved.Kind == NodeKind.Directory)
        {
            source.Links--;
            target.Links++;
        }
    }

    public void Unlink(NodeId directory, string name)
    {
        var parent = Directory(directory);
        var node = parent.Children.TryGetValue(name, out var child) ? child : throw FileSystemDiagnostics.NotFound.ToException(name);
        if (node.Kind == NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException(name);
        }

        parent.Children.Remove(name);
        if (--node.Links == 0)
        {
            _nodes.Remove(node.Id);
        }
    }

    public void RemoveDirectory(NodeId directory, string name)
    {
        var parent = Directory(directory);
        var node = parent.Children.TryGetValue(name, out var child) ? child : throw FileSystemDiagnostics.NotFound.ToException(name);
        if (Directory(node.Id).Children.Count > 0)
        {
            throw FileSystemDiagnostics.NotEmpty.ToException(name);
        }

        parent.Children.Remove(name);
        parent.Links--;
        _nodes.Remove(node.Id);
    }

    public void SetMode(NodeId node, int permissions) => this[node].Permissions = permissions;

    public void SetOwner(NodeId node, uint uid, uint gid) => (this[node].Uid, this[node].Gid) = (uid, gid);

    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
    {
        if (value is null)
        {
            this[node].Attributes.Remove(name);
        }
        else
        {
            this[node].Attributes[name] = [.. value];
        }
    }

    public void Flush() => Flushes++;

    public void Dispose()
    {
    }

    private void CheckName(string name)
    {
        if (_findNameFault is not null ? _findNameFault(name) is not null : name is "" or "." or ".." || name.AsSpan().IndexOfAny('/', '\0') >= 0 || GuestText.Encode(name).Length > 255)
        {
            throw FileSystemDiagnostics.BadName.ToException(name);
        }
    }

    private static bool Contains(Node tree, Node searched)
    {
        var work = new Stack<Node>([tree]);
        while (work.TryPop(out var node))
        {
            if (ReferenceEquals(node, searched))
            {
                return true;
            }

            foreach (var child in node.Children.Values.Where(child => child.Kind == NodeKind.Directory))
            {
                work.Push(child);
            }
        }

        return false;
    }

    private void DemandFree(NodeId directory, string name)
    {
        CheckName(name);
        if (Directory(directory).Children.ContainsKey(name))
        {
            throw FileSystemDiagnostics.Exists.ToException(name);
        }
    }

    private Node Create(NodeId directory, string name, NodeKind kind, NodeAttributes attributes)
    {
        DemandFree(directory, name);
        var node = Add(kind, attributes);
        Directory(directory).Children.Add(name, node);
        return node;
    }

    private Node Add(NodeKind kind, NodeAttributes attributes)
    {
        var node = new Node(new NodeId(_next++), kind, _findNameFault is null ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase) { Permissions = attributes.Permissions, Uid = attributes.Uid, Gid = attributes.Gid };
        _nodes.Add(node.Id, node);
        return node;
    }

    private Node Directory(NodeId id) => this[id] is { Kind: NodeKind.Directory } node ? node : throw FileSystemDiagnostics.WrongKind.ToException("no directory");

    private Node RegularFile(NodeId id) => this[id] is { Kind: NodeKind.File } node ? node : throw FileSystemDiagnostics.WrongKind.ToException("no file");

    private sealed class Node(NodeId id, NodeKind kind, StringComparer names)
    {
        public NodeId Id => id;

        public NodeKind Kind => kind;

        public int Permissions { get; set; }

        public uint Uid { get; set; }

        public uint Gid { get; set; }

        public int Links { get; set; } = 1;

        public long Length { get; set; }

        public string Target { get; set; } = "";

        public SortedDictionary<string, Node> Children { get; } = new(names);

        public Dictionary<string, byte[]> Attributes { get; } = [];

        public Dictionary<long, byte[]> Pages { get; } = [];
    }
}
