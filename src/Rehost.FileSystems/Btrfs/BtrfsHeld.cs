using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>What a tree block holds: its children, or the content of the files in it.</summary>
internal static class BtrfsHeld
{
    private const int RegularSize = 53;

    /// <summary>Extents that a block holds, with the references by the tree's number; changed children have no address yet and are left out.</summary>
    public static IEnumerable<(ulong Logical, BtrfsReference Reference)> By(BtrfsNode node, ulong tree)
    {
        for (var i = 0; i < node.Count; i++)
        {
            if (node.Level > 0)
            {
                if (node.PointerAt(i) is { Changed: null } pointer)
                {
                    yield return (pointer.Logical, BtrfsReference.ToTree(tree));
                }

                continue;
            }

            var key = node.KeyAt(i);
            if (key.Type == BtrfsKey.ExtentData && DataOf(node.DataAt(i).Span) is { Logical: not 0 } data)
            {
                // A part of a shared extent may begin before the file does: the difference wraps, as in the kernel.
                yield return (data.Logical, BtrfsReference.ToFile(tree, key.ObjectId, unchecked(key.Offset - data.Offset)));
            }
        }
    }

    private static (ulong Logical, ulong Offset) DataOf(ReadOnlySpan<byte> item)
        => item.Length >= RegularSize && item[20] != 0 ? (BinaryPrimitives.ReadUInt64LittleEndian(item[21..]), BinaryPrimitives.ReadUInt64LittleEndian(item[37..])) : default;
}
