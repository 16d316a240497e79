namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Whether a file system holds what its model holds: names, kinds, owners, modes, sizes, links, attributes and content.</summary>
internal static class ModelComparison
{
    private const int Chunk = 4096;

    public static void Compare(InMemoryFileSystem model, IFileSystem subject)
    {
        var capabilities = subject.Info.Capabilities;
        var work = new Stack<(NodeId Model, NodeId Subject, string Path)>();
        work.Push((model.Root, subject.Root, ""));
        while (work.TryPop(out var item))
        {
            var expected = model.List(item.Model).ToDictionary(entry => entry.Name);
            var found = new HashSet<string>();
            foreach (var entry in subject.List(item.Subject))
            {
                var path = item.Path + "/" + entry.Name;
                if (item.Path.Length == 0 && entry.Name == "lost+found" && !expected.ContainsKey("lost+found"))
                {
                    continue;
                }

                Demand(found.Add(entry.Name), path, "is listed twice");
                Demand(expected.TryGetValue(entry.Name, out var modelled), path, "should not be there");
                Demand(entry.Kind == modelled.Kind, path, $"is listed as {entry.Kind}, needed {modelled.Kind}");
                Demand(subject.Lookup(item.Subject, entry.Name) == entry, path, "is listed but not found by name, or differently");
                CompareNode(model, subject, modelled.Node, entry.Node, path, capabilities);
                if (entry.Kind == NodeKind.Directory)
                {
                    work.Push((modelled.Node, entry.Node, path));
                }
            }

            var missing = expected.Keys.FirstOrDefault(name => !found.Contains(name));
            Demand(missing is null, item.Path + "/" + missing, "is missing");
        }
    }

    private static void CompareNode(InMemoryFileSystem model, IFileSystem subject, NodeId modelled, NodeId node, string path, FileSystemCapabilities capabilities)
    {
        var (expected, actual) = (model.GetMetadata(modelled), subject.GetMetadata(node));
        Demand(actual.Kind == expected.Kind, path, $"is {actual.Kind}, needed {expected.Kind}");
        Demand(!capabilities.HasFlag(FileSystemCapabilities.Permissions) || actual.Permissions == expected.Permissions, path, $"has mode {actual.Permissions:x}, needed {expected.Permissions:x}");
        Demand(!capabilities.HasFlag(FileSystemCapabilities.Owners) || (actual.Uid == expected.Uid && actual.Gid == expected.Gid), path, $"belongs to {actual.Uid}:{actual.Gid}, needed {expected.Uid}:{expected.Gid}");
        Demand(actual.Links == expected.Links || (actual.Kind == NodeKind.Directory && actual.Links == 1), path, $"has {actual.Links} links, needed {expected.Links}");
        if (actual.Kind != NodeKind.Directory)
        {
            Demand(actual.Length == expected.Length, path, $"has {actual.Length} bytes, needed {expected.Length}");
        }

        var (wanted, found) = (model.GetExtendedAttributes(modelled), subject.GetExtendedAttributes(node));
        foreach (var (name, value) in wanted)
        {
            Demand(found.TryGetValue(name, out var stored) && stored.AsSpan().SequenceEqual(value), path, $"attribute {name} of {value.Length} bytes is missing or differs");
        }

        Demand(found.Count == wanted.Count, path, $"has attributes {string.Join(", ", found.Keys)}, needed {string.Join(", ", wanted.Keys)}");
        switch (actual.Kind)
        {
            case NodeKind.SymbolicLink:
                Demand(subject.ReadLink(node) == model.ReadLink(modelled), path, "leads elsewhere");
                break;
            case NodeKind.File:
                CompareContent(model, modelled, (offset, buffer) => subject.Read(node, offset, buffer), path);
                break;
        }
    }

    /// <summary>Compares what was written, whole, and each hole at both its ends: holes may be of gigabytes.</summary>
    public static void CompareContent(InMemoryFileSystem model, NodeId file, ReadAt read, string path)
    {
        var length = model.GetMetadata(file).Length;
        var offsets = new SortedSet<long> { 0, Math.Max(0, length - 1) / Chunk * Chunk };
        foreach (var page in model.WrittenPages(file))
        {
            offsets.Add(page * Chunk);
            offsets.Add(Math.Max(0, page - 1) * Chunk);
            offsets.Add((page + 1) * Chunk);
        }

        Span<byte> expected = stackalloc byte[Chunk];
        Span<byte> actual = stackalloc byte[Chunk];
        foreach (var offset in offsets)
        {
            var wanted = model.Read(file, offset, expected);
            var count = read(offset, actual);
            Demand(count == wanted, path, $"{count} bytes were read at {offset}, needed {wanted} (length {length})");
            var differs = expected[..wanted].CommonPrefixLength(actual[..wanted]);
            Demand(differs == wanted, path, differs == wanted ? "" : $"content differs at {offset + differs} of {length}: 0x{actual[differs]:x2}, needed 0x{expected[differs]:x2}");
        }
    }

    public static void Demand(bool holds, string path, string problem)
    {
        if (!holds)
        {
            throw new ConformanceFailure($"{path} {problem}");
        }
    }

    public delegate int ReadAt(long offset, Span<byte> buffer);
}
