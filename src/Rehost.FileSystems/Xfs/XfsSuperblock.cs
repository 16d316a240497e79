using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>struct xfs_dsb at the first byte of the device; big-endian (XFS Algorithms and Data Structures, "Superblocks"). Versions 4 and 5.</summary>
internal sealed class XfsSuperblock
{
    public const uint Magic = 0x58465342; // XFSB
    private const int Size = 512;
    private const uint IncompatibleKnown = 0xEF; // all but NEEDSREPAIR and what came after parent pointers

    private static readonly (uint Bit, string Name)[] ReadOnlyNames = [(1, "finobt"), (2, "rmapbt"), (4, "reflink"), (8, "inobtcount")];
    private static readonly (uint Bit, string Name)[] IncompatibleNames =
        [(1, "ftype"), (2, "sparse"), (4, "metauuid"), (8, "bigtime"), (0x10, "needsrepair"), (0x20, "nrext64"), (0x40, "exchange"), (0x80, "parent"), (0x100, "metadir"), (0x200, "zoned")];

    private readonly byte[] _bytes;

    private XfsSuperblock(byte[] bytes) => _bytes = bytes;

    public bool IsVersion5 => (U16(100) & 0xF) == 5;

    public int BlockSize => (int)U32(4);

    public ulong DataBlocks => U64(8);

    public Guid Uuid => new(_bytes.AsSpan(32, 16), bigEndian: true);

    /// <summary>The id that metadata carries: another one after 'xfs_admin -U'.</summary>
    public Guid MetadataUuid => (Incompatible & 4) != 0 ? new Guid(_bytes.AsSpan(248, 16), bigEndian: true) : Uuid;

    /// <summary>First block of the log; 0 when it is on another device.</summary>
    public ulong LogStart => U64(48);

    public ulong RootInode => U64(56);

    public uint AgBlocks => U32(84);

    public uint AgCount => U32(88);

    public uint LogBlocks => U32(96);

    public int SectorSize => U16(102);

    public int InodeSize => U16(104);

    public string Label => GuestText.Decode(_bytes.AsSpan(108, 12).TrimEnd((byte)0));

    public int BlockLog => _bytes[120];

    public int InodesPerBlockLog => _bytes[123];

    public int AgBlockLog => _bytes[124];

    public ulong FreeBlocks => U64(144);

    public int DirectoryBlockSize => BlockSize << _bytes[192];

    public bool IsCaseInsensitive => (U16(100) & 0x4000) != 0;

    /// <summary>Whether directory entries carry the kind of what they name.</summary>
    public bool HasFileTypes => IsVersion5 ? (Incompatible & 1) != 0 : (U16(100) & 0x8000) != 0 && (U32(200) & 0x200) != 0;

    public ImmutableArray<string> Features =>
    [
        IsVersion5 ? "crc" : "v4",
        .. ReadOnlyNames.Where(one => IsVersion5 && (ReadOnly & one.Bit) != 0).Select(one => one.Name),
        .. IncompatibleNames.Where(one => IsVersion5 && (Incompatible & one.Bit) != 0).Select(one => one.Name),
        .. IsCaseInsensitive ? ["ascii-ci"] : Array.Empty<string>(),
    ];

    private uint ReadOnly => IsVersion5 ? U32(212) : 0;

    private uint Incompatible => IsVersion5 ? U32(216) : 0;

    /// <summary>What stands in the way of writing, all that was read notwithstanding; null when nothing does.</summary>
    public string? FindReadOnlyReason()
    {
        const uint knownReadOnly = 0xF;
        const uint parentPointers = 0x80;
        var unknown = ReadOnly & ~knownReadOnly;
        return unknown != 0 ? $"it uses read-only compatible features that are not known (0x{unknown:x})"
            : (Incompatible & parentPointers) != 0 ? "its files point to their parent directories (parent), which is read and not written"
            : IsCaseInsensitive ? "its names ignore case (ascii-ci), which is read and not written"
            : U64(16) != 0 ? "it has a realtime device"
            : _bytes[126] != 0 ? "it is not finished (inprogress)"
            : null;
    }

    public static bool Identify(IBlockDevice device)
    {
        if (device.Length < Size)
        {
            return false;
        }

        Span<byte> magic = stackalloc byte[4];
        device.Read(GuestOffset.Zero, magic);
        return BinaryPrimitives.ReadUInt32BigEndian(magic) == Magic;
    }

    /// <summary>Reads and verifies the first superblock.</summary>
    /// <exception cref="DiagnosticException">It is damaged (XFS001) or needs what is not supported (XFS002).</exception>
    public static XfsSuperblock Read(IBlockDevice device)
    {
        if (device.Length < Size)
        {
            throw XfsDiagnostics.BadSuperblock.ToException($"the device has {device.Length} bytes");
        }

        var bytes = new byte[Size];
        device.Read(GuestOffset.Zero, bytes);
        var superblock = new XfsSuperblock(bytes);
        superblock.DemandSane(device.Length);
        superblock.DemandChecksum(device);
        superblock.DemandSupported();
        return superblock;
    }

    /// <summary>Byte of the device where a block of the file system lies; its number holds group and block in the group.</summary>
    /// <param name="block">The number.</param>
    /// <param name="count">Blocks that must follow it in its group.</param>
    public long ByteOf(ulong block, ulong count)
    {
        var (group, within) = (block >> AgBlockLog, block & ((1UL << AgBlockLog) - 1));
        return group < AgCount && within < AgBlocks && count <= AgBlocks - within && (group * AgBlocks) + within + count <= DataBlocks
            ? (long)((group * AgBlocks) + within) * BlockSize
            : throw XfsDiagnostics.BadExtent.ToException($"{count} blocks at block {within} of group {group} leave the file system of {AgCount} groups of {AgBlocks} blocks");
    }

    private void DemandSane(long deviceLength)
    {
        if (U32(0) != Magic || (U16(100) & 0xF) is not (4 or 5))
        {
            throw XfsDiagnostics.BadSuperblock.ToException($"magic number 0x{U32(0):x8}, version {U16(100) & 0xF}; 0x{Magic:x8} and 4 or 5 were needed");
        }

        var (blockSize, sectorSize, inodeSize) = (U32(4), U16(102), U16(104));
        if (!BitOperations.IsPow2(blockSize) || blockSize is < 512 or > 65536 || 1U << Math.Min((int)_bytes[120], 31) != blockSize
            || !BitOperations.IsPow2(sectorSize) || sectorSize is < 512 or > 32768
            || !BitOperations.IsPow2(inodeSize) || inodeSize is < 256 or > 2048 || inodeSize > blockSize
            || 1U << Math.Min((int)_bytes[123], 31) != blockSize / inodeSize)
        {
            throw XfsDiagnostics.BadSuperblock.ToException($"blocks of {blockSize}, sectors of {sectorSize}, inodes of {inodeSize} bytes");
        }

        if (AgBlocks < 64 || AgBlockLog > 31 || AgBlocks > 1UL << AgBlockLog || AgBlockLog + InodesPerBlockLog > 40 || AgCount == 0 || AgCount > 1 << 24
            || DataBlocks > (ulong)AgCount * AgBlocks || DataBlocks <= ((ulong)AgCount - 1) * AgBlocks || DataBlocks > (ulong)(deviceLength / blockSize)
            || DirectoryLog > 7 || (blockSize << DirectoryLog) > 65536)
        {
            throw XfsDiagnostics.BadSuperblock.ToException(
                $"{DataBlocks} blocks in {AgCount} groups of {AgBlocks} (log {AgBlockLog}), directory blocks of {blockSize} << {DirectoryLog}, on a device of {deviceLength} bytes");
        }
    }

    private int DirectoryLog => _bytes[192];

    private void DemandChecksum(IBlockDevice device)
    {
        if (!IsVersion5)
        {
            return;
        }

        var sector = new byte[SectorSize];
        device.Read(GuestOffset.Zero, sector);
        if (!XfsChecksum.Matches(sector, 224))
        {
            throw XfsDiagnostics.BadSuperblock.ToException("its checksum is wrong");
        }
    }

    private void DemandSupported()
    {
        var unknown = Incompatible & ~IncompatibleKnown;
        if (unknown != 0)
        {
            var names = IncompatibleNames.Where(one => (unknown & one.Bit) != 0).Select(one => one.Name).ToList();
            throw XfsDiagnostics.UnknownFeature.ToException(names.Count > 0 ? string.Join(", ", names) : $"incompatible feature bits 0x{unknown:x}");
        }

        if (!IsVersion5 && (U16(100) & 0x2000) == 0)
        {
            throw XfsDiagnostics.UnknownFeature.ToException("directories of version 1, as before 2001");
        }

        if (LogStart == 0)
        {
            throw XfsDiagnostics.UnknownFeature.ToException("a log on another device: whether it was replayed cannot be seen");
        }
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16BigEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(at));
}
