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

        if (!super.Has(CompatFeatures.HasJournal))
        {
            throw ExtDiagnostics.JournalUnusable.ToException("the file system asks for recovery (needs_recovery), and has no journal", "journal");
        }

        JournalReplay.Run(device);
        var replayed = ExtSuperblock.Read(device);
        if (replayed.Has(IncompatFeatures.NeedsRecovery))
        {
            throw ExtDiagnostics.JournalUnusable.ToException("after replay the superblock still asks for recovery", "journal");
        }

        CountFree(new ExtVolume(device, replayed));
        return ExtSuperblock.Read(device);
    }

    /// <summary>While mounted, the kernel does not keep the superblock's free counts up to date; at mount it sums them up from the groups, which are journalled.</summary>
    private static void CountFree(ExtVolume volume)
    {
        ulong blocks = 0;
        long inodes = 0;
        for (var group = 0u; group < volume.Super.GroupCount; group++)
        {
            var descriptor = volume.Groups.Get(group);
            blocks += (ulong)descriptor.FreeBlocks << volume.Super.ClusterRatioBits;
            inodes += descriptor.FreeInodes;
        }

        if (blocks > volume.Super.BlocksCount || inodes > volume.Super.InodesCount)
        {
            throw ExtDiagnostics.BadGroup.ToException($"the groups count {blocks} free blocks of {volume.Super.BlocksCount} and {inodes} free inodes of {volume.Super.InodesCount}");
        }

        new SuperblockEditor(volume).SetFree(blocks, (uint)inodes);
        volume.Cache.WriteBack();
    }
}
