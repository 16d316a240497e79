using System.Buffers.Binary;
using System.Security.Cryptography;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Btrfs;

/// <summary>The four checksums (csum_type of the superblock); a field of 32 bytes in headers, <see cref="Size"/> bytes for each sector of content.</summary>
internal sealed class BtrfsChecksum
{
    /// <summary>Bytes that a header has for its checksum.</summary>
    public const int FieldSize = 32;

    private readonly ushort _type;

    private BtrfsChecksum(ushort type, string name, int size)
    {
        _type = type;
        Name = name;
        Size = size;
    }

    public string Name { get; }

    public int Size { get; }

    /// <summary>Null for a type that is not known.</summary>
    public static BtrfsChecksum? Of(ushort type) => type switch
    {
        0 => new BtrfsChecksum(type, "crc32c", 4),
        1 => new BtrfsChecksum(type, "xxhash64", 8),
        2 => new BtrfsChecksum(type, "sha256", 32),
        3 => new BtrfsChecksum(type, "blake2b", 32),
        _ => null,
    };

    /// <summary>Whether data has a checksum.</summary>
    public bool Matches(ReadOnlySpan<byte> data, ReadOnlySpan<byte> stored)
    {
        Span<byte> found = stackalloc byte[Size];
        Compute(data, found);
        return found.SequenceEqual(stored[..Size]);
    }

    public void Compute(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        switch (_type)
        {
            case 0:
                BinaryPrimitives.WriteUInt32LittleEndian(digest, Crc32C.Of(data));
                break;
            case 1:
                BinaryPrimitives.WriteUInt64LittleEndian(digest, XxHash64.Of(data));
                break;
            case 2:
                SHA256.HashData(data, digest);
                break;
            default:
                Blake2b.Hash(data, digest[..Size]);
                break;
        }
    }
}
