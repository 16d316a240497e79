using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>
/// A thin pool (drivers/md/dm-thin-metadata.c): a superblock, a tree that leads from devices to trees that lead from their blocks to blocks of the pool, a tree of what is
/// known of each device, and the maps of free space. A write changes metadata in place, except for nodes that several devices share: the kernel copies every node because it
/// must survive a power cut at any moment, while here all that is written lands in an overlay, of which the target gets all or nothing. The data are written before the
/// metadata lead to them, and a write that cannot be made as a whole changes nothing. Safe to call from several threads.
/// </summary>
internal sealed class ThinPool
{
    private const ulong Magic = 27022010;
    private const uint NeedsCheck = 1;
    private const int DetailsLength = 24;
    private const int CopyLength = 1 << 20;
    private const int TimeBits = 24;

    private readonly IBlockDevice _data;
    private readonly string _name;
    private readonly MetadataBlocks _blocks;
    private readonly MetadataSpaceMap _metadataMap;
    private readonly DataSpaceMap _dataMap;
    private readonly PersistentTree _devices;
    private readonly PersistentTree _mappings;
    private readonly PersistentTree _details;
    private readonly Lock _gate = new();

    /// <summary>Reads the superblock.</summary>
    /// <exception cref="DiagnosticException">It is damaged (VOL005) or in a state that is not read (VOL001).</exception>
    public ThinPool(string name, IBlockDevice metadata, IBlockDevice data)
    {
        _name = name;
        _data = data;
        _blocks = new MetadataBlocks(metadata, name);
        Span<byte> magic = stackalloc byte[8];
        metadata.Read(new GuestOffset(32), magic);
        if (BinaryPrimitives.ReadUInt64LittleEndian(magic) != Magic)
        {
            throw VolumeDiagnostics.Damaged.ToException("the thin pool has no metadata: it was never activated, or they are lost", name);
        }

        var version = Number32(40);
        var incompatible = Number32(360);
        var blockSectors = Number32(340);
        if (version is not (1 or 2) || incompatible != 0 || blockSectors != MetadataBlocks.BlockLength / 512)
        {
            throw VolumeDiagnostics.Unsupported.ToException($"the thin pool has metadata of version {version} with features {incompatible:x} in blocks of {blockSectors} sectors", name);
        }

        if ((Number32(4) & NeedsCheck) != 0)
        {
            throw VolumeDiagnostics.Unsupported.ToException("the thin pool asks for a check (thin_check, lvconvert --repair)", name);
        }

        ChunkBytes = (long)Number32(336) * 512;
        if (ChunkBytes is < 512 or > 1L << 31)
        {
            throw VolumeDiagnostics.Damaged.ToException($"the thin pool has chunks of {ChunkBytes} bytes", name);
        }

        _metadataMap = new MetadataSpaceMap(_blocks);
        _dataMap = new DataSpaceMap(_blocks, _metadataMap, data.Length / ChunkBytes);
        _devices = new PersistentTree(_blocks, _metadataMap, 8, value => _metadataMap.Increment(Saturated(value)));
        _mappings = new PersistentTree(_blocks, _metadataMap, 8, value => _dataMap.Increment(Saturated(value) >> TimeBits));
        _details = new PersistentTree(_blocks, _metadataMap, DetailsLength);
    }

    /// <summary>Bytes of a block of the pool.</summary>
    public long ChunkBytes { get; }

    /// <summary>Whether blocks can be added: both devices can be written, and the metadata have no feature that a writer has to know.</summary>
    public bool CanWrite => _data.CanWrite && _blocks.CanWrite && Number32(356) == 0;

    private long DevicesRoot => Number64(320);

    private long DetailsRoot => Number64(328);

    /// <summary>Demands that the pool has a device.</summary>
    /// <exception cref="DiagnosticException">There is no such device (VOL005).</exception>
    public void Demand(ulong device)
    {
        lock (_gate)
        {
            _ = SnapshotTime(device);
            _ = Tree(device);
        }
    }

    /// <summary>Where the pool keeps a device's block; null when it was never written.</summary>
    public (IBlockDevice Device, long Offset)? Find(ulong device, long block)
    {
        lock (_gate)
        {
            return Map(Tree(device), block) is { } mapped ? (_data, Place(mapped.Block)) : null;
        }
    }

    /// <summary>Writes to a device, in blocks of its own.</summary>
    /// <exception cref="DiagnosticException">The pool is full (VOL013) or damaged (VOL005); nothing was changed.</exception>
    public void Write(ulong device, long offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            try
            {
                var position = offset;
                foreach (var target in Provision(device, offset, data.Length, isSkippingUnmapped: false))
                {
                    var within = position % ChunkBytes;
                    var part = data[..(int)Math.Min(data.Length, ChunkBytes - within)];
                    Fill(target, part.Length);
                    _data.Write(new GuestOffset(Place(target.Block) + within), part);
                    position += part.Length;
                    data = data[part.Length..];
                }

                _blocks.Commit();
            }
            finally
            {
                Forget();
            }
        }
    }

    /// <summary>Writes zeros where a device has blocks; elsewhere there are zeros.</summary>
    /// <exception cref="DiagnosticException">As <see cref="Write"/>.</exception>
    public void WriteZeros(ulong device, long offset, long length)
    {
        lock (_gate)
        {
            try
            {
                foreach (var target in Provision(device, offset, length, isSkippingUnmapped: true))
                {
                    var start = Math.Max(offset, target.Origin * ChunkBytes);
                    var count = Math.Min(offset + length, (target.Origin + 1) * ChunkBytes) - start;
                    Fill(target, count);
                    _data.WriteZeros(new GuestOffset(Place(target.Block) + (start % ChunkBytes)), count);
                }

                _blocks.Commit();
            }
            finally
            {
                Forget();
            }
        }
    }

    public void Flush()
    {
        _data.Flush();
        _blocks.Flush();
    }

    /// <summary>Gives every block of a range a place of its own, in memory only.</summary>
    private List<Target> Provision(ulong device, long offset, long length, bool isSkippingUnmapped)
    {
        var targets = new List<Target>();
        var (tree, snapshotTime) = (Tree(device), SnapshotTime(device));
        for (var origin = offset / ChunkBytes; origin * ChunkBytes < offset + length; origin++)
        {
            var mapped = Map(tree, origin);
            if (mapped is not null || !isSkippingUnmapped)
            {
                // The kernel's own rule: what was written before the last snapshot may be shared with it.
                var isNew = mapped is not { } own || own.Time < snapshotTime;
                targets.Add(new Target(origin, mapped?.Block ?? 0, isNew ? mapped?.Block : null, isNew));
            }
        }

        var needed = targets.Count(target => target.IsNew);
        if (needed == 0)
        {
            return targets;
        }

        if (needed > _dataMap.Free)
        {
            throw VolumeDiagnostics.NotAllocated.ToException(
                $"a write of {length} bytes at {offset} needs {needed} new blocks of {ChunkBytes} bytes, and {_dataMap.Free} of the {_dataMap.Blocks} of the thin pool are free", _name);
        }

        for (var i = 0; i < targets.Count; i++)
        {
            targets[i] = targets[i].IsNew ? targets[i] with { Block = Add(device, targets[i].Origin, targets[i].Shared) } : targets[i];
        }

        CountMapped(device, targets.Count(target => target.IsNew && target.Shared is null));
        DemandReserve();
        return targets;
    }

    /// <summary>A new block for a device's block, in place of another one when that one is shared.</summary>
    private long Add(ulong device, long origin, long? shared)
    {
        var block = _dataMap.Allocate();

        // First down to the leaf with this device's root: where the pool's metadata are held for a reader, the leaf is that reader's too.
        SetTree(device, Tree(device));
        Span<byte> mapping = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(mapping, (block << TimeBits) | (Number32(44) & ((1 << TimeBits) - 1)));
        SetTree(device, _mappings.Insert(Tree(device), (ulong)origin, mapping));
        if (shared is { } old)
        {
            _dataMap.Decrement(old);
        }

        return block;
    }

    private void SetTree(ulong device, long tree)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(value, tree);
        SetNumber64(320, _devices.Insert(DevicesRoot, device, value));
    }

    private void CountMapped(ulong device, int added)
    {
        Span<byte> details = stackalloc byte[DetailsLength];
        if (added > 0 && _details.TryFind(DetailsRoot, device, details))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(details, BinaryPrimitives.ReadUInt64LittleEndian(details) + (ulong)added);
            SetNumber64(328, _details.Insert(DetailsRoot, device, details));
        }
    }

    /// <summary>The kernel stops giving out blocks when no more metadata are left than it wants for its own copies.</summary>
    private void DemandReserve()
    {
        var reserve = Math.Min(4096, _metadataMap.Blocks / 10);
        if (_metadataMap.Free < reserve)
        {
            throw VolumeDiagnostics.NotAllocated.ToException(
                $"a write would leave {_metadataMap.Free} of {_metadataMap.Blocks} blocks of the thin pool's metadata free, and the kernel keeps {reserve} for itself", _name);
        }
    }

    /// <summary>
    /// What a write leaves of a new block: its old content, or zeros. A pool may be told not to clear new blocks; here they are cleared all the same, so that what read as
    /// zeros before the write does so after it.
    /// </summary>
    private void Fill(Target target, long count)
    {
        if (!target.IsNew || count == ChunkBytes)
        {
            return;
        }

        if (target.Shared is not { } shared)
        {
            _data.WriteZeros(new GuestOffset(Place(target.Block)), ChunkBytes);
            return;
        }

        var buffer = new byte[(int)Math.Min(CopyLength, ChunkBytes)];
        for (var done = 0L; done < ChunkBytes; done += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, ChunkBytes - done));
            _data.Read(new GuestOffset(Place(shared) + done), part);
            _data.Write(new GuestOffset(Place(target.Block) + done), part);
        }
    }

    /// <summary>After a commit there is nothing to forget but what was freed in it; without one, nothing was changed.</summary>
    private void Forget()
    {
        _blocks.Discard();
        _dataMap.Forget();
        _metadataMap.Forget();
    }

    private long Place(long block) => block < _data.Length / ChunkBytes ? block * ChunkBytes : throw _blocks.Damaged($"lead to block {block} of {_data.Length / ChunkBytes}");

    private uint SnapshotTime(ulong device)
    {
        Span<byte> details = stackalloc byte[DetailsLength];
        return _details.TryFind(DetailsRoot, device, details) ? BinaryPrimitives.ReadUInt32LittleEndian(details[20..]) : throw _blocks.Damaged($"know no device {device}");
    }

    private long Tree(ulong device)
    {
        Span<byte> value = stackalloc byte[8];
        return _devices.TryFind(DevicesRoot, device, value) ? Saturated(value) : throw _blocks.Damaged($"know no device {device}");
    }

    private (long Block, uint Time)? Map(long tree, long block)
    {
        Span<byte> value = stackalloc byte[8];
        if (!_mappings.TryFind(tree, (ulong)block, value))
        {
            return null;
        }

        var packed = BinaryPrimitives.ReadUInt64LittleEndian(value);
        return ((long)(packed >> TimeBits), (uint)(packed & ((1 << TimeBits) - 1)));
    }

    private static long Saturated(ReadOnlySpan<byte> value) => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(value), long.MaxValue);

    private uint Number32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_blocks.Read(0, BlockRole.Superblock).AsSpan(offset));

    private long Number64(int offset) => Saturated(_blocks.Read(0, BlockRole.Superblock).AsSpan(offset, 8));

    private void SetNumber64(int offset, long value) => BinaryPrimitives.WriteInt64LittleEndian(_blocks.Edit(0, BlockRole.Superblock).AsSpan(offset), value);

    /// <summary>A block that is written.</summary>
    /// <param name="Origin">The device's block.</param>
    /// <param name="Block">The pool's block.</param>
    /// <param name="Shared">The pool's block that it takes the place of.</param>
    /// <param name="IsNew">Whether it was not the device's before.</param>
    private readonly record struct Target(long Origin, long Block, long? Shared, bool IsNew);
}
