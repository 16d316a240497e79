using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Changes to hashed directory indexes: leaves are split by hash; an index without room is laid out anew over its blocks and some more.</summary>
internal sealed class DirectoryIndexWriter(ExtVolume volume, DirectoryWriter directories)
{
    private const int RootCountOffset = 32;
    private const int NodeCountOffset = 8;
    private const int MostRounds = 16;

    private DirectoryBlocks Blocks => volume.DirectoryBlocks;

    private DirectoryIndex Index => volume.Index;

    internal void Insert(ExtInode directory, byte[] name, uint inode, byte fileType)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var root = Blocks.Read(directory, 0);
            var hash = Index.HashOf(directory, root, name)
                ?? throw ExtDiagnostics.Unchangeable.ToException("its index folds case or uses an unknown hash", directory.Where);
            var steps = Index.Probe(directory, root, hash, out var leaf);
            if (directories.TryInsertAt(directory, leaf, name, inode, fileType))
            {
                return;
            }

            var step = steps[^1];
            var node = Blocks.Read(directory, step.Logical);
            if (Index.CheckNode(directory, node, step.CountOffset) < DirectoryIndex.Limit(node, step.CountOffset))
            {
                SplitLeaf(directory, root, step, leaf);
            }
            else
            {
                Enlarge(directory, root);
            }
        }

        throw ExtDiagnostics.BadDirectory.ToException("splitting its blocks makes no room", directory.Where);
    }

    /// <summary>Makes an index of a directory that has outgrown its only block: the entries move to a new block, the first becomes the root.</summary>
    internal void Convert(ExtInode directory)
    {
        var first = directories.Edit(directory, 0);
        var parent = volume.Directories.Find(directory, ".."u8)
            ?? throw ExtDiagnostics.BadDirectory.ToException("it does not name its parent", directory.Where);
        var entries = new List<(byte[] Name, uint Inode, byte FileType)>();
        directories.Collect(directory, first.AsSpan(0, Blocks.EntryArea), entries);
        var leaf = directories.Append(directory, out var logical);
        WriteLeaf(directory, leaf, entries);

        first = directories.Edit(directory, 0);
        first.AsSpan().Clear();
        directories.PutEntry(first, 0, 12, "."u8, directory.Number, 2);
        directories.PutEntry(first, 12, volume.Super.BlockSize - 12, ".."u8, parent.Inode, 2);
        first[28] = Index.DefaultVersion;
        first[29] = 8;
        directory.Flags |= InodeFlags.Index;
        WriteNode(directory, first, RootCountOffset, [(0, (uint)logical)]);
    }

    /// <summary>Moves the upper half of a leaf, by hash, to a new block.</summary>
    private void SplitLeaf(ExtInode directory, byte[] root, IndexStep step, ulong leaf)
    {
        var block = directories.Edit(directory, leaf);
        var entries = new List<(byte[] Name, uint Inode, byte FileType)>();
        directories.Collect(directory, block.AsSpan(0, Blocks.EntryArea), entries);
        var version = Index.HashVersion(root);
        var sorted = entries.Select(entry => (Hash: HtreeHash.Compute(entry.Name, version, volume.Super.HashSeed), Entry: entry)).OrderBy(pair => pair.Hash).ToList();
        var split = sorted.Count;
        for (var size = 0; split > 1; split--)
        {
            var length = DirectoryScanner.SizeFor(sorted[split - 1].Entry.Name.Length);
            if (size + (length / 2) > volume.Super.BlockSize / 2)
            {
                break;
            }

            size += length;
        }

        // When the entries come to less than half a block, the middle by count.
        split = split <= 1 || split == sorted.Count ? sorted.Count / 2 : split;
        if (split == 0)
        {
            throw ExtDiagnostics.BadDirectory.ToException("a block with fewer than two entries has no room", directory.Where);
        }

        // The lowest bit says that names of this hash start in the block before.
        var hash = sorted[split].Hash | (sorted[split].Hash == sorted[split - 1].Hash ? 1u : 0);
        var added = directories.Append(directory, out var logical);
        WriteLeaf(directory, added, sorted.Skip(split).Select(pair => pair.Entry));
        WriteLeaf(directory, directories.Edit(directory, leaf), sorted.Take(split).Select(pair => pair.Entry));

        var node = directories.Edit(directory, step.Logical);
        var links = ReadNode(node, step.CountOffset);
        links.Insert(step.Position + 1, (hash, (uint)logical));
        WriteNode(directory, node, step.CountOffset, links);
    }

    /// <summary>Lays the whole index out anew, with room in each node.</summary>
    private void Enlarge(ExtInode directory, byte[] root)
    {
        var leaves = new List<(uint Hash, uint Block)>();
        var nodes = new List<uint>();
        CollectLinks(directory, root, RootCountOffset, Index.LevelsOf(directory, root), 0, leaves, nodes);
        var capacity = Index.CapacityOf(NodeCountOffset);
        var comfortable = capacity * 3 / 4;
        var rootCapacity = Index.CapacityOf(RootCountOffset);
        var bottom = Math.Max(nodes.Count, (leaves.Count + comfortable - 1) / comfortable);
        var middle = 0;
        if (bottom > rootCapacity)
        {
            if (Index.MaxLevels >= 2)
            {
                bottom = (leaves.Count + comfortable - 1) / comfortable;
                middle = (bottom + comfortable - 1) / comfortable;
                if (bottom + middle < nodes.Count)
                {
                    bottom = nodes.Count - middle;
                }
            }
            else
            {
                bottom = rootCapacity;
            }
        }

        if (leaves.Count >= bottom * (long)capacity || (middle > 0 && (bottom >= middle * (long)capacity || middle > rootCapacity)))
        {
            throw ExtDiagnostics.DirectoryFull.ToException($"its index of {leaves.Count} blocks has no room", directory.Where);
        }

        while (nodes.Count < bottom + middle)
        {
            directories.Append(directory, out var logical);
            nodes.Add((uint)logical);
        }

        var next = 0;
        var links = WriteLevel(directory, leaves, bottom, nodes, ref next);
        if (middle > 0)
        {
            links = WriteLevel(directory, links, middle, nodes, ref next);
        }

        var first = directories.Edit(directory, 0);
        first[30] = (byte)(middle > 0 ? 2 : 1);
        WriteNode(directory, first, RootCountOffset, links);
    }

    private List<(uint Hash, uint Block)> WriteLevel(ExtInode directory, List<(uint Hash, uint Block)> links, int count, List<uint> nodes, ref int next)
    {
        var parents = new List<(uint Hash, uint Block)>(count);
        for (var i = 0; i < count; i++)
        {
            var from = (int)((long)links.Count * i / count);
            var to = (int)((long)links.Count * (i + 1) / count);
            var logical = nodes[next++];
            var physical = volume.Files.PhysicalBlock(directory, logical);
            var block = volume.Cache.Edit(physical);
            block.AsSpan().Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(4), DirectoryScanner.EncodeLength(volume.Super.BlockSize, volume.Super.BlockSize));
            WriteNode(directory, block, NodeCountOffset, links[from..to]);
            parents.Add((links[from].Hash, logical));
        }

        return parents;
    }

    private void CollectLinks(ExtInode directory, byte[] node, int countOffset, int levels, uint hash, List<(uint Hash, uint Block)> leaves, List<uint> nodes)
    {
        var count = Index.CheckNode(directory, node, countOffset);
        for (var i = 0; i < count; i++)
        {
            // The first entry's hash is not in the node but in the parent's link to it.
            var linkHash = i == 0 ? hash : DirectoryIndex.HashAt(node, countOffset, i);
            var logical = DirectoryIndex.BlockAt(node, countOffset, i);
            if (levels == 0)
            {
                leaves.Add((linkHash, logical));
            }
            else
            {
                nodes.Add(logical);
                CollectLinks(directory, Blocks.Read(directory, logical), NodeCountOffset, levels - 1, linkHash, leaves, nodes);
            }

            if ((ulong)leaves.Count + (ulong)nodes.Count > Blocks.Count(directory))
            {
                throw ExtDiagnostics.BadDirectory.ToException("its index leads to more blocks than it has", directory.Where);
            }
        }
    }

    private static List<(uint Hash, uint Block)> ReadNode(byte[] node, int countOffset)
    {
        var links = new List<(uint Hash, uint Block)>();
        var count = DirectoryIndex.CountOf(node, countOffset);
        for (var i = 0; i < count; i++)
        {
            links.Add((DirectoryIndex.HashAt(node, countOffset, i), DirectoryIndex.BlockAt(node, countOffset, i)));
        }

        return links;
    }

    private void WriteNode(ExtInode directory, Span<byte> node, int countOffset, List<(uint Hash, uint Block)> links)
    {
        for (var i = 0; i < links.Count; i++)
        {
            var entry = node[(countOffset + (i * 8))..];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, links[i].Hash);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], links[i].Block);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(node[countOffset..], (ushort)Index.CapacityOf(countOffset));
        BinaryPrimitives.WriteUInt16LittleEndian(node[(countOffset + 2)..], (ushort)links.Count);
        Blocks.SetIndexChecksum(directory, node, countOffset);
    }

    private void WriteLeaf(ExtInode directory, Span<byte> block, IEnumerable<(byte[] Name, uint Inode, byte FileType)> entries)
    {
        block.Clear();
        var all = entries.ToList();
        var offset = 0;
        for (var i = 0; i < all.Count; i++)
        {
            var length = i == all.Count - 1 ? Blocks.EntryArea - offset : DirectoryScanner.SizeFor(all[i].Name.Length);
            directories.PutEntry(block, offset, length, all[i].Name, all[i].Inode, all[i].FileType);
            offset += length;
        }

        Blocks.SetLeafChecksum(directory, block);
    }
}
