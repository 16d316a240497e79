using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>The parts that read a file system, put together.</summary>
internal sealed class ExtVolume
{
    private const int CompatibleStates = 3;

    internal ExtVolume(IBlockDevice device, ExtSuperblock super)
    {
        Device = device;
        Super = super;
        Cache = new BlockCache(device, super.BlockSize);
        Groups = new GroupTable(super, Cache);
        Inodes = new InodeTable(super, Cache, Groups);
        Extents = new ExtentTree(super, Cache, Inodes);
        Map = new BlockMap(super, Cache);
        Files = new FileReader(super, device, Extents, Map);
        Xattrs = new XattrReader(super, Cache, Inodes, Files);
        DirectoryBlocks = new DirectoryBlocks(super, Cache, Inodes, Files);
        Index = new DirectoryIndex(super, DirectoryBlocks);
        Directories = new DirectoryReader(Inodes, DirectoryBlocks, Index);
        Bitmaps = new BitmapReader(super, Cache, Groups);
    }

    internal IBlockDevice Device { get; }

    internal ExtSuperblock Super { get; }

    internal BlockCache Cache { get; }

    internal GroupTable Groups { get; }

    internal InodeTable Inodes { get; }

    internal ExtentTree Extents { get; }

    internal BlockMap Map { get; }

    internal FileReader Files { get; }

    internal XattrReader Xattrs { get; }

    internal DirectoryBlocks DirectoryBlocks { get; }

    internal DirectoryIndex Index { get; }

    internal DirectoryReader Directories { get; }

    internal BitmapReader Bitmaps { get; }

    /// <summary>Why the file system must not be written by this code; null when it may.</summary>
    internal string? FindReadOnlyReason()
    {
        if (!Device.CanWrite)
        {
            return "the device was opened for reading";
        }

        var unknown = Super.ReadOnly & ~ExtFeatures.Writable;
        if (unknown != 0)
        {
            return $"feature {string.Join(", ", ExtFeatures.Names(unknown))} is not supported for writing";
        }

        if ((Super.State & CompatibleStates) != 1)
        {
            return (Super.State & 2) != 0
                ? "it is marked as having errors; run e2fsck on it first"
                : "it was not unmounted cleanly and has no journal; run e2fsck on it first";
        }

        return MmpReason();
    }

    /// <summary>The superblock as it is now, for reading.</summary>
    internal ReadOnlySpan<byte> CurrentSuperblock => Cache.Read(SuperblockBlock).AsSpan(SuperblockOffset, ExtSuperblock.Size);

    /// <summary>Names of the features, with those that a change turned on (large_file, ext_attr).</summary>
    internal IReadOnlyList<string> CurrentFeatures
    {
        get
        {
            var raw = CurrentSuperblock;
            if (BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.RevisionOffset..]) == 0)
            {
                return [];
            }

            return
            [
                .. ExtFeatures.Names((CompatFeatures)BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.CompatOffset..])),
                .. ExtFeatures.Names(Super.Incompat),
                .. ExtFeatures.Names((ReadOnlyFeatures)BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.ReadOnlyOffset..])),
            ];
        }
    }

    internal ulong SuperblockBlock => Super.BlockSize == 1024 ? 1ul : 0;

    internal int SuperblockOffset => Super.BlockSize == 1024 ? 0 : ExtSuperblock.DiskOffset;

    internal ulong CurrentFreeBlocks
    {
        get
        {
            var raw = CurrentSuperblock;
            var high = Super.Has(IncompatFeatures.Bits64) ? BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.FreeBlocksHighOffset..]) : 0u;
            return BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.FreeBlocksLowOffset..]) | ((ulong)high << 32);
        }
    }

    private string? MmpReason()
    {
        const uint magic = 0x004D4D50;
        const uint clean = 0xFF4D4D50;
        if (!Super.Has(IncompatFeatures.Mmp) || Super.MmpBlock == 0)
        {
            return null;
        }

        if (!Super.IsValidBlock(Super.MmpBlock))
        {
            throw ExtDiagnostics.BadSuperblock.ToException($"the block for protection against multiple mounts is said to be {Super.MmpBlock} of {Super.BlocksCount}", "superblock");
        }

        var block = Cache.Read(Super.MmpBlock);
        return BinaryPrimitives.ReadUInt32LittleEndian(block) == magic && BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)) == clean
            ? null
            : "its protection against multiple mounts (mmp) says that another machine uses it";
    }
}
