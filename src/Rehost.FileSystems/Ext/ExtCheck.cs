using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>The cheap structural check: descriptors, bitmaps against counts, root directory, journal.</summary>
internal sealed class ExtCheck(ExtVolume volume)
{
    private const int MostFindings = 100;
    private readonly List<Diagnostic> _findings = [];

    internal IReadOnlyList<Diagnostic> Run()
    {
        var super = volume.Super;
        ulong freeBlocks = 0;
        ulong freeInodes = 0;
        for (var group = 0u; group < super.GroupCount && _findings.Count < MostFindings; group++)
        {
            var current = group;
            Try(() =>
            {
                var descriptor = volume.Groups.Get(current);
                freeBlocks += descriptor.FreeBlocks;
                freeInodes += descriptor.FreeInodes;
                Compare(BitmapReader.CountClear(volume.Bitmaps.Blocks(current), volume.Bitmaps.ClustersIn(current)), descriptor.FreeBlocks, $"free blocks of group {current}");
                Compare(BitmapReader.CountClear(volume.Bitmaps.Inodes(current), super.InodesPerGroup), descriptor.FreeInodes, $"free inodes of group {current}");
            });
        }

        if (_findings.Count == 0)
        {
            // Groups count clusters, the superblock counts blocks.
            Compare(freeBlocks << super.ClusterRatioBits, volume.CurrentFreeBlocks, "free blocks");
            Compare(freeInodes, BinaryPrimitives.ReadUInt32LittleEndian(volume.CurrentSuperblock[ExtSuperblock.FreeInodesOffset..]), "free inodes");
        }

        Try(() =>
        {
            var root = volume.Inodes.Get(InodeTable.RootInode);
            if (!root.IsDirectory)
            {
                _findings.Add(ExtDiagnostics.BadInode.Create("the root is no directory", root.Where));
            }
            else if (!root.Has(InodeFlags.Encrypted))
            {
                foreach (var unused in volume.Directories.List(root))
                {
                    // Listing it checks it.
                }
            }
        });
        if (super.Has(CompatFeatures.HasJournal) && super.JournalInode != 0)
        {
            Try(() => volume.Inodes.Get(super.JournalInode));
        }

        return _findings;
    }

    private void Compare(ulong counted, ulong stored, string what)
    {
        if (counted != stored)
        {
            _findings.Add(ExtDiagnostics.WrongCount.Create($"{what}: {stored} stored, {counted} counted", what));
        }
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException e)
        {
            _findings.Add(e.Diagnostic);
        }
    }
}
