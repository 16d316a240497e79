namespace Rehost.FileSystems.Btrfs;

/// <summary>The checksum tree: items of the checksums of neighbouring sectors.</summary>
internal sealed class BtrfsChecksums(BtrfsVolume volume, BtrfsChangedTree tree)
{
    private readonly ulong _sector = (ulong)volume.Superblock.SectorSize;
    private readonly int _size = volume.Superblock.Checksum.Size;

    /// <summary>Stores the checksums of content in whole sectors.</summary>
    public void Add(ulong start, ReadOnlySpan<byte> content)
    {
        Remove(start, (ulong)content.Length); // what a file system that was not shut down cleanly may have left
        var most = tree.LargestItem / 3 / _size;
        while (!content.IsEmpty)
        {
            var count = Math.Min(most, content.Length / (int)_sector);
            var item = new byte[count * _size];
            for (var i = 0; i < count; i++)
            {
                volume.Superblock.Checksum.Compute(content.Slice(i * (int)_sector, (int)_sector), item.AsSpan(i * _size, _size));
            }

            tree.Put(Key(start), item);
            start += (ulong)count * _sector;
            content = content[(count * (int)_sector)..];
        }
    }

    /// <summary>Removes the checksums of a range; an item that reaches out of it is cut.</summary>
    public void Remove(ulong start, ulong length)
    {
        var end = start + length;
        var from = tree.Reading.Floor(Key(start)) is { } floor && floor.Key.ObjectId == BtrfsFileReader.ChecksumObject && floor.Key.Type == BtrfsKey.ExtentCsum ? floor.Key : Key(start);
        foreach (var item in tree.Reading.From(from).TakeWhile(item => item.Key.ObjectId == BtrfsFileReader.ChecksumObject && item.Key.Type == BtrfsKey.ExtentCsum && item.Key.Offset < end).ToList())
        {
            var itemEnd = item.Key.Offset + ((ulong)(item.Data.Length / _size) * _sector);
            if (itemEnd <= start)
            {
                continue;
            }

            if (item.Key.Offset % _sector != 0)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"checksums of the logical address {item.Key.Offset}, which begins no sector", $"item {item.Key}");
            }

            tree.Remove(item.Key);
            if (item.Key.Offset < start)
            {
                tree.Put(item.Key, item.Data[..((int)((start - item.Key.Offset) / _sector) * _size)].ToArray());
            }

            if (itemEnd > end)
            {
                tree.Put(Key(end), item.Data.Slice((int)((end - item.Key.Offset) / _sector) * _size, (int)((itemEnd - end) / _sector) * _size).ToArray());
            }
        }
    }

    private static BtrfsKey Key(ulong logical) => new(BtrfsFileReader.ChecksumObject, BtrfsKey.ExtentCsum, logical);
}
