using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>What the small metadata volume beside each leg of a RAID logical volume says of the leg (drivers/md/dm-raid.c, dm_raid_superblock).</summary>
internal static class RaidMetadata
{
    private const uint Magic = 0x64526d44;
    private const ulong Complete = ulong.MaxValue;

    /// <summary>For each leg, whether it holds everything.</summary>
    /// <param name="metadata">The metadata volumes; none for RAID 0 without them.</param>
    /// <param name="where">The volume.</param>
    /// <exception cref="DiagnosticException">A leg has failed, or the legs disagree (VOL007).</exception>
    public static ImmutableArray<bool> Judge(ImmutableArray<IBlockDevice> metadata, string where)
    {
        if (metadata.IsEmpty)
        {
            return [.. Enumerable.Repeat(true, 256)];
        }

        var blocks = metadata.Select(Read).ToList();

        // All empty: the volume was made and never used. The kernel will take the first leg for the right one, and so does a mirror here.
        if (blocks.All(block => block is null))
        {
            return [.. blocks.Select(_ => true)];
        }

        var newest = blocks.Max(block => block?.Events ?? 0);
        var stale = blocks.Select((block, index) => (block, index)).Where(one => one.block is null || one.block.Value.Events != newest || one.block.Value.Failed != 0).Select(one => one.index).ToList();
        if (stale.Count > 0)
        {
            throw VolumeDiagnostics.MembersDisagree.ToException($"leg {string.Join(", ", stale)} of {blocks.Count} is out of date or has failed", where);
        }

        return [.. blocks.Select(block => block is { Recovered: Complete })];
    }

    private static (ulong Events, ulong Failed, ulong Recovered)? Read(IBlockDevice device)
    {
        Span<byte> block = stackalloc byte[64];
        device.Read(GuestOffset.Zero, block);
        return BinaryPrimitives.ReadUInt32LittleEndian(block) != Magic
            ? null
            : (BinaryPrimitives.ReadUInt64LittleEndian(block[16..]), BinaryPrimitives.ReadUInt64LittleEndian(block[24..]), BinaryPrimitives.ReadUInt64LittleEndian(block[32..]));
    }
}
