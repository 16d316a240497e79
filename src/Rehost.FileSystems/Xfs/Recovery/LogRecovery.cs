using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.FileSystems.Xfs.Writing;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>Brings a file system whose log was not written out into a state that may be read and written, as the kernel does when it mounts one.</summary>
internal static class LogRecovery
{
    private const int SuperChecksum = 224;

    /// <summary>Replays the log onto the device, and returns the superblock as it is then.</summary>
    internal static XfsSuperblock Run(IBlockDevice device, XfsSuperblock superblock, DateTimeOffset? timestamp)
    {
        if (!device.CanWrite)
        {
            throw XfsDiagnostics.LogPending.ToException("its log does not end with an unmount record, and the device was opened for reading");
        }

        if (superblock.FindReadOnlyReason() is { } reason)
        {
            throw XfsDiagnostics.LogPending.ToException($"its log does not end with an unmount record, and is not replayed here since {reason}");
        }

        // What a large log changes is written out in parts, and the last of it may turn out not to be replayable: until all is done the device stays as it is.
        using var overlay = new OverlayDevice(device, OverlayStore.InMemory());
        var records = new LogRecords(new XfsVolume(overlay, superblock));
        var cache = new PageCache(overlay);
        var replay = new LogReplay(cache, superblock);
        replay.Run(records);

        var view = new CacheDevice(cache);
        superblock = XfsSuperblock.Read(view);
        CountFree(cache, superblock);
        superblock = XfsSuperblock.Read(view);
        var volume = new XfsVolume(view, superblock);
        var editor = new XfsEditor(cache, superblock, volume, timestamp ?? volume.ReadInode(superblock.RootInode).ToMetadata(new NodeId(superblock.RootInode)).Modified);
        editor.FinishRecovery(() => new XfsVolume(view, superblock), replay.Intents);
        UnmountRecord.Write(cache, superblock, records);
        cache.WriteBack();
        CopyChanges(overlay, device);
        device.Flush();
        return XfsSuperblock.Read(device);
    }

    private static void CopyChanges(OverlayDevice overlay, IBlockDevice device)
    {
        var buffer = new byte[1 << 20];
        foreach (var range in overlay.ChangedRanges)
        {
            for (var at = range.Offset; at < range.End; at += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, range.End - at));
                overlay.Read(new GuestOffset(at), part);
                device.Write(new GuestOffset(at), part);
            }
        }
    }

    /// <summary>While a file system is mounted its superblock does not count: the groups do.</summary>
    private static void CountFree(PageCache cache, XfsSuperblock superblock)
    {
        var sector = new byte[superblock.SectorSize];
        cache.Read(0, sector);
        var isLazy = superblock.IsVersion5 || ((BinaryPrimitives.ReadUInt16BigEndian(sector.AsSpan(100)) & 0x8000) != 0 && (BinaryPrimitives.ReadUInt32BigEndian(sector.AsSpan(200)) & 2) != 0);
        if (!isLazy)
        {
            return;
        }

        ulong inodes = 0, freeInodes = 0, freeBlocks = 0;
        var header = new byte[superblock.SectorSize];
        for (var group = 0u; group < superblock.AgCount; group++)
        {
            var at = superblock.ByteOf((ulong)group << superblock.AgBlockLog, 1);
            cache.Read(at + superblock.SectorSize, header);
            freeBlocks += (ulong)Get(header, 52) + Get(header, 48) + Get(header, 60);
            cache.Read(at + (2 * superblock.SectorSize), header);
            inodes += Get(header, 16);
            freeInodes += Get(header, 28);
        }

        BinaryPrimitives.WriteUInt64BigEndian(sector.AsSpan(128), inodes);
        BinaryPrimitives.WriteUInt64BigEndian(sector.AsSpan(136), freeInodes);
        BinaryPrimitives.WriteUInt64BigEndian(sector.AsSpan(144), freeBlocks);
        if (superblock.IsVersion5)
        {
            Store.Seal(sector, SuperChecksum);
        }

        cache.Write(0, sector);
    }

    private static uint Get(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
}
