using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Listing of directories and search in them: linear, hashed and inline.</summary>
internal sealed class DirectoryReader(InodeTable inodes, DirectoryBlocks blocks, DirectoryIndex index)
{
    internal static readonly NodeKind?[] Kinds =
        [null, NodeKind.File, NodeKind.Directory, NodeKind.CharacterDevice, NodeKind.BlockDevice, NodeKind.Fifo, NodeKind.Socket, NodeKind.SymbolicLink];

    internal IEnumerable<DirectoryEntry> List(ExtInode directory)
    {
        var found = new List<DirectoryEntry>();
        if (directory.Has(InodeFlags.InlineData))
        {
            Collect(directory, directory.BlockArea[InlineData.ParentSize..], found);
            Collect(directory, InlineData.Rest(directory), found);
            foreach (var entry in found)
            {
                yield return entry;
            }

            yield break;
        }

        var count = blocks.Count(directory);
        for (ulong logical = 0; logical < count; logical++)
        {
            found.Clear();
            var block = blocks.Read(directory, logical);
            Collect(directory, blocks.EntriesOf(directory, block), found);
            foreach (var entry in found)
            {
                yield return entry;
            }
        }
    }

    /// <summary>The inode and file type that a name leads to; null when there is no such name. "." and ".." are found too.</summary>
    internal (uint Inode, byte FileType)? Find(ExtInode directory, ReadOnlySpan<byte> name)
    {
        if (directory.Has(InodeFlags.InlineData))
        {
            return name.SequenceEqual("."u8) ? (directory.Number, 2)
                : name.SequenceEqual(".."u8) ? (directory.U32(ExtInode.BlockAreaOffset), 2)
                : FindIn(directory, directory.BlockArea[InlineData.ParentSize..], name) ?? FindIn(directory, InlineData.Rest(directory), name);
        }

        if (FindLeaf(directory, name, out var searched) is { } leaf)
        {
            return FindIn(directory, blocks.EntriesOf(directory, blocks.Read(directory, leaf)), name);
        }

        if (searched)
        {
            return null;
        }

        var count = blocks.Count(directory);
        for (ulong logical = 0; logical < count; logical++)
        {
            if (FindIn(directory, blocks.EntriesOf(directory, blocks.Read(directory, logical)), name) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>The block that holds a name, by way of the index. <paramref name="searched"/> is false when the directory has no index that can be searched.</summary>
    internal ulong? FindLeaf(ExtInode directory, ReadOnlySpan<byte> name, out bool searched)
    {
        searched = false;
        if (!blocks.IsIndexed(directory) || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
        {
            return null;
        }

        var root = blocks.Read(directory, 0);
        if (index.HashOf(directory, root, name) is not { } hash)
        {
            return null;
        }

        searched = true;
        var steps = index.Probe(directory, root, hash, out var leaf);
        var visited = 0ul;
        for (ulong? next = leaf; next is { } logical; next = index.NextWithSameHash(directory, steps, hash))
        {
            if (FindIn(directory, blocks.EntriesOf(directory, blocks.Read(directory, logical)), name) is not null)
            {
                return logical;
            }

            if (++visited > blocks.Count(directory))
            {
                throw ExtDiagnostics.BadDirectory.ToException("its index goes in a circle", directory.Where);
            }
        }

        return null;
    }

    internal NodeKind KindOf(uint inode, byte fileType) => (fileType < Kinds.Length ? Kinds[fileType] : null) ?? inodes.GetUser(inode).Kind;

    private void Collect(ExtInode directory, ReadOnlySpan<byte> area, List<DirectoryEntry> found)
    {
        var scanner = blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.Inode != 0 && !scanner.IsDots)
            {
                found.Add(new DirectoryEntry(GuestText.Decode(scanner.Name), new NodeId(scanner.Inode), KindOf(scanner.Inode, scanner.FileType)));
            }
        }
    }

    private (uint Inode, byte FileType)? FindIn(ExtInode directory, ReadOnlySpan<byte> area, ReadOnlySpan<byte> name)
    {
        var scanner = blocks.Scan(directory, area);
        while (scanner.MoveNext())
        {
            if (scanner.Inode != 0 && scanner.Name.SequenceEqual(name))
            {
                return (scanner.Inode, scanner.FileType);
            }
        }

        return null;
    }
}
