namespace Rehost.FileSystems.Ext;

/// <summary>The blocks that hold the file system's own structures: no file may claim them, whatever a damaged bitmap or block map says.</summary>
internal sealed class SystemZone
{
    private readonly List<(ulong Start, ulong End)> _ranges = [];

    internal SystemZone(ExtVolume volume)
    {
        var super = volume.Super;
        var all = new List<(ulong Start, ulong End)> { (0, super.FirstDataBlock + 1ul) };
        var tableBlocks = super.InodesPerGroup * (ulong)super.InodeSize / (ulong)super.BlockSize;
        for (var group = 0u; group < super.GroupCount; group++)
        {
            var descriptor = volume.Groups.Get(group);
            var start = super.GroupFirstBlock(group);
            all.Add((start, start + super.BaseMetadataBlocks(group)));
            all.Add((descriptor.BlockBitmap, descriptor.BlockBitmap + 1));
            all.Add((descriptor.InodeBitmap, descriptor.InodeBitmap + 1));
            all.Add((descriptor.InodeTable, descriptor.InodeTable + tableBlocks));
        }

        if (super.Has(IncompatFeatures.Mmp) && super.MmpBlock != 0)
        {
            all.Add((super.MmpBlock, super.MmpBlock + 1));
        }

        AddJournal(volume, all);
        all.Sort();
        foreach (var range in all.Where(range => range.End > range.Start))
        {
            if (_ranges.Count > 0 && _ranges[^1].End >= range.Start)
            {
                _ranges[^1] = (_ranges[^1].Start, Math.Max(_ranges[^1].End, range.End));
            }
            else
            {
                _ranges.Add(range);
            }
        }
    }

    internal bool Overlaps(ulong block, ulong count)
    {
        var low = 0;
        var high = _ranges.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_ranges[middle].End <= block)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < _ranges.Count && _ranges[low].Start < block + count;
    }

    private static void AddJournal(ExtVolume volume, List<(ulong Start, ulong End)> all)
    {
        if (!volume.Super.Has(CompatFeatures.HasJournal) || volume.Super.JournalInode == 0)
        {
            return;
        }

        var inode = volume.Inodes.Get(volume.Super.JournalInode);
        var count = Math.Min((ulong)volume.Files.Length(inode) >> volume.Super.BlockSizeBits, volume.Super.BlocksCount);
        for (ulong logical = 0; logical < count;)
        {
            var run = volume.Files.Find(inode, logical, count - logical);
            if (run.Kind != RunKind.Hole)
            {
                all.Add((run.Physical, run.PhysicalEnd));
            }

            logical = run.LogicalEnd;
        }
    }
}
