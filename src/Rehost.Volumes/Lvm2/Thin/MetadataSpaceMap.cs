namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>Counts the uses of blocks of metadata. Its bitmaps are listed in one block, which is why metadata end at 255 bitmaps, 15.8 GiB.</summary>
internal sealed class MetadataSpaceMap(MetadataBlocks blocks) : SpaceMap(blocks, rootOffset: 192, blocks.Count, metadata: null)
{
    private const int HeaderLength = 16;
    private const int MaximumBitmaps = 255;

    protected override string What => "metadata";

    protected override BitmapEntry ReadIndex(long bitmap) => BitmapEntry.Read(Metadata.Read(IndexRoot, BlockRole.BitmapIndex).AsSpan(Place(bitmap)));

    protected override void WriteIndex(long bitmap, BitmapEntry entry) => entry.Write(Metadata.Edit(IndexRoot, BlockRole.BitmapIndex).AsSpan(Place(bitmap)));

    private int Place(long bitmap) => bitmap < MaximumBitmaps ? HeaderLength + ((int)bitmap * BitmapEntry.Length) : throw Metadata.Damaged($"have no bitmap {bitmap} of their own");
}
