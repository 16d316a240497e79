namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>Counts the uses of a pool's blocks of data. Its bitmaps are listed in a tree.</summary>
internal sealed class DataSpaceMap : SpaceMap
{
    private readonly PersistentTree _index;

    public DataSpaceMap(MetadataBlocks blocks, MetadataSpaceMap metadata, long maximum)
        : base(blocks, rootOffset: 64, maximum, metadata)
        => _index = new PersistentTree(blocks, metadata, BitmapEntry.Length);

    protected override string What => "data";

    protected override BitmapEntry ReadIndex(long bitmap)
    {
        Span<byte> value = stackalloc byte[BitmapEntry.Length];
        return _index.TryFind(IndexRoot, (ulong)bitmap, value) ? BitmapEntry.Read(value) : throw Metadata.Damaged($"have no bitmap {bitmap} of the pool's data");
    }

    protected override void WriteIndex(long bitmap, BitmapEntry entry)
    {
        Span<byte> value = stackalloc byte[BitmapEntry.Length];
        entry.Write(value);

        // Nobody shares this tree and the key is there: the root stays where it is.
        _ = _index.Insert(IndexRoot, (ulong)bitmap, value);
    }
}
