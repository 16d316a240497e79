using System.Buffers.Binary;
using Rehost.FileSystems.Xfs.Writing;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>Inodes as transactions log them: the core in the byte order of the machine, then the forks that changed.</summary>
internal sealed class InodeReplay(PageCache cache, XfsSuperblock superblock)
{
    private const int Core2 = 96;
    private const int Core3 = 176;
    private const uint Data = 2; // bit 0 is the core, which is always there
    private const uint Extents = 4;
    private const uint Root = 8;
    private const uint Device = 0x10;
    private const uint AttributeData = 0x40;
    private const uint AttributeExtents = 0x80;
    private const uint AttributeRoot = 0x100;
    private const uint NewOwners = 0x200 | 0x400;
    private const ulong BigTime = 8;

    /// <summary>Fields of the core that every version has, those of one byte apart.</summary>
    private static readonly (int At, int Length)[] Swapped =
    [
        (0, 2), (2, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2), (56, 8), (64, 8), (72, 4), (84, 4), (88, 2), (90, 2), (92, 4),
    ];

    private static readonly (int At, int Length)[] Swapped3 = [(104, 8), (120, 8), (128, 4), (152, 8)];

    /// <summary>The buffer that holds the inode: sector and length in sectors.</summary>
    internal static (ulong Sector, uint Length) Place(LogItem item) => item.Format.Length >= 56 ? (item.U64(40), item.U32(48)) : (item.U64(36), item.U32(44));

    internal void Replay(ulong number, LogItem item)
    {
        var isLong = item.Format.Length >= 56;
        var fields = item.U32(4);
        var inodeNumber = item.U64(isLong ? 16 : 12);
        var (sector, length) = Place(item);
        var within = item.U32(isLong ? 52 : 48);
        if (within + superblock.InodeSize > length * 512L || sector >= 1UL << 54 || ((long)sector * 512) + (length * 512L) > cache.Length || item.Regions.Count < 2)
        {
            throw LogRecords.Damaged($"inode {inodeNumber} at {within} of {length} sectors at {sector}");
        }

        if ((fields & NewOwners) != 0)
        {
            throw LogRecords.Damaged($"the content of inode {inodeNumber} was being exchanged with another's (xfs_fsr)");
        }

        var at = ((long)sector * 512) + within;
        var raw = new byte[superblock.InodeSize];
        cache.Read(at, raw);
        var inode = new InodeRecord(inodeNumber, raw);
        var core = item.Regions[1];
        if (inode.U16(0) != 0x494E || core.Length < (superblock.IsVersion5 ? Core3 : Core2) || BinaryPrimitives.ReadUInt16LittleEndian(core) != 0x494E)
        {
            throw LogRecords.Damaged($"inode {inodeNumber} has no magic number on the disk or in the log");
        }

        if (superblock.IsVersion5 && inode.U64(112) is not (0 or ulong.MaxValue) and var written && written > number)
        {
            return;
        }

        // Before version 5 a counter of flushes says which one is newer.
        if (!superblock.IsVersion5 && BinaryPrimitives.ReadUInt16LittleEndian(core.AsSpan(30)) is var flushes && flushes < inode.U16(30) && !(inode.U16(30) == 0xFFFF && flushes < 0x7FFF))
        {
            return;
        }

        CopyCore(core, inode, number);
        CopyForks(item, inode, fields, isLong);
        if (superblock.IsVersion5)
        {
            Store.Seal(raw, InodeStore.ChecksumAt);
        }

        cache.Write(at, raw);
    }

    private static void Swap(byte[] core, byte[] raw, int at, int length)
    {
        core.AsSpan(at, length).CopyTo(raw.AsSpan(at));
        raw.AsSpan(at, length).Reverse();
    }

    private void CopyCore(byte[] core, InodeRecord inode, ulong number)
    {
        var raw = inode.Raw;
        (raw[4], raw[5]) = (core[4], core[5]);
        (raw[82], raw[83]) = (core[82], core[83]);
        foreach (var (at, length) in Swapped)
        {
            Swap(core, raw, at, length);
        }

        var isBigTime = false;
        var hasManyExtents = false;
        if (superblock.IsVersion5)
        {
            foreach (var (at, length) in Swapped3)
            {
                Swap(core, raw, at, length);
            }

            core.AsSpan(132, 12).CopyTo(raw.AsSpan(132));
            core.AsSpan(160, 16).CopyTo(raw.AsSpan(160));
            inode.Put64(112, number);
            isBigTime = (inode.Flags2 & BigTime) != 0;
            hasManyExtents = inode.HasManyExtents;
            SwapTime(core, raw, 144, isBigTime);
            Swap(core, raw, 24, 8);
        }
        else
        {
            core.AsSpan(24, 6).CopyTo(raw.AsSpan(24));
            raw.AsSpan(30, 2).Clear(); // the counter of flushes starts anew
        }

        Swap(core, raw, 76, 4);
        Swap(core, raw, 80, 2);
        if (!hasManyExtents && superblock.IsVersion5)
        {
            raw.AsSpan(24, 8).Clear();
        }

        for (var at = 32; at <= 48; at += 8)
        {
            SwapTime(core, raw, at, isBigTime);
        }
    }

    private static void SwapTime(byte[] core, byte[] raw, int at, bool isBigTime)
    {
        if (isBigTime)
        {
            Swap(core, raw, at, 8);
        }
        else
        {
            Swap(core, raw, at, 4);
            Swap(core, raw, at + 4, 4);
        }
    }

    private void CopyForks(LogItem item, InodeRecord inode, uint fields, bool isLong)
    {
        var index = 2;
        if ((fields & Device) != 0)
        {
            inode.GetFork(isAttribute: false)[..4].Clear();
            BinaryPrimitives.WriteUInt32BigEndian(inode.GetFork(isAttribute: false), item.U32(isLong ? 24 : 20));
        }

        if ((fields & (Data | Extents | Root)) != 0)
        {
            CopyFork(item, index++, inode, isAttribute: false, (fields & Root) != 0);
        }

        if ((fields & (AttributeData | AttributeExtents | AttributeRoot)) != 0)
        {
            CopyFork(item, index, inode, isAttribute: true, (fields & AttributeRoot) != 0);
        }
    }

    private void CopyFork(LogItem item, int index, InodeRecord inode, bool isAttribute, bool isRoot)
    {
        var region = index < item.Regions.Count ? item.Regions[index] : throw LogRecords.Damaged($"a fork of inode {inode.Number} is not in the log");
        var fork = inode.GetFork(isAttribute);
        if (!isRoot)
        {
            if (region.Length > fork.Length)
            {
                // Regions are rounded up to four bytes.
                region = region.Length - fork.Length < 4 ? region[..fork.Length] : throw LogRecords.Damaged($"a fork of inode {inode.Number} has {region.Length} bytes, and room for {fork.Length}");
            }

            region.CopyTo(fork);
            return;
        }

        // The root as it stands in memory, with the header of a tree block, becomes struct xfs_bmdr_block.
        var header = superblock.IsVersion5 ? 72 : 24;
        if (region.Length < header)
        {
            throw item.Short();
        }

        int count = BinaryPrimitives.ReadUInt16BigEndian(region.AsSpan(6));
        var (from, to) = ((region.Length - header) / 16, (fork.Length - 4) / 16);
        if (count > from || count > to)
        {
            throw LogRecords.Damaged($"the root of a tree of inode {inode.Number} has {count} entries");
        }

        region.AsSpan(4, 4).CopyTo(fork);
        region.AsSpan(header, count * 8).CopyTo(fork[4..]);
        region.AsSpan(header + (from * 8), count * 8).CopyTo(fork[(4 + (to * 8))..]);
    }
}
