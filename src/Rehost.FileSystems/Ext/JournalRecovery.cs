using Rehost.Blocks;
using Rehost.FileSystems.Ext.Journal;

namespace Rehost.FileSystems.Ext;

/// <summary>Brings a file system with a dirty journal into a state that may be read and written.</summary>
internal static class JournalRecovery
{
    /// <summary>Replays the journal when it must be, and returns the superblock as it is then.</summary>
    internal static ExtSuperblock Run(IBlockDevice device, ExtSuperblock super)
    {
        if (!super.Has(IncompatFeatures.NeedsRecovery))
        {
            return super;
        }

        if (!device.CanWrite)
        {
            throw ExtDiagnostics.DirtyJournal.ToException("the file system was not unmounted cleanly (needs_recovery), and the device was opened for reading", "journal");
        }

        if (!super.Has(CompatFeatures.HasJournal) || super.JournalDevice != 0 || super.JournalInode == 0)
        {
            throw ExtDiagnostics.JournalUnusable.ToException("the journal is on another device", "journal");
        }

        JournalReplay.Replay(device, super, FindJournal(new ExtVolume(device, super)));
        var replayed = ExtSuperblock.Read(device);
        return replayed.Has(IncompatFeatures.NeedsRecovery)
            ? throw ExtDiagnostics.JournalUnusable.ToException("after replay the superblock still asks for recovery", "journal")
            : replayed;
    }

    private static List<BlockRun> FindJournal(ExtVolume volume)
    {
        var inode = volume.Inodes.Get(volume.Super.JournalInode);
        if (!inode.IsFile)
        {
            throw ExtDiagnostics.JournalUnusable.ToException($"inode {inode.Number}, which should hold the journal, is no file", "journal");
        }

        var runs = new List<BlockRun>();
        var count = (ulong)volume.Files.Length(inode) >> volume.Super.BlockSizeBits;
        if (count > volume.Super.BlocksCount)
        {
            throw ExtDiagnostics.JournalUnusable.ToException($"the journal has {count} blocks in a file system of {volume.Super.BlocksCount}", "journal");
        }

        for (ulong logical = 0; logical < count;)
        {
            var run = volume.Files.Find(inode, logical, count - logical);
            if (run.Kind != RunKind.Data)
            {
                throw ExtDiagnostics.JournalUnusable.ToException($"block {logical} of the journal is not allocated", "journal");
            }

            runs.Add(run);
            logical = run.LogicalEnd;
        }

        return runs;
    }
}
