using System.Buffers.Binary;
using System.Numerics;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Inodes by number: read, written, taken from chunks and given back to them. Chunks that become empty stay, as with the mount option ikeep.</summary>
internal sealed class InodeStore(Store store, Space space)
{
    internal const int ChecksumAt = 100;
    private const ushort Magic = 0x494E;

    private int IndexBits => store.Super.InodesPerBlockLog;

    internal InodeRecord Get(ulong number)
    {
        var raw = new byte[store.Super.InodeSize];
        store.Cache.Read(PlaceOf(number), raw);

        // The reader's parser verifies what is verifiable.
        XfsInode.Parse((byte[])raw.Clone(), number, store.Super);
        var inode = new InodeRecord(number, raw);
        if (inode.Version == 1)
        {
            inode.Version = 2;
            inode.Links = (uint)inode.U16(6);
            inode.Put16(6, 0);
            raw.AsSpan(20, 10).Clear();
            store.DeclareWideLinks();
        }

        return inode;
    }

    internal void Put(InodeRecord inode)
    {
        if (inode.Version >= 3)
        {
            Store.Seal(inode.Raw, ChecksumAt);
        }

        store.Cache.Write(PlaceOf(inode.Number), inode.Raw);
    }

    /// <summary>A free inode near another, zeroed but for what every inode has.</summary>
    internal InodeRecord Allocate(ulong near, DateTimeOffset time)
    {
        var first = (uint)(near >> (store.Super.AgBlockLog + IndexBits));
        for (var pass = 0; pass < 2; pass++)
        {
            for (var i = 0u; i < store.Super.AgCount; i++)
            {
                var group = space.Get((first + i) % store.Super.AgCount);
                if ((pass == 0 || TryAddChunk(group)) && TryTake(group, near) is { } number)
                {
                    return Initialize(number, time);
                }
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException("no inode is free, and there is no room for more inodes");
    }

    internal void Free(InodeRecord inode)
    {
        var group = space.Get((uint)(inode.Number >> (store.Super.AgBlockLog + IndexBits)));
        var within = (uint)(inode.Number & ((1UL << (store.Super.AgBlockLog + IndexBits)) - 1));
        var at = group.Chunks.FindFirst(chunk => chunk.Start + (ulong)Chunk.Inodes > within);
        if (at >= group.Chunks.Count || group.Chunks[at].Start > within || (group.Chunks[at].Usable & (1UL << (int)(within - group.Chunks[at].Start))) != 0)
        {
            throw XfsDiagnostics.BadInode.ToException("it is in use, and the tree of inodes says that it is free", inode.Where);
        }

        group.Touch();
        group.Chunks[at] = group.Chunks[at] with { Free = group.Chunks[at].Free | (1UL << (int)(within - group.Chunks[at].Start)) };
        store.FreeInodes++;

        // As xfs_ifree leaves it.
        inode.Mode = 0;
        inode.Flags = 0;
        inode.Links = 0;
        inode.Size = 0;
        inode.Blocks = 0;
        inode.Generation = unchecked(inode.Generation + 1);
        inode.SetExtentCount(isAttribute: false, 0);
        inode.SetExtentCount(isAttribute: true, 0);
        if (inode.Version >= 3)
        {
            inode.Put32(128, 0);
            inode.Flags2 = 0;
            inode.Raw.AsSpan(24, 8).Clear();
            InodeRecord.SetDefaults(inode, store.HasBigTime, hasManyExtents: false);
        }

        inode.ForkOffset = 0;
        inode.Put32(72, 0);
        inode.SetFormat(isAttribute: false, XfsFormat.Extents);
        inode.SetFormat(isAttribute: true, XfsFormat.Extents);
        inode.GetFork(isAttribute: false).Clear();
        Put(inode);
    }

    private InodeRecord Initialize(ulong number, DateTimeOffset time)
    {
        var raw = new byte[store.Super.InodeSize];
        store.Cache.Read(PlaceOf(number), raw);
        if (BinaryPrimitives.ReadUInt16BigEndian(raw) != Magic || (store.IsVersion5 && !XfsChecksum.Matches(raw, ChecksumAt)) || BinaryPrimitives.ReadUInt16BigEndian(raw.AsSpan(2)) != 0)
        {
            throw XfsDiagnostics.BadInode.ToException("the tree of inodes says that it is free, and it is in use or damaged", $"inode {number}");
        }

        Span<byte> seed = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(seed, number);
        BinaryPrimitives.WriteInt64BigEndian(seed[8..], time.ToUnixTimeSeconds());
        var generation = unchecked(BinaryPrimitives.ReadUInt32BigEndian(raw.AsSpan(92)) + (Crc32C.Of(seed) | 1));
        raw.AsSpan().Clear();
        var inode = NewRecord(number, raw);
        inode.Generation = generation;
        if (store.IsVersion5)
        {
            InodeRecord.SetDefaults(inode, store.HasBigTime, store.HasManyExtents);
        }

        inode.SetFormat(isAttribute: false, XfsFormat.Extents);
        inode.SetFormat(isAttribute: true, XfsFormat.Extents);
        inode.SetBorn(time);
        return inode;
    }

    private InodeRecord NewRecord(ulong number, byte[] raw)
    {
        var inode = new InodeRecord(number, raw);
        inode.Put16(0, Magic);
        inode.Version = store.IsVersion5 ? 3 : 2;
        inode.Put32(96, uint.MaxValue);
        if (store.IsVersion5)
        {
            inode.Put64(152, number);
            store.StampUuid(raw.AsSpan(160));
        }
        else
        {
            store.DeclareWideLinks();
        }

        return inode;
    }

    private ulong? TryTake(Group group, ulong near)
    {
        var within = (uint)(near & ((1UL << (store.Super.AgBlockLog + IndexBits)) - 1));
        var start = group.Chunks.FindFirst(chunk => chunk.Start + (ulong)Chunk.Inodes > within);
        for (var i = 0; i < group.Chunks.Count; i++)
        {
            var at = (start + i) % group.Chunks.Count;
            var chunk = group.Chunks[at];
            if (chunk.Usable == 0)
            {
                continue;
            }

            var bit = BitOperations.TrailingZeroCount(chunk.Usable);
            group.Touch();
            group.Chunks[at] = chunk with { Free = chunk.Free & ~(1UL << bit) };
            store.FreeInodes--;
            return ((ulong)group.Number << (store.Super.AgBlockLog + IndexBits)) + chunk.Start + (uint)bit;
        }

        return null;
    }

    private bool TryAddChunk(Group group)
    {
        var perBlock = 1 << IndexBits;
        var blocks = Math.Max(1, Chunk.Inodes / perBlock);
        var inodes = Math.Max(Chunk.Inodes, perBlock);
        if (store.InodePercent != 0 && (store.InodeCount + (ulong)inodes) >> IndexBits > store.Super.DataBlocks * (ulong)store.InodePercent / 100)
        {
            return false;
        }

        if (group.TakeAligned((uint)blocks, store.InodeAlignment) is not { } run)
        {
            return false;
        }

        store.FreeBlocks -= run.Count;
        store.FreeInodes += (ulong)inodes;
        store.InodeCount += (ulong)inodes;
        group.AddOwner(new OwnerRecord(run.Start, run.Count, OwnerRecord.InodeChunks, 0));
        var first = run.Start << IndexBits;
        var at = group.Chunks.FindFirst(chunk => chunk.Start >= first);
        for (var i = 0; i < inodes / Chunk.Inodes; i++)
        {
            group.Chunks.Insert(at + i, new Chunk(first + (uint)(i * Chunk.Inodes), 0, ulong.MaxValue));
        }

        var before = group.NewestInode;
        store.Undo.Push(() => group.NewestInode = before);
        group.NewestInode = first;
        for (var i = 0u; i < inodes; i++)
        {
            var number = ((ulong)group.Number << (store.Super.AgBlockLog + IndexBits)) + first + i;
            Put(NewRecord(number, new byte[store.Super.InodeSize]));
        }

        return true;
    }

    private long PlaceOf(ulong number)
    {
        if (number >> (store.Super.AgBlockLog + IndexBits) >= store.Super.AgCount)
        {
            throw XfsDiagnostics.BadInode.ToException("it lies beyond the last group", $"inode {number}");
        }

        return store.ByteOf(number >> IndexBits) + ((long)(number & ((1UL << IndexBits) - 1)) * store.Super.InodeSize);
    }
}
