using System.Buffers.Binary;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>struct btrfs_dir_item: a name, what it leads to, and for an extended attribute its value.</summary>
internal readonly record struct BtrfsName(string Name, BtrfsKey Location, byte Type, ReadOnlyMemory<byte> Value)
{
    private const int HeaderSize = 30;

    /// <summary>Names of an item; several when their hashes are equal.</summary>
    public static IEnumerable<BtrfsName> Parse(BtrfsItem item)
    {
        var rest = item.Data;
        while (!rest.IsEmpty)
        {
            if (rest.Length < HeaderSize)
            {
                throw Damaged(item, rest.Length);
            }

            int valueLength = BinaryPrimitives.ReadUInt16LittleEndian(rest.Span[25..]);
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(rest.Span[27..]);
            var size = HeaderSize + nameLength + valueLength;
            if (nameLength == 0 || size > rest.Length)
            {
                throw Damaged(item, rest.Length);
            }

            yield return new BtrfsName(
                GuestText.Decode(rest.Span.Slice(HeaderSize, nameLength)), BtrfsKey.Read(rest.Span), rest.Span[29], rest.Slice(HeaderSize + nameLength, valueLength));
            rest = rest[size..];
        }
    }

    /// <summary>Offset of the key that a name has in its directory: CRC-32C from ~1, not inverted in the end.</summary>
    public static ulong HashOf(string name) => Crc32C.Update(0xFFFF_FFFE, GuestText.Encode(name));

    public NodeKind Kind => Type switch
    {
        2 => NodeKind.Directory,
        3 => NodeKind.CharacterDevice,
        4 => NodeKind.BlockDevice,
        5 => NodeKind.Fifo,
        6 => NodeKind.Socket,
        7 => NodeKind.SymbolicLink,
        _ => NodeKind.File,
    };

    private static DiagnosticException Damaged(BtrfsItem item, int left)
        => BtrfsDiagnostics.BadItem.ToException($"a directory item does not fit into the {left} bytes that are left for it", $"item {item.Key}");
}
