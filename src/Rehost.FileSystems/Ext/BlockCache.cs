using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>Metadata blocks in memory, by block number. An operation that runs out of space leaves no trace.</summary>
internal sealed class BlockCache(IBlockDevice device, int blockSize)
{
    private readonly PageCache _pages = new(device, blockSize, mayEndInPage: false);

    internal bool IsDirty => _pages.IsDirty;

    /// <summary>The content of a block, not to be changed by the caller.</summary>
    internal byte[] Read(ulong block) => _pages.Page((long)block);

    /// <summary>The content of a block, to be changed by the caller before the operation ends.</summary>
    internal byte[] Edit(ulong block) => _pages.Edit((long)block);

    /// <summary>A block of zeros in place of whatever the device holds.</summary>
    internal byte[] EditNew(ulong block) => _pages.EditNew((long)block);

    /// <summary>The block was freed, or its content is written past the cache: what is in memory no longer counts.</summary>
    internal void Forget(ulong block) => _pages.Forget((long)block);

    internal void Begin() => _pages.Begin();

    internal void Commit() => _pages.Commit();

    internal void Rollback() => _pages.Rollback();

    internal void WriteBack() => _pages.WriteBack();
}
