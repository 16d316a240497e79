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

        var volume = new ExtVolume(device, replayed);
        new SuperblockEditor(volume).CountFree();
        volume.Cache.WriteBack();
        return ExtSuperblock.Read(device);
    }
}
