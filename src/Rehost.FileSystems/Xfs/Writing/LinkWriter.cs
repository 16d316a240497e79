using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Targets of symbolic links.</summary>
internal sealed class LinkWriter(Store store, Space space)
{
    internal const int Longest = 1023; // XFS_SYMLINK_MAXLEN counts the closing NUL
    private const int Header = 56;

    internal void Write(InodeRecord inode, XfsVolume volume, byte[] target)
    {
        if (target.Length > inode.DataCapacity)
        {
            WriteInBlocks(inode, volume, target);
            return;
        }

        inode.SetFormat(isAttribute: false, XfsFormat.Local);
        inode.Size = target.Length;
        var fork = inode.GetFork(isAttribute: false);
        fork.Clear();
        target.CopyTo(fork);
    }

    internal void WriteInBlocks(InodeRecord inode, XfsVolume volume, byte[] target)
    {
        inode.SetFormat(isAttribute: false, XfsFormat.Extents);
        inode.GetFork(isAttribute: false).Clear();
        inode.Size = target.Length;
        var map = new ForkMap(store, space, volume, inode, isAttribute: false);

        // As many blocks as if each had a header, although an extent has one only.
        var header = store.IsVersion5 ? Header : 0;
        map.Allocate(0, (ulong)((target.Length + store.BlockSize - header - 1) / (store.BlockSize - header)));
        var done = 0;
        foreach (var extent in map.Extents)
        {
            var bytes = new byte[(int)extent.Count * store.BlockSize];
            var count = Math.Min(bytes.Length - header, target.Length - done);
            target.AsSpan(done, count).CopyTo(bytes.AsSpan(header));
            if (store.IsVersion5)
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes, 0x58534C4D);
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)done);
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), (uint)count);
                store.Stamp(bytes, XfsHeaderOffsets.Remote, extent.Block, inode.Number);
                Store.Seal(bytes, XfsHeaderOffsets.Remote.Checksum);
            }

            store.WriteIfChanged(store.ByteOf(extent.Block), bytes);
            done += count;
        }

        map.Save();
    }
}
