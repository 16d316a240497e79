using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Quota groups count what subvolumes hold. We do not count; the kernel is told so, keeps its limits' settings, and counts anew when asked (btrfs quota rescan).</summary>
internal static class BtrfsQuotas
{
    private const ulong IsOn = 1;
    private const ulong IsInconsistent = 4;

    public static void MarkInconsistent(BtrfsRoots roots, BtrfsTransaction transaction)
    {
        if (roots.Find(BtrfsRoots.QuotaTree) is null)
        {
            return;
        }

        var tree = transaction.Tree(BtrfsRoots.QuotaTree);
        if (tree.Get(new BtrfsKey(0, BtrfsKey.QgroupStatus, 0)) is not { } item || item.Data.Length < 32)
        {
            return;
        }

        // struct btrfs_qgroup_status_item: version, generation, flags, rescan.
        var flags = BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span[16..]);
        if ((flags & IsOn) != 0 && (flags & IsInconsistent) == 0)
        {
            var bytes = item.Data.ToArray();
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), flags | IsInconsistent);
            tree.Put(item.Key, bytes);
        }
    }
}
