using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// struct btrfs_super_block: 4096 bytes at 64 KiB, copies at 64 MiB and 256 GiB (Documentation/dev/On-disk-format of btrfs-progs). The newest intact copy counts.
/// </summary>
internal sealed class BtrfsSuperblock
{
    public const int Size = 4096;
    public const int NodeLimit = 64 * 1024;

    /// <summary>Where the copies are; nothing else is ever stored in the 64 KiB from there.</summary>
    public static readonly ImmutableArray<long> Offsets = [64L << 10, 64L << 20, 256L << 30];

    private static readonly (int Bit, string Name)[] IncompatibleFeatures =
    [
        (0, "mixed-backref"), (1, "default-subvol"), (2, "mixed-groups"), (3, "compress-lzo"), (4, "compress-zstd"), (5, "big-metadata"), (6, "extended-iref"),
        (7, "raid56"), (8, "skinny-metadata"), (9, "no-holes"), (10, "metadata-uuid"), (11, "raid1c34"),
    ];

    private static readonly (int Bit, string Name)[] UnreadFeatures =
    [
        (12, "zoned"), (13, "extent-tree-v2"), (14, "raid-stripe-tree"), (16, "simple-quota"),
    ];

    private readonly byte[] _bytes;

    private BtrfsSuperblock(byte[] bytes, BtrfsChecksum checksum)
    {
        _bytes = bytes;
        Checksum = checksum;
    }

    public static ReadOnlySpan<byte> Magic => "_BHRfS_M"u8;

    public BtrfsChecksum Checksum { get; }

    public Guid FileSystemId => new(_bytes.AsSpan(0x20, 16), bigEndian: true);

    /// <summary>The id that tree blocks carry: another one after 'btrfstune -m'.</summary>
    public Guid MetadataId => (IncompatibleFlags & (1UL << 10)) != 0 ? new Guid(_bytes.AsSpan(0x23b, 16), bigEndian: true) : FileSystemId;

    public ulong Generation => U64(0x48);

    public bool HasSkinnyMetadata => (IncompatibleFlags & (1UL << 8)) != 0;

    public bool HasNoHoles => (IncompatibleFlags & (1UL << 9)) != 0;

    public bool HasExtendedReferences => (IncompatibleFlags & (1UL << 6)) != 0;

    public bool HasBackReferences => (IncompatibleFlags & 1) != 0;

    public bool HasBlockGroupTree => (ReadOnlyFlags & 8) != 0;

    /// <summary>Whether there is a free space tree that the kernel believes.</summary>
    public bool HasValidFreeSpaceTree => (ReadOnlyFlags & 3) == 3;

    /// <summary>Bits of the header: 1 is usual; others say that something is under way.</summary>
    public ulong Flags => U64(0x38);

    public ulong RootTree => U64(0x50);

    public ulong ChunkTree => U64(0x58);

    public ulong LogTree => U64(0x60);

    public ulong TotalBytes => U64(0x70);

    public ulong UsedBytes => U64(0x78);

    public ulong RootDirectory => U64(0x80);

    public ulong DeviceCount => U64(0x88);

    public int SectorSize => (int)Math.Min(U32(0x90), int.MaxValue);

    public int NodeSize => (int)Math.Min(U32(0x94), int.MaxValue);

    public ulong ChunkTreeGeneration => U64(0xa4);

    public ulong ReadOnlyFlags => U64(0xb4);

    public ulong IncompatibleFlags => U64(0xbc);

    public byte RootLevel => _bytes[0xc6];

    public byte ChunkLevel => _bytes[0xc7];

    public ulong DeviceId => U64(0xc9);

    public ulong DeviceBytes => U64(0xc9 + 8);

    public string Label => GuestText.Decode(Terminated(_bytes.AsSpan(0x12b, 256)));

    /// <summary>Keys and chunk items of the chunks that hold the chunk tree itself.</summary>
    public ReadOnlySpan<byte> SystemChunks => _bytes.AsSpan(0x32b, (int)U32(0xa0));

    public ImmutableArray<string> Features =>
    [
        .. IncompatibleFeatures.Where(feature => (IncompatibleFlags & (1UL << feature.Bit)) != 0).Select(feature => feature.Name),
        .. (ReadOnlyFlags & 1) != 0 ? ["free-space-tree"] : Array.Empty<string>(),
        .. (ReadOnlyFlags & 8) != 0 ? ["block-group-tree"] : Array.Empty<string>(),
        Checksum.Name,
    ];

    /// <summary>Whether a device carries the magic number in its first superblock.</summary>
    public static bool Identify(IBlockDevice device)
    {
        if (device.Length < Offsets[0] + Size)
        {
            return false;
        }

        Span<byte> magic = stackalloc byte[8];
        device.Read(new GuestOffset(Offsets[0] + 0x40), magic);
        return magic.SequenceEqual(Magic);
    }

    /// <summary>The newest intact copy.</summary>
    /// <exception cref="DiagnosticException">There is none (BTR001), or it needs what is not supported (BTR002).</exception>
    public static BtrfsSuperblock Read(IBlockDevice device)
    {
        BtrfsSuperblock? best = null;
        var problem = "there is none";
        foreach (var offset in Offsets.Where(offset => offset <= device.Length - Size))
        {
            var bytes = new byte[Size];
            device.Read(new GuestOffset(offset), bytes);
            if (TryParse(bytes, offset, out var found, out var cause))
            {
                best = best is null || found.Generation > best.Generation ? found : best;
            }
            else
            {
                problem = cause;
            }
        }

        if (best is null)
        {
            throw BtrfsDiagnostics.BadSuperblock.ToException($"no copy is intact: {problem}");
        }

        best.DemandSupported();
        return best;
    }

    /// <summary>The bytes, to be changed and written.</summary>
    public byte[] ToBytes() => [.. _bytes];

    /// <summary>A superblock that this code made.</summary>
    public static BtrfsSuperblock Of(byte[] bytes, BtrfsChecksum checksum) => new(bytes, checksum);

    private static bool TryParse(byte[] bytes, long offset, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BtrfsSuperblock? superblock, out string cause)
    {
        superblock = null;
        if (!bytes.AsSpan(0x40, 8).SequenceEqual(Magic))
        {
            cause = $"the one at {offset} has no magic number";
            return false;
        }

        if (BtrfsChecksum.Of(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(0xc4))) is not { } checksum)
        {
            cause = $"the one at {offset} has checksum type {BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(0xc4))}";
            return false;
        }

        if (!checksum.Matches(bytes.AsSpan(BtrfsChecksum.FieldSize), bytes) || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x30)) != (ulong)offset)
        {
            cause = $"the {checksum.Name} of the one at {offset} is wrong";
            return false;
        }

        cause = "";
        superblock = new BtrfsSuperblock(bytes, checksum);
        return true;
    }

    private static ReadOnlySpan<byte> Terminated(ReadOnlySpan<byte> text) => text.IndexOf((byte)0) is var end and >= 0 ? text[..end] : text;

    private void DemandSupported()
    {
        var known = IncompatibleFeatures.Aggregate(0UL, (flags, feature) => flags | (1UL << feature.Bit));
        var unknown = IncompatibleFlags & ~known;
        if (unknown != 0)
        {
            var names = UnreadFeatures.Where(feature => (unknown & (1UL << feature.Bit)) != 0).Select(feature => feature.Name).ToList();
            throw BtrfsDiagnostics.UnknownFeature.ToException(names.Count > 0 ? string.Join(", ", names) : $"incompatible feature bits 0x{unknown:x}");
        }

        if (SectorSize < 4096 || SectorSize > NodeLimit || !BitOperations.IsPow2(SectorSize) || NodeSize < SectorSize || NodeSize > NodeLimit || !BitOperations.IsPow2(NodeSize))
        {
            throw BtrfsDiagnostics.BadSuperblock.ToException($"sectors of {SectorSize} and tree blocks of {NodeSize} bytes");
        }

        if (U32(0xa0) > 2048 || RootLevel > BtrfsTree.MaximumLevel || ChunkLevel > BtrfsTree.MaximumLevel)
        {
            throw BtrfsDiagnostics.BadSuperblock.ToException($"a chunk array of {U32(0xa0)} bytes, tree levels {RootLevel} and {ChunkLevel}");
        }
    }

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
}
