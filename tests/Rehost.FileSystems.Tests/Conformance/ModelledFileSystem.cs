using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A file system under test beside a model that undergoes the same operations.</summary>
internal sealed class ModelledFileSystem(IFileSystem subject, int blockSize, long farthest, Func<string, string?>? findNameFault = null) : IDisposable
{
    /// <summary>No room, full directory, too many links, too large: the model has no limits, and the subject must be as before.</summary>
    private static readonly string[] LimitReached = ["FIL004", "EXT017", "EXT018", "EXT019", "FAT005", "FAT006", "NTF017"];

    private readonly List<Entry> _entries = [];
    private readonly Dictionary<NodeId, NodeId> _subjectNodes = [];

    public InMemoryFileSystem Model { get; } = new(findNameFault);

    public IFileSystem Subject { get; set; } = subject;

    private readonly FileSystemCapabilities _capabilities = subject.Info.Capabilities;
    private readonly StringComparer _names = findNameFault is null ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    public int LimitsReached { get; private set; }

    public NodeId ToSubject(NodeId model) => model == Model.Root ? Subject.Root : _subjectNodes[model];

    public void Dispose()
    {
        Subject.Dispose();
        Model.Dispose();
    }

    /// <summary>Applies an operation to both and returns what it was, in words.</summary>
    public string Apply(FileOperation operation)
    {
        var random = new Random(operation.Seed);
        if (!_capabilities.HasFlag(NeededFor(operation.Kind)))
        {
            return operation.Kind + " is not for this file system";
        }

        switch (operation.Kind)
        {
            case OperationKind.CreateFile:
                return Create(random, Directory(random), NodeKind.File, Name(random), "");

            case OperationKind.CreateDirectory:
                return Create(random, Directory(random), NodeKind.Directory, Name(random), "");

            case OperationKind.CreateLink:
                var length = random.Next(4) switch { 0 => random.Next(50, 70), 1 => random.Next(100, Math.Min(blockSize - 1, 2000)), _ => random.Next(1, 59) };
                return Create(random, Directory(random), NodeKind.SymbolicLink, Name(random), new string((char)random.Next('a', 'z'), length));

            case OperationKind.CreateMany:
            {
                var directory = Directory(random);
                var (prefix, count) = (random.Next(1000).ToString("x", CultureInfo.InvariantCulture) + new string('m', random.Next(1, 120)), random.Next(20, 200));
                for (var i = 0; i < count; i++)
                {
                    Create(random, directory, NodeKind.File, prefix + i.ToString(CultureInfo.InvariantCulture), "");
                }

                return $"create {count} files {prefix}…";
            }

            case OperationKind.UnlinkMany:
            {
                var directory = Directory(random);
                var victims = _entries.Where(entry => entry.Parent == directory && entry.Kind != NodeKind.Directory).Where(_ => random.Next(4) != 0).ToArray();
                foreach (var victim in victims)
                {
                    Unlink(victim);
                }

                return $"unlink {victims.Length} names";
            }

            case OperationKind.Write:
            {
                var size = random.Next(6) switch { 0 => random.Next(1, 30), 1 => random.Next(1, 200), 2 or 3 => random.Next(1, 5000), _ => random.Next(1, 40_000) };
                return Write(random, file => random.Next(4) switch { 0 => 0, 1 => file, 2 => random.NextInt64(file + 1), _ => file + random.Next(60_000) }, size);
            }

            case OperationKind.WriteLarge:
                return Write(random, file => random.Next(2) == 0 ? 0 : file, random.Next(200_000, 3_000_000));

            case OperationKind.WriteFarAway:
                return Write(random, _ => random.NextInt64(farthest), random.Next(1, 20_000));

            case OperationKind.SetLength:
                return SetLength(random);

            case OperationKind.Rename:
                return Rename(random);

            case OperationKind.Unlink:
                return Pick(random, entry => entry.Kind != NodeKind.Directory || random.Next(20) == 0) is { } unlinked ? Unlink(unlinked) : "nothing to unlink";

            case OperationKind.RemoveDirectory:
                return Pick(random, entry => entry.Kind == NodeKind.Directory || random.Next(20) == 0) is { } removed ? RemoveDirectory(removed) : "nothing to remove";

            case OperationKind.SetMode:
            {
                var mode = random.Next(0x1000);
                return Pick(random, entry => entry.Kind != NodeKind.SymbolicLink) is { } entry
                    ? Both($"chmod {mode:x} {entry}", () => Subject.SetMode(ToSubject(entry.Node), mode), () => Model.SetMode(entry.Node, mode))
                    : "nothing to chmod";
            }

            case OperationKind.SetOwner:
            {
                var (uid, gid) = ((uint)random.Next(200_000), (uint)random.NextInt64(uint.MaxValue));
                return Pick(random, _ => true) is { } entry
                    ? Both($"chown {uid}:{gid} {entry}", () => Subject.SetOwner(ToSubject(entry.Node), uid, gid), () => Model.SetOwner(entry.Node, uid, gid))
                    : "nothing to chown";
            }

            case OperationKind.SetAttribute:
                return SetAttribute(random);

            case OperationKind.RemoveAttribute:
            {
                if (Pick(random, entry => Model.GetExtendedAttributes(entry.Node).Count > 0) is not { } entry)
                {
                    return "no attribute to remove";
                }

                var names = Model.GetExtendedAttributes(entry.Node).Keys.Order(StringComparer.Ordinal).ToArray();
                var name = names[random.Next(names.Length)];
                return Both($"remove {name} of {entry}", () => Subject.SetExtendedAttribute(ToSubject(entry.Node), name, null), () => Model.SetExtendedAttribute(entry.Node, name, null));
            }

            case OperationKind.Flush:
                Subject.Flush();
                return "flush";

            default:
                throw new InvalidOperationException(operation.Kind.ToString());
        }
    }

    /// <summary>Nodes of a file system that was opened anew, where their numbers do not last.</summary>
    public void Renumber()
    {
        _subjectNodes.Clear();
        var work = new Stack<(NodeId Model, NodeId Subject)>([(Model.Root, Subject.Root)]);
        while (work.TryPop(out var pair))
        {
            foreach (var entry in Model.List(pair.Model))
            {
                var found = Subject.Lookup(pair.Subject, entry.Name) ?? throw new ConformanceFailure($"{entry.Name} is missing");
                _subjectNodes[entry.Node] = found.Node;
                if (entry.Kind == NodeKind.Directory)
                {
                    work.Push((entry.Node, found.Node));
                }
            }
        }
    }

    /// <summary>Takes what the subject holds already into the model, as this code reads it; the witness judges it in the end. No operation touches what has a certain name.</summary>
    public void Adopt(string untouched)
    {
        var known = new Dictionary<NodeId, NodeId>();
        var work = new Stack<(NodeId Model, NodeId Subject)>([(Model.Root, Subject.Root)]);
        while (work.TryPop(out var pair))
        {
            foreach (var entry in Subject.List(pair.Subject).ToArray())
            {
                if (known.TryGetValue(entry.Node, out var node))
                {
                    Model.Link(pair.Model, entry.Name, node);
                }
                else
                {
                    known[entry.Node] = node = AdoptNode(pair.Model, entry);
                    _subjectNodes[node] = entry.Node;
                }

                if (entry.Name != untouched)
                {
                    _entries.Add(new Entry(pair.Model, entry.Name, node, entry.Kind));
                }

                if (entry.Kind == NodeKind.Directory)
                {
                    work.Push((node, entry.Node));
                }
            }
        }
    }

    private NodeId AdoptNode(NodeId directory, DirectoryEntry entry)
    {
        var metadata = Subject.GetMetadata(entry.Node);
        var attributes = new NodeAttributes(metadata.Permissions, metadata.Uid, metadata.Gid);
        var node = entry.Kind switch
        {
            NodeKind.File => Model.CreateFile(directory, entry.Name, attributes),
            NodeKind.Directory => Model.CreateDirectory(directory, entry.Name, attributes),
            NodeKind.SymbolicLink => Model.CreateSymbolicLink(directory, entry.Name, Subject.ReadLink(entry.Node), attributes),
            _ => throw new ConformanceFailure($"{entry.Name}: the model has no {entry.Kind}"),
        };
        if (entry.Kind == NodeKind.File)
        {
            var buffer = new byte[1 << 16];
            for (var offset = 0L; Subject.Read(entry.Node, offset, buffer) is var count and > 0; offset += count)
            {
                if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
                {
                    Model.Write(node, offset, buffer.AsSpan(0, count));
                }
            }

            Model.SetLength(node, metadata.Length);
        }

        foreach (var (name, value) in Subject.GetExtendedAttributes(entry.Node))
        {
            Model.SetExtendedAttribute(node, name, value);
        }

        return node;
    }

    private static FileSystemCapabilities NeededFor(OperationKind kind) => kind switch
    {
        OperationKind.CreateLink => FileSystemCapabilities.SymbolicLinks,
        OperationKind.SetMode => FileSystemCapabilities.Permissions,
        OperationKind.SetOwner => FileSystemCapabilities.Owners,
        OperationKind.SetAttribute or OperationKind.RemoveAttribute => FileSystemCapabilities.ExtendedAttributes,
        _ => FileSystemCapabilities.None,
    };

    private string Create(Random random, NodeId directory, NodeKind kind, string name, string target)
    {
        var attributes = new NodeAttributes(kind == NodeKind.SymbolicLink ? 0x1FF : random.Next(0x200), (uint)random.Next(3) * 50_000, (uint)random.Next(3));
        var (made, modelled) = (default(NodeId), default(NodeId));
        return Both(
            $"create {kind} {Show(name)} in {directory.Value}{(target.Length == 0 ? "" : $" to {target.Length} characters")}",
            () => made = kind switch
            {
                NodeKind.File => Subject.CreateFile(ToSubject(directory), name, attributes),
                NodeKind.Directory => Subject.CreateDirectory(ToSubject(directory), name, attributes),
                _ => Subject.CreateSymbolicLink(ToSubject(directory), name, target, attributes),
            },
            () => modelled = kind switch
            {
                NodeKind.File => Model.CreateFile(directory, name, attributes),
                NodeKind.Directory => Model.CreateDirectory(directory, name, attributes),
                _ => Model.CreateSymbolicLink(directory, name, target, attributes),
            },
            () =>
            {
                _subjectNodes.Add(modelled, made);
                _entries.Add(new Entry(directory, name, modelled, kind));
            });
    }

    private string Write(Random random, Func<long, long> chooseOffset, int size)
    {
        if (Pick(random, entry => entry.Kind == NodeKind.File) is not { } file)
        {
            return "no file to write";
        }

        var data = new byte[size];
        switch (random.Next(4))
        {
            case 0:
                data.AsSpan().Fill((byte)random.Next(256));
                break;
            default:
                random.NextBytes(data);
                break;
        }

        var length = Model.GetMetadata(file.Node).Length;
        var offset = Math.Min(chooseOffset(length), farthest);
        return Both($"write {size} bytes at {offset} of {length} in {file}", () => Subject.Write(ToSubject(file.Node), offset, data), () => Model.Write(file.Node, offset, data));
    }

    private string SetLength(Random random)
    {
        if (Pick(random, entry => entry.Kind == NodeKind.File) is not { } file)
        {
            return "no file to cut";
        }

        var old = Model.GetMetadata(file.Node).Length;
        var length = random.Next(5) switch
        {
            0 => 0,
            1 => random.NextInt64(old + 1),
            2 => Math.Min(old, random.Next(200)),
            3 => old / blockSize * blockSize,
            _ => Math.Min(farthest, old + random.Next(300_000)),
        };
        return Both($"set length {old} to {length} of {file}", () => Subject.SetLength(ToSubject(file.Node), length), () => Model.SetLength(file.Node, length));
    }

    private string Rename(Random random)
    {
        if (Pick(random, _ => true) is not { } source)
        {
            return "nothing to rename";
        }

        var (directory, name) = (Directory(random), Name(random));
        if (random.Next(4) == 0 && Pick(random, _ => true) is { } over)
        {
            (directory, name) = (over.Parent, over.Name);
        }

        return Both(
            $"rename {source} to {Show(name)} in {directory.Value}",
            () => Subject.Rename(ToSubject(source.Parent), source.Name, ToSubject(directory), name),
            () => Model.Rename(source.Parent, source.Name, directory, name),
            () =>
            {
                if (directory == source.Parent && name == source.Name)
                {
                    return;
                }

                _entries.RemoveAll(entry => entry != source && entry.Parent == directory && _names.Equals(entry.Name, name));
                _entries[_entries.IndexOf(source)] = source with { Parent = directory, Name = name };
            });
    }

    private string Unlink(Entry entry) => Both(
        $"unlink {entry}",
        () => Subject.Unlink(ToSubject(entry.Parent), entry.Name),
        () => Model.Unlink(entry.Parent, entry.Name),
        () => _entries.Remove(entry));

    private string RemoveDirectory(Entry entry) => Both(
        $"rmdir {entry}",
        () => Subject.RemoveDirectory(ToSubject(entry.Parent), entry.Name),
        () => Model.RemoveDirectory(entry.Parent, entry.Name),
        () => _entries.Remove(entry));

    private string SetAttribute(Random random)
    {
        // The kernel allows user.* on files and directories only.
        if (Pick(random, _ => true) is not { } entry)
        {
            return "nothing to label";
        }

        string[] names = entry.Kind == NodeKind.SymbolicLink
            ? ["security.selinux", "trusted.t" + random.Next(3)]
            : ["security.selinux", "user.u" + random.Next(6), "user." + new string('n', random.Next(1, 200)), "trusted.t" + random.Next(3), "security.capability"];
        var name = names[random.Next(names.Length)];
        var value = new byte[random.Next(6) switch { 0 => 0, 1 => random.Next(blockSize - 200, blockSize + 200), 2 => random.Next(100, 1000), 3 => random.Next(3000, 9000), _ => random.Next(1, 60) }];
        random.NextBytes(value);
        if (name == "user.u1")
        {
            value.AsSpan().Fill(7); // the same value on many nodes: attribute blocks may be shared
        }

        return Both($"set {Show(name)} ({value.Length} bytes) of {entry}", () => Subject.SetExtendedAttribute(ToSubject(entry.Node), name, value), () => Model.SetExtendedAttribute(entry.Node, name, value));
    }

    /// <summary>Both succeed, or both refuse with the same finding; where the subject reaches a limit, the model does not change.</summary>
    private string Both(string what, Action subjectDoes, Action modelDoes, Action? after = null)
    {
        string? subjectRefused = null;
        var finding = "";
        string? modelRefused = null;
        try
        {
            subjectDoes();
        }
        catch (DiagnosticException e)
        {
            subjectRefused = e.Diagnostic.Id;
            finding = e.ToString();
            if (LimitReached.Contains(subjectRefused))
            {
                LimitsReached++;
                return $"{what}: {e.Diagnostic}";
            }
        }
        catch (Exception e)
        {
            throw new ConformanceFailure($"{what}: {e}");
        }

        try
        {
            modelDoes();
        }
        catch (DiagnosticException e)
        {
            modelRefused = e.Diagnostic.Id;
        }

        if (subjectRefused != modelRefused)
        {
            throw new ConformanceFailure($"{what}: needed {modelRefused ?? "success"}, found {subjectRefused ?? "success"} {finding}");
        }

        if (modelRefused is null)
        {
            after?.Invoke();
        }

        return $"{what}{(modelRefused is null ? "" : ": refused, " + modelRefused)}";
    }

    private NodeId Directory(Random random)
    {
        // Half of everything goes to the root, so that one directory becomes large.
        var directories = _entries.Where(entry => entry.Kind == NodeKind.Directory).ToArray();
        return directories.Length == 0 || random.Next(2) == 0 ? Model.Root : directories[random.Next(directories.Length)].Node;
    }

    private Entry? Pick(Random random, Func<Entry, bool> wanted)
    {
        // A few nodes are chosen more often, so that things happen to them again.
        for (var attempt = 0; attempt < 30 && _entries.Count > 0; attempt++)
        {
            var entry = _entries[random.Next(3) == 0 ? random.Next(Math.Min(_entries.Count, 12)) : random.Next(_entries.Count)];
            if (wanted(entry))
            {
                return entry;
            }
        }

        return null;
    }

    private string Name(Random random)
    {
        if (_entries.Count > 0 && random.Next(20) == 0)
        {
            var taken = _entries[random.Next(_entries.Count)].Name; // taken, often
            return _names == StringComparer.Ordinal || random.Next(2) == 0 ? taken : taken.ToUpperInvariant();
        }

        switch (random.Next(12))
        {
            case 0:
                var raw = new byte[random.Next(1, 40)];
                random.NextBytes(raw);
                return GuestText.Decode(raw.Select(b => b is 0 or (byte)'/' ? (byte)0xFF : b).ToArray());
            case 1:
                return new string((char)random.Next('a', 'z'), random.Next(200, 250)) + random.Next(1000);
            case 2:
                return "größe-名前-" + random.Next(10_000);
            case 3 when random.Next(6) == 0:
                return new[] { "", ".", "..", "a/b", new string('x', 256), "nul\0", _names == StringComparer.Ordinal ? "…" + new string('é', 127) : "a:b" }[random.Next(7)]; // where units are counted, the witness cannot hold so many bytes
            default:
                return "n" + random.Next(100_000).ToString(CultureInfo.InvariantCulture);
        }
    }

    private static string Show(string name) => name.Length < 40 ? $"'{name}'" : $"'{name[..20]}…' ({GuestText.Encode(name).Length} bytes)";

    private sealed record Entry(NodeId Parent, string Name, NodeId Node, NodeKind Kind)
    {
        public override string ToString() => $"{Kind} {Show(Name)} (model {Node.Value})";
    }
}
