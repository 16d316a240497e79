using System.Buffers.Binary;
using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>The superblock as it was when the file system was opened, validated: geometry and features. Counters that change live in the block cache.</summary>
internal sealed class ExtSuperblock
{
    internal const int DiskOffset = 1024;
    internal const int Size = 1024;
    internal const int FreeBlocksLowOffset = 0x0C;
    internal const int FreeInodesOffset = 0x10;
    internal const int WriteTimeOffset = 0x30;
    internal const int StateOffset = 0x3A;
    internal const int RevisionOffset = 0x4C;
    internal const int FirstInodeOffset = 0x54;
    internal const int InodeSizeOffset = 0x58;
    internal const uint OldFirstInode = 11;
    internal const int CompatOffset = 0x5C;
    internal const int IncompatOffset = 0x60;
    internal const int ReadOnlyOffset = 0x64;
    internal const int LastOrphanOffset = 0xE8;
    internal const int FreeBlocksHighOffset = 0x158;
    internal const int WriteTimeHighOffset = 0x274;
    internal const int ChecksumOffset = 0x3FC;
    private const ushort Magic = 0xEF53;
    private readonly byte[] _raw;

    private ExtSuperblock(byte[] raw)
    {
        _raw = raw;
        BlockSizeBits = 10 + (int)U32(0x18);
        BlockSize = 1 << BlockSizeBits;
        Compat = (CompatFeatures)U32(CompatOffset);
        Incompat = (IncompatFeatures)U32(IncompatOffset);
        ReadOnly = (ReadOnlyFeatures)U32(ReadOnlyOffset);
        if (Revision == 0)
        {
            // The first revision had none of the fields from s_first_ino on.
            Compat = 0;
            Incompat = 0;
            ReadOnly = 0;
        }

        BlocksCount = U32(0x04) | (Has(IncompatFeatures.Bits64) ? (ulong)U32(0x150) << 32 : 0);
        InodeSize = Revision == 0 ? 128 : U16(InodeSizeOffset);
        DescriptorSize = Has(IncompatFeatures.Bits64) ? U16(0xFE) : 32;
        ClusterRatioBits = Has(ReadOnlyFeatures.BigAlloc) ? (int)Math.Min(U32(0x1C), 64) - (int)U32(0x18) : 0;
    }

    internal ReadOnlySpan<byte> Raw => _raw;

    internal int BlockSize { get; }

    internal int BlockSizeBits { get; }

    internal ulong BlocksCount { get; }

    internal uint InodesCount => U32(0x00);

    internal uint FirstDataBlock => U32(0x14);

    internal uint BlocksPerGroup => U32(0x20);

    internal uint InodesPerGroup => U32(0x28);

    internal int InodeSize { get; }

    internal int DescriptorSize { get; }

    internal int ClusterRatioBits { get; }

    internal uint ClustersPerGroup => BlocksPerGroup >> ClusterRatioBits;

    internal uint Revision => U32(RevisionOffset);

    internal uint FirstInode => Revision == 0 ? OldFirstInode : U32(FirstInodeOffset);

    internal CompatFeatures Compat { get; }

    internal IncompatFeatures Incompat { get; }

    internal ReadOnlyFeatures ReadOnly { get; }

    internal ReadOnlySpan<byte> Uuid => _raw.AsSpan(0x68, 16);

    internal ReadOnlySpan<byte> Label => _raw.AsSpan(0x78, 16);

    internal uint ReservedGdtBlocks => Has(CompatFeatures.ResizeInode) || !Has(IncompatFeatures.MetaBg) ? U16(0xCE) : 0u;

    internal uint JournalInode => U32(0xE0);

    internal uint JournalDevice => U32(0xE4);

    internal uint LastOrphan => U32(LastOrphanOffset);

    internal ReadOnlySpan<byte> HashSeed => _raw.AsSpan(0xEC, 16);

    internal byte DefaultHashVersion => _raw[0xFC];

    internal uint FirstMetaBg => U32(0x104);

    internal uint Flags => U32(0x160);

    internal int WantExtraIsize => U16(0x15E);

    internal ulong MmpBlock => BinaryPrimitives.ReadUInt64LittleEndian(_raw.AsSpan(0x168));

    internal uint OrphanFileInode => U32(0x280);

    internal uint OverheadBlocks => U32(0x248);

    internal ushort State => U16(StateOffset);

    /// <summary>Not later than the last second that an inode can hold (in 2446), whatever a damaged superblock says.</summary>
    internal long WriteTime => Math.Min(U32(WriteTimeOffset) | ((long)_raw[WriteTimeHighOffset] << 32), 0x3_7FFF_FFFF);

    internal ulong FreeBlocks => U32(FreeBlocksLowOffset) | (Has(IncompatFeatures.Bits64) ? (ulong)U32(FreeBlocksHighOffset) << 32 : 0);

    internal uint GroupCount => (uint)((BlocksCount - FirstDataBlock + BlocksPerGroup - 1) / BlocksPerGroup);

    internal int DescriptorsPerBlock => BlockSize / DescriptorSize;

    internal uint DescriptorBlocks => (GroupCount + (uint)DescriptorsPerBlock - 1) / (uint)DescriptorsPerBlock;

    internal bool HasGroupChecksums => (ReadOnly & (ReadOnlyFeatures.GdtChecksum | ReadOnlyFeatures.MetadataChecksum)) != 0;

    internal bool HasMetadataChecksums => Has(ReadOnlyFeatures.MetadataChecksum);

    /// <summary>What every metadata checksum starts from (s_checksum_seed, or the UUID's checksum).</summary>
    internal uint ChecksumSeed => Has(IncompatFeatures.ChecksumSeed) ? U32(0x270) : ExtChecksum.Crc32C(uint.MaxValue, Uuid);

    internal static bool Identify(IBlockDevice device)
    {
        if (device.Length < DiskOffset + Size)
        {
            return false;
        }

        Span<byte> raw = stackalloc byte[Size];
        device.Read(new GuestOffset(DiskOffset), raw);
        return BinaryPrimitives.ReadUInt16LittleEndian(raw[0x38..]) == Magic
            && BinaryPrimitives.ReadUInt32LittleEndian(raw[0x18..]) <= 6
            && BinaryPrimitives.ReadUInt32LittleEndian(raw[0x4C..]) <= 1
            && BinaryPrimitives.ReadUInt32LittleEndian(raw[0x04..]) != 0;
    }

    internal static ExtSuperblock Read(IBlockDevice device)
    {
        if (!Identify(device))
        {
            throw ExtDiagnostics.NotExt.ToException("the magic number 0xEF53 is not where the superblock should be (offset 1024), or its first fields make no sense", "superblock");
        }

        var raw = new byte[Size];
        device.Read(new GuestOffset(DiskOffset), raw);
        var superblock = new ExtSuperblock(raw);
        superblock.Validate(device.Length);
        return superblock;
    }

    internal bool Has(CompatFeatures feature) => (Compat & feature) != 0;

    internal bool Has(IncompatFeatures feature) => (Incompat & feature) != 0;

    internal bool Has(ReadOnlyFeatures feature) => (ReadOnly & feature) != 0;

    internal ulong GroupFirstBlock(uint group) => FirstDataBlock + ((ulong)group * BlocksPerGroup);

    internal uint BlocksInGroup(uint group) => (uint)Math.Min(BlocksPerGroup, BlocksCount - GroupFirstBlock(group));

    internal bool IsValidBlock(ulong block) => block > FirstDataBlock && block < BlocksCount;

    internal bool IsValidRange(ulong block, ulong count) => block > FirstDataBlock && block < BlocksCount && count <= BlocksCount - block;

    /// <summary>Whether a group starts with a copy of the superblock.</summary>
    internal bool GroupHasSuperblock(uint group)
    {
        if (group == 0)
        {
            return true;
        }

        if (Has(CompatFeatures.SparseSuper2))
        {
            return group == U32(0x24C) || group == U32(0x250);
        }

        return group == 1 || !Has(ReadOnlyFeatures.SparseSuper) || ((group & 1) != 0 && (IsPower(group, 3) || IsPower(group, 5) || IsPower(group, 7)));
    }

    /// <summary>Blocks at the start of a group that hold the superblock copy and the descriptor table, with its reserve for growth.</summary>
    internal uint BaseMetadataBlocks(uint group)
    {
        var count = GroupHasSuperblock(group) ? 1u : 0u;
        var metaGroup = group / (uint)DescriptorsPerBlock;
        if (!Has(IncompatFeatures.MetaBg) || metaGroup < FirstMetaBg)
        {
            return count == 0 ? 0 : count + (Has(IncompatFeatures.MetaBg) ? Math.Min(FirstMetaBg, DescriptorBlocks) : DescriptorBlocks) + U16(0xCE);
        }

        // meta_bg: the first, second and last group of each meta group hold its one descriptor block.
        var inMetaGroup = group % (uint)DescriptorsPerBlock;
        return inMetaGroup == 0 || inMetaGroup == 1 || inMetaGroup == (uint)DescriptorsPerBlock - 1 ? count + 1 : count;
    }

    /// <summary>Where a block of the descriptor table is.</summary>
    internal ulong DescriptorBlock(uint index)
    {
        if (!Has(IncompatFeatures.MetaBg) || index < FirstMetaBg)
        {
            return FirstDataBlock + 1ul + index + (FirstDataBlock == 0 && BlockSize == 1024 ? 1ul : 0);
        }

        var group = index * (uint)DescriptorsPerBlock;
        var skip = GroupHasSuperblock(group) ? 1ul : 0;
        return GroupFirstBlock(group) + skip + (BlockSize == 1024 && index == 0 && FirstDataBlock == 0 ? 1ul : 0);
    }

    private static bool IsPower(uint value, uint root)
    {
        ulong power = root;
        while (power < value)
        {
            power *= root;
        }

        return power == value;
    }

    private static DiagnosticException Bad(string message) => ExtDiagnostics.BadSuperblock.ToException(message, "superblock");

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_raw.AsSpan(offset));

    private ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_raw.AsSpan(offset));

    private void Validate(long deviceLength)
    {
        if (Has(IncompatFeatures.JournalDevice))
        {
            throw ExtDiagnostics.UnknownFeature.ToException("this is not a file system but the external journal of one (feature journal_dev)", "superblock");
        }

        var unknown = Incompat & ~ExtFeatures.Readable;
        if (unknown != 0)
        {
            throw ExtDiagnostics.UnknownFeature.ToException($"incompatible feature {string.Join(", ", ExtFeatures.Names(unknown))}", "superblock");
        }

        if (HasMetadataChecksums)
        {
            if (_raw[0x175] != 1)
            {
                throw ExtDiagnostics.UnknownFeature.ToException($"checksum type {_raw[0x175]}; only 1 (crc32c) is known", "superblock");
            }

            var expected = ExtChecksum.Crc32C(uint.MaxValue, _raw.AsSpan(0, ChecksumOffset));
            if (expected != U32(ChecksumOffset))
            {
                throw ExtDiagnostics.Checksum.ToException($"superblock: stored 0x{U32(ChecksumOffset):x8}, computed 0x{expected:x8}", "superblock");
            }
        }

        ValidateGeometry();
        if (BlocksCount > (ulong)deviceLength >> BlockSizeBits)
        {
            throw ExtDiagnostics.Truncated.ToException($"the file system has {BlocksCount} blocks of {BlockSize} bytes, the device {deviceLength} bytes", "superblock");
        }
    }

    private void ValidateGeometry()
    {
        if (InodeSize < 128 || InodeSize > BlockSize || !BitOperations.IsPow2(InodeSize))
        {
            throw Bad($"inode size {InodeSize}; a power of two from 128 to {BlockSize} is needed");
        }

        if (DescriptorSize < 32 || DescriptorSize > 1024 || !BitOperations.IsPow2(DescriptorSize) || (Has(IncompatFeatures.Bits64) && DescriptorSize < 64))
        {
            throw Bad($"group descriptor size {DescriptorSize}");
        }

        if (ClusterRatioBits is < 0 or > 20 || U32(0x1C) > 30)
        {
            throw Bad($"cluster size 2^{10 + (long)U32(0x1C)} with block size {BlockSize}");
        }

        if (BlocksPerGroup < 256 || (BlocksPerGroup & ((8u << ClusterRatioBits) - 1)) != 0 || ClustersPerGroup > 8 * (uint)BlockSize)
        {
            throw Bad($"{BlocksPerGroup} blocks in a group; 256 to {8 * BlockSize} are possible");
        }

        var inodesPerBlock = (uint)(BlockSize / InodeSize);
        if (InodesPerGroup < inodesPerBlock || InodesPerGroup > 8 * (uint)BlockSize || (InodesPerGroup & 7) != 0)
        {
            throw Bad($"{InodesPerGroup} inodes in a group; {inodesPerBlock} to {8 * BlockSize} are possible");
        }

        if (FirstDataBlock >= BlocksCount || FirstDataBlock != (BlockSize == 1024 && !Has(ReadOnlyFeatures.BigAlloc) ? 1u : 0u))
        {
            throw Bad($"first data block {FirstDataBlock} of {BlocksCount}");
        }

        var groups = (BlocksCount - FirstDataBlock + BlocksPerGroup - 1) / BlocksPerGroup;
        if (groups > uint.MaxValue || groups * InodesPerGroup != InodesCount)
        {
            throw Bad($"{groups} groups of {InodesPerGroup} inodes are not {InodesCount} inodes");
        }

        if (FirstInode < 11 || FirstInode > InodesCount)
        {
            throw Bad($"first ordinary inode {FirstInode} of {InodesCount}");
        }

        if (U16(0xCE) > BlockSize / 4)
        {
            throw Bad($"{U16(0xCE)} reserved descriptor blocks");
        }

        if (Has(IncompatFeatures.MetaBg) && FirstMetaBg > DescriptorBlocks)
        {
            throw Bad($"first meta group {FirstMetaBg} of {DescriptorBlocks}");
        }
    }
}
