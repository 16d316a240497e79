namespace Rehost.FileSystems.Ntfs;

/// <summary>The parts that write a file system, put together.</summary>
internal sealed class NtfsEditors
{
    internal NtfsEditors(NtfsVolume volume)
    {
        Volume = volume;
        Writer = new StructureWriter(volume.Streams, volume.Cache);
        Clusters = new ClusterAllocator(volume, Writer);
        Records = new RecordAllocator(volume, Writer, Clusters);
        Saver = new NodeSaver(volume, Writer, Clusters, Records);
        Data = new DataEditor(this);
    }

    internal NtfsVolume Volume { get; }

    internal StructureWriter Writer { get; }

    internal ClusterAllocator Clusters { get; }

    internal RecordAllocator Records { get; }

    internal NodeSaver Saver { get; }

    internal DataEditor Data { get; }

    internal IndexEditor Directory(NtfsNode node) => new(this, node, IndexReader.DirectoryIndex);

    /// <summary>Writes a node's records. The root of a directory's index makes room before other records are taken.</summary>
    internal void Save(NtfsNode node)
    {
        if (node.IsDirectory && !NodeSaver.Fits(node))
        {
            Directory(node).PushDown();
        }

        Saver.Save(node);
    }

    /// <summary>On which side of an entry a name belongs.</summary>
    internal KeyOrder ByName(string name, string where) => key => Volume.UpperCase.Compare(name, FileName.UnitsOf(key, where));

    /// <summary>Takes an entry out of an index of $Extend that lists what files have ($O of object ids, $R of reparse points). Volumes without the index have no entry.</summary>
    internal void RemoveFromExtension(string file, string index, byte[] key)
    {
        if (FindExtension(file, index) is { } node && new IndexEditor(this, node, index).Remove(other => CompareWords(key, other)))
        {
            Saver.Save(node);
        }
    }

    /// <summary>Adds an entry without data to such an index.</summary>
    internal void AddToExtension(string file, string index, byte[] key, string where)
    {
        const ulong dataOffset = 28; // behind head and key, as the length of the data, which is 0, stands in the upper half
        var node = FindExtension(file, index) ?? throw NtfsDiagnostics.Unchangeable.ToException($"the volume has no index {index} in $Extend/{file}, which lists what is to be made", where);
        var editor = new IndexEditor(this, node, index);
        editor.Insert(IndexEntry.Make(dataOffset, key), other => CompareWords(key, other));
        if (!NodeSaver.Fits(node))
        {
            editor.PushDown();
        }

        Saver.Save(node);
    }

    private NtfsNode? FindExtension(string file, string index)
        => Volume.Table.GetNode(FileReference.Extend) is var extend && extend.Find(AttributeType.IndexRoot, IndexReader.DirectoryIndex) is not null && Volume.FindEntry(extend, file) is { } entry
            && Volume.Table.GetNode(entry.Reference) is var node && node.Find(AttributeType.IndexRoot, index) is not null ? node : null;

    /// <summary>The order of keys that are little-endian numbers of four bytes.</summary>
    private static int CompareWords(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        for (var at = 0; at + 4 <= left.Length && at + 4 <= right.Length; at += 4)
        {
            var order = BitConverter.ToUInt32(left[at..]).CompareTo(BitConverter.ToUInt32(right[at..]));
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length - right.Length;
    }
}
