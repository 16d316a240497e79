using System.Buffers.Binary;
using Rehost.FileSystems.Xfs.Writing;

namespace Rehost.FileSystems.Xfs.Recovery;

/// <summary>Where a kind of metadata of version 5 keeps its checksum, the number of the record that changed it last, and the file system's id.</summary>
internal sealed record BufferKind(int Checksum, int NumberAt, int Uuid)
{
    private const uint DirectoryBlock = 0x58444233;
    private const uint DirectoryData = 0x58444433;
    private const uint DirectoryFree = 0x58444633;
    private static readonly BufferKind ShortTree = new(52, 24, 32);
    private static readonly BufferKind LongTree = new(64, 32, 40);
    private static readonly BufferKind Directory = new(4, 16, 24);
    private static readonly BufferKind HashBlock = new(12, 24, 32);

    internal ulong Number(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64BigEndian(bytes[NumberAt..]);

    /// <summary>What a buffer holds by its magic number and id; null when it is nothing, or something else's.</summary>
    internal static BufferKind? Of(ReadOnlySpan<byte> bytes, XfsSuperblock superblock)
    {
        var kind = Find(bytes);
        return kind is not null && kind.Uuid + 16 <= bytes.Length && new Guid(bytes.Slice(kind.Uuid, 16), bigEndian: true) is var found && (found == superblock.MetadataUuid || found == superblock.Uuid) ? kind : null;
    }

    /// <summary>Notes the record's number and seals with the checksum.</summary>
    internal static void Seal(byte[] bytes, XfsSuperblock superblock, ulong number)
    {
        if (Find(bytes) is not { } kind)
        {
            return; // content of the realtime bitmap, or new inodes of old kernels, which carry their own
        }

        // A node of hashes may be one of attributes, whose blocks are always whole.
        var isOfDirectory = ReferenceEquals(kind, Directory) || (ReferenceEquals(kind, HashBlock) && BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(8)) is 0x3DF1 or 0x3DFF);
        if (isOfDirectory && bytes.Length < superblock.DirectoryBlockSize)
        {
            throw LogRecords.Damaged("a directory block that lies in several pieces on the disk was being changed");
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(kind.NumberAt), number);
        Store.Seal(bytes, kind.Checksum);
    }

    private static BufferKind? Find(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32BigEndian(bytes) switch
    {
        0x58465342 => new BufferKind(224, 240, 32), // XFSB
        0x58414746 => new BufferKind(216, 208, 64), // XAGF
        0x58414749 => new BufferKind(312, 320, 296), // XAGI
        0x5841464C => new BufferKind(32, 24, 8), // XAFL
        0x41423342 or 0x41423343 or 0x49414233 or 0x46494233 or 0x524D4233 or 0x52334643 => ShortTree,
        0x424D4133 => LongTree,
        DirectoryBlock or DirectoryData or DirectoryFree => Directory,
        0x58534C4D => new BufferKind(12, 48, 16), // XSLM
        _ => BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]) is 0x3DF1 or 0x3DFF or 0x3EBE or 0x3BEE ? HashBlock : null,
    };
}
