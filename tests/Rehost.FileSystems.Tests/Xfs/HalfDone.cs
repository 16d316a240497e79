using Rehost.Blocks;
using Rehost.FileSystems.Xfs;
using Rehost.FileSystems.Xfs.Writing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>The parts of the writer by themselves, to leave a file system in the middle of an operation.</summary>
internal sealed class HalfDone
{
    private const ulong CopyOwner = unchecked((ulong)-9L);
    private readonly PageCache _cache;
    private readonly Store _store;
    private readonly InodeStore _inodes;
    private readonly XfsVolume _volume;

    public HalfDone(IBlockDevice device)
    {
        var super = XfsSuperblock.Read(device);
        _cache = new PageCache(device);
        _store = new Store(_cache, super);
        Space = new Space(_store);
        _inodes = new InodeStore(_store, Space);
        _volume = new XfsVolume(new CacheDevice(_cache), super);
    }

    public Space Space { get; }

    public InodeRecord Inode(string name) => _inodes.Get(XfsDirectory.List(_volume, _volume.ReadInode(_store.Super.RootInode)).Single(entry => entry.Name == name).Node.Value);

    public ForkMap Map(InodeRecord inode) => new(_store, Space, _volume, inode, isAttribute: false);

    public ulong BlockOf(ForkMap map, ulong fileBlock) => map.Demand(fileBlock);

    public Run RunOf(XfsExtent extent) => new(_store.WithinGroup(extent.Block), (uint)extent.Count);

    /// <summary>Inodes say that their blocks may be shared.</summary>
    public void Share(params InodeRecord[] inodes)
    {
        foreach (var inode in inodes)
        {
            inode.Flags2 |= 2;
            _inodes.Put(inode);
        }
    }

    public void SetAside(XfsExtent extent)
    {
        Space.Get(_store.GroupOf(extent.Block)).SetAside(RunOf(extent));
        Space.AddOwner(extent.Block, (uint)extent.Count, CopyOwner, 0);
    }

    public void Put(InodeRecord inode, ForkMap map)
    {
        map.Save();
        _inodes.Put(inode);
    }

    public void Save()
    {
        Space.Write();
        _store.WriteSuper();
        _cache.WriteBack();
    }
}
