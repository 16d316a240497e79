using System.Buffers.Binary;
using Rehost.FileSystems.Xfs.Recovery;

namespace Rehost.FileSystems.Xfs.Writing;

/// <content>What is left to do when the log was replayed: changes that were announced and not made, and files that only open handles kept.</content>
internal sealed partial class XfsEditor
{
    private const ulong CopyOwner = unchecked((ulong)-9L);
    private const int UnlinkedLists = 64;
    private const int UnlinkedAt = 40;
    private const int AgiChecksum = 312;

    internal void FinishRecovery(Func<XfsVolume> createVolume, IEnumerable<LogItem> intents)
    {
        foreach (var intent in intents)
        {
            Begin(createVolume());
            Finish(intent);
            Commit();
        }

        if (_store.HasReflink)
        {
            for (var group = 0u; group < _store.Super.AgCount; group++)
            {
                Begin(createVolume());
                FreeCopies(_space.Get(group));
                Commit();
            }
        }

        for (var group = 0u; group < _store.Super.AgCount; group++)
        {
            FreeUnlinked(createVolume, group);
        }

        WriteGroups();
    }

    private void Finish(LogItem intent)
    {
        var count = intent.U32(4);
        var size = intent.Type switch
        {
            LogItem.OwnerIntent or LogItem.MapIntent => 32,
            LogItem.FreeIntent when intent.Format.Length < 16 + (count * 16L) => 12,
            _ => 16,
        };
        if (16 + (count * (long)size) > intent.Format.Length)
        {
            throw intent.Short();
        }

        for (var at = 16; count > 0; count--, at += size)
        {
            switch (intent.Type)
            {
                case LogItem.FreeIntent:
                    Free(intent.U64(at), intent.U32(at + 8));
                    break;
                case LogItem.OwnerIntent:
                    ChangeOwner(intent.U64(at), intent.U64(at + 8), intent.U64(at + 16), intent.U32(at + 24), intent.U32(at + 28));
                    break;
                case LogItem.ReferenceIntent:
                    ChangeReferences(intent.U64(at), intent.U32(at + 8), intent.U32(at + 12));
                    break;
                default:
                    ChangeMap(intent.U64(at), intent.U64(at + 8), intent.U64(at + 16), intent.U32(at + 24), intent.U32(at + 28));
                    break;
            }
        }
    }

    private Group GroupOf(ulong block, uint count)
    {
        _store.Super.ByteOf(block, count);
        return _space.Get(_store.GroupOf(block));
    }

    private void Free(ulong block, uint count)
    {
        var group = GroupOf(block, count);
        var run = new Run(_store.WithinGroup(block), count);
        group.ForgetOwners(run);
        group.Give(run);
        _store.FreeBlocks += count;
    }

    /// <summary>struct xfs_map_extent of a "RUI": 1 and 2 map, 3 and 4 unmap, 5 and 6 convert, 7 allocates, 8 frees.</summary>
    private void ChangeOwner(ulong owner, ulong block, ulong offset, uint count, uint flags)
    {
        var group = GroupOf(block, count);
        var isInode = owner >> 63 == 0;
        var place = isInode ? (offset & ((1UL << 54) - 1)) | ((flags & (1u << 31)) != 0 ? OwnerRecord.AttributeFlag : 0) | ((flags & (1u << 30)) != 0 ? OwnerRecord.TreeFlag : 0) : 0;
        var unwritten = isInode && (flags & (1u << 29)) != 0 ? OwnerRecord.UnwrittenFlag : 0;
        var record = new OwnerRecord(_store.WithinGroup(block), count, owner, place | unwritten);
        switch (flags & 0xFF)
        {
            case 1 or 2 or 7:
                group.AddOwner(record);
                break;
            case 3 or 4 or 8:
                group.RemoveOwner(record);
                break;
            case 5 or 6:
                group.RemoveOwner(record with { Offset = record.Offset ^ OwnerRecord.UnwrittenFlag });
                group.AddOwner(record);
                break;
            default:
                throw LogRecords.Damaged($"an announced change of owner of kind {flags & 0xFF}");
        }
    }

    /// <summary>struct xfs_phys_extent of a "CUI": one more user, one fewer, set aside for a copy, or no longer.</summary>
    private void ChangeReferences(ulong block, uint count, uint flags)
    {
        var group = GroupOf(block, count);
        var run = new Run(_store.WithinGroup(block), count);
        switch (flags & 0xFF)
        {
            case 1:
                group.Reference(run);
                break;
            case 2:
                _store.FreeBlocks += group.Drop(run);
                break;
            case 3:
                group.SetAside(run);
                break;
            case 4:
                group.StopSettingAside(run);
                break;
            default:
                throw LogRecords.Damaged($"an announced change of references of kind {flags & 0xFF}");
        }
    }

    /// <summary>struct xfs_map_extent of a "BUI": 1 maps into a file, 2 unmaps.</summary>
    private void ChangeMap(ulong owner, ulong block, ulong offset, uint count, uint flags)
    {
        _store.Super.ByteOf(block, count);
        if ((flags & (1u << 31)) != 0 || (flags & 0xFF) is not (1 or 2))
        {
            throw LogRecords.Damaged($"an announced change of a map with flags 0x{flags:x}");
        }

        var inode = _inodes.Get(owner);
        var map = new ForkMap(_store, _space, _volume, inode, isAttribute: false);
        if ((flags & 0xFF) == 1)
        {
            map.Attach(new XfsExtent(offset, block, count, (flags & (1u << 30)) != 0));
        }
        else
        {
            map.Detach(offset, count);
        }

        map.Save();
        _inodes.Put(inode);
    }

    /// <summary>Blocks that were set aside for copies of shared ones have no meaning once the machine stopped.</summary>
    private void FreeCopies(Group group)
    {
        foreach (var shared in group.Shared.Items.Where(shared => shared.Start >= SharedRun.CopyFlag).ToArray())
        {
            var run = new Run(shared.Start & ~SharedRun.CopyFlag, shared.Count);
            group.StopSettingAside(run);
            group.RemoveOwner(new OwnerRecord(run.Start, run.Count, CopyOwner, 0));
            group.Give(run);
            _store.FreeBlocks += run.Count;
        }
    }

    private void FreeUnlinked(Func<XfsVolume> createVolume, uint number)
    {
        var sector = new byte[_store.Super.SectorSize];
        var at = _store.ByteOf(_store.ToBlock(number, 0)) + (2 * _store.Super.SectorSize);
        _cache.Read(at, sector);
        if (!sector.AsSpan(UnlinkedAt, UnlinkedLists * 4).ContainsAnyExcept((byte)0xFF))
        {
            return;
        }

        var shift = _store.Super.AgBlockLog + _store.Super.InodesPerBlockLog;
        for (var list = 0; list < UnlinkedLists; list++)
        {
            var next = BinaryPrimitives.ReadUInt32BigEndian(sector.AsSpan(UnlinkedAt + (list * 4)));
            for (var seen = new HashSet<uint>(); next != uint.MaxValue && seen.Add(next);)
            {
                Begin(createVolume());
                var inode = _inodes.Get(((ulong)number << shift) | next);
                next = inode.U32(InodeStore.NextUnlinkedAt);
                inode.Put32(InodeStore.NextUnlinkedAt, uint.MaxValue);
                if (inode.Links == 0)
                {
                    Delete(inode);
                }
                else
                {
                    _inodes.Put(inode);
                }

                Commit();
            }
        }

        sector.AsSpan(UnlinkedAt, UnlinkedLists * 4).Fill(0xFF);
        if (_store.IsVersion5)
        {
            Store.Seal(sector, AgiChecksum);
        }

        _cache.Write(at, sector);
    }
}
