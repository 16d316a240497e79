using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>The devices of a file system and the map from its logical addresses to them.</summary>
internal sealed class BtrfsVolume
{
    /// <summary>More than a 16 EiB file system of 1 GiB chunks that anyone has; bounds memory on a damaged one.</summary>
    private const int ChunkLimit = 1 << 20;

    private readonly Dictionary<ulong, IBlockDevice> _devices = [];
    private readonly SortedList<ulong, BtrfsChunk> _chunks = [];
    private readonly BtrfsBlockCache _cache = new();

    private BtrfsVolume(BtrfsSuperblock superblock) => Superblock = superblock;

    /// <summary>As it is stored.</summary>
    public BtrfsSuperblock Superblock { get; set; }

    /// <summary>The id that every tree block carries, and every device extent.</summary>
    public ReadOnlySpan<byte> ChunkTreeId => ReadBlock(Superblock.RootTree, Superblock.RootLevel, Superblock.Generation).ChunkTreeId;

    public IEnumerable<BtrfsChunk> Chunks => _chunks.Values;

    /// <summary>Devices by their number.</summary>
    public IReadOnlyDictionary<ulong, IBlockDevice> Devices => _devices;

    /// <summary>Puts a file system together.</summary>
    /// <param name="device">One of its devices.</param>
    /// <param name="companions">Where its other devices are looked for.</param>
    public static BtrfsVolume Open(IBlockDevice device, IReadOnlyList<IBlockDevice> companions)
    {
        var superblock = BtrfsSuperblock.Read(device);
        var volume = new BtrfsVolume(superblock);
        volume._devices.Add(superblock.DeviceId, device);
        foreach (var companion in companions.Where(companion => !ReferenceEquals(companion, device) && BtrfsSuperblock.Identify(companion)))
        {
            volume.TryAdd(companion);
        }

        volume.ReadSystemChunks();
        volume.ReadChunkTree();
        return volume;
    }

    public BtrfsChunk ChunkOf(ulong logical)
    {
        var keys = _chunks.Keys;
        var (low, high) = (0, keys.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = keys[middle] <= logical ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && _chunks.Values[low - 1] is var chunk && logical < chunk.End
            ? chunk
            : throw BtrfsDiagnostics.BadChunk.ToException($"no chunk holds the logical address {logical}");
    }

    /// <summary>Reads one copy of a range of logical addresses; the range may run over several chunks.</summary>
    public void Read(ulong logical, Span<byte> buffer, int copy)
    {
        while (!buffer.IsEmpty)
        {
            var chunk = ChunkOf(logical);
            var (place, contiguous) = chunk.Locate(logical, Math.Min(copy, chunk.Copies - 1));
            var count = (int)Math.Min((ulong)buffer.Length, contiguous);
            if (!_devices.TryGetValue(place.DeviceId, out var device))
            {
                throw BtrfsDiagnostics.MissingDevice.ToException($"device {place.DeviceId} of {Superblock.DeviceCount} of the file system {Superblock.FileSystemId}");
            }

            if (place.Offset > (ulong)device.Length || (ulong)count > (ulong)device.Length - place.Offset)
            {
                throw BtrfsDiagnostics.BadChunk.ToException($"the logical address {logical} lies at {place.Offset} of device {place.DeviceId}, which has {device.Length} bytes");
            }

            device.Read(new GuestOffset((long)place.Offset), buffer[..count]);
            logical += (ulong)count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Writes all copies of a range of logical addresses.</summary>
    public void Write(ulong logical, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var chunk = ChunkOf(logical);
            var count = data.Length;
            for (var copy = 0; copy < chunk.Copies; copy++)
            {
                var (place, contiguous) = chunk.Locate(logical, copy);
                count = (int)Math.Min((ulong)count, contiguous);
                if (!_devices.TryGetValue(place.DeviceId, out var device) || place.Offset > (ulong)device.Length || (ulong)count > (ulong)device.Length - place.Offset)
                {
                    throw BtrfsDiagnostics.BadChunk.ToException($"the logical address {logical} lies at {place.Offset} of device {place.DeviceId}, which is missing or shorter");
                }

                device.Write(new GuestOffset((long)place.Offset), data[..count]);
            }

            logical += (ulong)count;
            data = data[count..];
        }
    }

    /// <summary>Takes a chunk in that was made by this code.</summary>
    public void Take(BtrfsChunk chunk) => Add(chunk);

    /// <summary>A tree block, verified; another copy is tried when one is damaged.</summary>
    /// <param name="logical">Its address.</param>
    /// <param name="level">The level that it must have.</param>
    /// <param name="generation">The generation that what points to it says.</param>
    public BtrfsTreeBlock ReadBlock(ulong logical, int level, ulong generation)
    {
        if (_cache.TryGet(logical, out var known) && known.Level == level && known.Generation == generation)
        {
            return known;
        }

        var copies = ChunkOf(logical).Copies;
        for (var copy = 0; ; copy++)
        {
            try
            {
                var bytes = new byte[Superblock.NodeSize];
                Read(logical, bytes, copy);
                var block = BtrfsTreeBlock.Parse(bytes, logical, level, generation, Superblock);
                _cache.Add(logical, block);
                return block;
            }
            catch (DiagnosticException) when (copy + 1 < copies)
            {
                // The other copy may be intact, as after a device that was away for a while.
            }
        }
    }

    private void TryAdd(IBlockDevice companion)
    {
        try
        {
            var other = BtrfsSuperblock.Read(companion);
            if (other.FileSystemId == Superblock.FileSystemId && other.MetadataId == Superblock.MetadataId)
            {
                _devices.TryAdd(other.DeviceId, companion);
            }
        }
        catch (DiagnosticException)
        {
            // Not a device of this file system, or so damaged that it is as good as missing; a read that needs it says so.
        }
    }

    private void ReadSystemChunks()
    {
        var rest = Superblock.SystemChunks;
        while (rest.Length > BtrfsKey.Size)
        {
            var key = BtrfsKey.Read(rest);
            if (key.Type != BtrfsKey.ChunkItem)
            {
                throw BtrfsDiagnostics.BadChunk.ToException($"the superblock's chunk array holds the key {key}");
            }

            var size = BtrfsChunk.Parse(key.Offset, rest[BtrfsKey.Size..], out var chunk);
            Add(chunk);
            rest = rest[(BtrfsKey.Size + size)..];
        }
    }

    private void ReadChunkTree()
    {
        var tree = new BtrfsTree(this, Superblock.ChunkTree, Superblock.ChunkLevel, Superblock.ChunkTreeGeneration);
        foreach (var item in tree.From(default).Where(item => item.Key.Type == BtrfsKey.ChunkItem))
        {
            BtrfsChunk.Parse(item.Key.Offset, item.Data.Span, out var chunk);
            Add(chunk);
        }
    }

    private void Add(BtrfsChunk chunk)
    {
        if (_chunks.TryGetValue(chunk.Start, out var known))
        {
            // The system chunks stand in the superblock and in the tree.
            if (known.Length != chunk.Length || !known.Stripes.SequenceEqual(chunk.Stripes))
            {
                throw BtrfsDiagnostics.BadChunk.ToException($"the chunk at {chunk.Start} is described in two ways");
            }

            return;
        }

        if (_chunks.Count >= ChunkLimit)
        {
            throw BtrfsDiagnostics.BadChunk.ToException($"there are more than {ChunkLimit} chunks");
        }

        _chunks.Add(chunk.Start, chunk);
        var index = _chunks.IndexOfKey(chunk.Start);
        if ((index > 0 && _chunks.Values[index - 1].End > chunk.Start) || (index + 1 < _chunks.Count && chunk.End > _chunks.Values[index + 1].Start))
        {
            throw BtrfsDiagnostics.BadChunk.ToException($"the chunk at {chunk.Start} overlaps another one");
        }
    }
}
