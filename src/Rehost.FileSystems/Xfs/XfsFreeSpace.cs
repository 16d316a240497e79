using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>Free space from the B-trees by block number of all allocation groups.</summary>
internal static class XfsFreeSpace
{
    private const uint GroupMagic = 0x58414746; // XAGF
    private const uint Magic4 = 0x41425442; // ABTB
    private const uint Magic5 = 0x41423342; // AB3B
    private const int MaximumLevel = 8;

    /// <summary>Ranges of the device in order.</summary>
    public static IEnumerable<ByteRange> Of(XfsVolume volume)
    {
        var superblock = volume.Superblock;
        for (uint group = 0; group < superblock.AgCount; group++)
        {
            var header = ReadGroup(volume, group);
            var root = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16));
            var levels = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(28));
            if (levels is 0 or > MaximumLevel)
            {
                throw XfsDiagnostics.BadBlock.ToException($"its tree of free space has {levels} levels", $"group {group}");
            }

            ulong position = 0;
            foreach (var (start, count) in Walk(volume, group, root, (int)levels - 1))
            {
                var block = ((ulong)group << superblock.AgBlockLog) | start;
                if (start < position || count == 0)
                {
                    throw XfsDiagnostics.BadBlock.ToException($"{count} free blocks at {start} follow block {position}", $"group {group}");
                }

                position = (ulong)start + count;
                yield return new ByteRange(superblock.ByteOf(block, count), (long)count << superblock.BlockLog);
            }
        }
    }

    private static byte[] ReadGroup(XfsVolume volume, uint group)
    {
        var superblock = volume.Superblock;
        var sector = new byte[superblock.SectorSize];
        volume.Device.Read(new GuestOffset(((long)group * superblock.AgBlocks * superblock.BlockSize) + superblock.SectorSize), sector);
        var isGood = BinaryPrimitives.ReadUInt32BigEndian(sector) == GroupMagic && BinaryPrimitives.ReadUInt32BigEndian(sector.AsSpan(8)) == group
            && (!superblock.IsVersion5 || XfsChecksum.Matches(sector, 216));
        return isGood ? sector : throw XfsDiagnostics.BadBlock.ToException("the header of its free space has the wrong magic number, place or checksum", $"group {group}");
    }

    private static IEnumerable<(uint Start, uint Count)> Walk(XfsVolume volume, uint group, uint within, int level)
    {
        var superblock = volume.Superblock;
        var block = within < superblock.AgBlocks ? ((ulong)group << superblock.AgBlockLog) | within : throw XfsDiagnostics.BadBlock.ToException($"a pointer to block {within}", $"group {group}");
        var bytes = volume.ReadBlocks(block, 1);
        var magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        int foundLevel = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(4));
        int count = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6));
        var header = superblock.IsVersion5 ? 56 : 16;
        var fits = (bytes.Length - header) / (level == 0 ? 8 : 12);
        if (magic != (superblock.IsVersion5 ? Magic5 : Magic4) || foundLevel != level || count > fits)
        {
            throw XfsDiagnostics.BadBlock.ToException($"a block of free space has magic number 0x{magic:x8}, level {foundLevel}, {count} entries", $"block {block}");
        }

        volume.DemandHeader(bytes, XfsHeaderOffsets.ShortTree, block, group, "a block of free space");
        for (var i = 0; i < count; i++)
        {
            var start = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(header + (i * 8)));
            if (level == 0)
            {
                yield return (start, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(header + (i * 8) + 4)));
                continue;
            }

            // Each child has its own range of keys: a block that is pointed to twice is noticed instead of walked twice.
            var limit = i + 1 < count ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(header + ((i + 1) * 8))) : uint.MaxValue;
            foreach (var free in Walk(volume, group, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(header + (fits * 8) + (i * 4))), level - 1))
            {
                yield return free.Start >= start && free.Start < limit ? free : throw XfsDiagnostics.BadBlock.ToException("free space stands in the wrong part of its tree", $"block {block}");
            }
        }
    }
}
