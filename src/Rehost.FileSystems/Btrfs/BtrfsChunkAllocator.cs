using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Makes a further chunk from space of the devices that no chunk takes, laid out like the last one of its kind.</summary>
internal sealed class BtrfsChunkAllocator(BtrfsVolume volume, BtrfsTransaction transaction)
{
    private const ulong DeviceItems = 1;
    private const ulong FirstChunkTree = 256;
    private const ulong StripeLength = 64 * 1024;
    private const ulong Mebibyte = 1 << 20;
    private const ulong FirstUsable = Mebibyte; // BTRFS_DEVICE_RANGE_RESERVED
    private const ulong MostData = 1UL << 30;
    private const ulong MostMetadata = 256UL << 20;
    private const int DeviceItemSize = 98;
    private const int DeviceExtentSize = 48;

    /// <summary>Adds a chunk to the changes; false when the devices have no room for one.</summary>
    public bool TryAdd(BtrfsProfile kind)
    {
        if (volume.Chunks.LastOrDefault(chunk => (chunk.Profile & kind) != 0) is not { } like)
        {
            return false;
        }

        var devices = ReadDevices();
        var layout = like.Profile & BtrfsProfile.Layouts;
        var perDevice = layout == BtrfsProfile.Duplicate ? 2 : 1;
        var deviceCount = like.Stripes.Length / perDevice;
        var dataStripes = (ulong)(layout switch
        {
            BtrfsProfile.Raid0 => like.Stripes.Length,
            BtrfsProfile.Raid10 => like.Stripes.Length / 2,
            _ => 1,
        });
        var limit = Math.Min((like.Profile & BtrfsProfile.Data) != 0 ? MostData : MostMetadata, devices.Aggregate(0UL, (sum, device) => sum + device.TotalBytes) / 10 / dataStripes);
        var chosen = devices.Select(device => (Device: device, Hole: device.LargestHole())).OrderByDescending(pair => pair.Hole.Length).ThenBy(pair => pair.Device.Id).Take(deviceCount).ToList();
        if (chosen.Count < deviceCount)
        {
            return false;
        }

        var size = Math.Min(limit, chosen[^1].Hole.Length / (ulong)perDevice) / Mebibyte * Mebibyte;
        if (size == 0)
        {
            return false;
        }

        var stripes = chosen.SelectMany(pair => Enumerable.Range(0, perDevice).Select(copy => (pair.Device, Offset: pair.Hole.Start + ((ulong)copy * size)))).ToList();
        var start = volume.Chunks.Max(chunk => chunk.End);
        var item = ToItem(like, size * dataStripes, stripes);
        BtrfsChunk.Parse(start, item, out var made);
        Store(made, item, size, stripes);
        volume.Take(made);
        transaction.Space.Add(made);
        return true;
    }

    private void Store(BtrfsChunk chunk, byte[] item, ulong size, List<(Device Device, ulong Offset)> stripes)
    {
        var chunks = transaction.Tree(BtrfsRoots.ChunkTree);
        var devices = transaction.Tree(BtrfsRoots.DeviceTree);
        chunks.Put(new BtrfsKey(FirstChunkTree, BtrfsKey.ChunkItem, chunk.Start), item);
        foreach (var (device, offset) in stripes)
        {
            var key = new BtrfsKey(DeviceItems, BtrfsKey.DevItem, device.Id);
            var changed = (chunks.Get(key) ?? throw BtrfsDiagnostics.BadItem.ToException($"device {device.Id} has no item")).Data.ToArray();
            BinaryPrimitives.WriteUInt64LittleEndian(changed.AsSpan(16), unchecked(BinaryPrimitives.ReadUInt64LittleEndian(changed.AsSpan(16)) + size));
            chunks.Put(key, changed);

            var extent = new byte[DeviceExtentSize];
            BinaryPrimitives.WriteUInt64LittleEndian(extent, BtrfsRoots.ChunkTree);
            BinaryPrimitives.WriteUInt64LittleEndian(extent.AsSpan(8), FirstChunkTree);
            BinaryPrimitives.WriteUInt64LittleEndian(extent.AsSpan(16), chunk.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(extent.AsSpan(24), size);
            volume.ChunkTreeId.CopyTo(extent.AsSpan(32));
            devices.Put(new BtrfsKey(device.Id, BtrfsKey.DevExtent, offset), extent);
        }
    }

    /// <summary>struct btrfs_chunk.</summary>
    private byte[] ToItem(BtrfsChunk like, ulong length, List<(Device Device, ulong Offset)> stripes)
    {
        var item = new byte[48 + (stripes.Count * 32)];
        BinaryPrimitives.WriteUInt64LittleEndian(item, length);
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(8), BtrfsRoots.ExtentTree);
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(16), StripeLength);
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(24), (ulong)like.Profile);
        BinaryPrimitives.WriteUInt32LittleEndian(item.AsSpan(32), (uint)StripeLength);
        BinaryPrimitives.WriteUInt32LittleEndian(item.AsSpan(36), (uint)StripeLength);
        BinaryPrimitives.WriteUInt32LittleEndian(item.AsSpan(40), (uint)volume.Superblock.SectorSize);
        BinaryPrimitives.WriteUInt16LittleEndian(item.AsSpan(44), (ushort)stripes.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(item.AsSpan(46), (ushort)((like.Profile & BtrfsProfile.Raid10) != 0 ? 2 : 1));
        for (var i = 0; i < stripes.Count; i++)
        {
            var stripe = item.AsSpan(48 + (i * 32));
            BinaryPrimitives.WriteUInt64LittleEndian(stripe, stripes[i].Device.Id);
            BinaryPrimitives.WriteUInt64LittleEndian(stripe[8..], stripes[i].Offset);
            stripes[i].Device.Uuid.CopyTo(stripe[16..]);
        }

        return item;
    }

    private List<Device> ReadDevices()
    {
        var devices = new List<Device>();
        var extents = transaction.Tree(BtrfsRoots.DeviceTree).Reading;
        foreach (var item in transaction.Tree(BtrfsRoots.ChunkTree).Reading.Of(DeviceItems, BtrfsKey.DevItem).Where(item => volume.Devices.ContainsKey(item.Key.Offset)))
        {
            if (item.Data.Length < DeviceItemSize)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"a device has an item of {item.Data.Length} bytes", $"item {item.Key}");
            }

            // A file behind the device may be shorter than what the file system was told.
            var total = Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span[8..]), (ulong)volume.Devices[item.Key.Offset].Length);
            var holes = new List<(ulong Start, ulong Length)>();
            var position = FirstUsable;
            foreach (var extent in extents.Of(item.Key.Offset, BtrfsKey.DevExtent))
            {
                if (extent.Data.Length < DeviceExtentSize || BinaryPrimitives.ReadUInt64LittleEndian(extent.Data.Span[24..]) is var length && (length > long.MaxValue || extent.Key.Offset > long.MaxValue))
                {
                    throw BtrfsDiagnostics.BadItem.ToException("a device extent makes no sense", $"item {extent.Key}");
                }

                if (extent.Key.Offset > position && position < total)
                {
                    holes.Add((position, Math.Min(extent.Key.Offset, total) - position));
                }

                position = Math.Max(position, extent.Key.Offset + BinaryPrimitives.ReadUInt64LittleEndian(extent.Data.Span[24..]));
            }

            if (position < total)
            {
                holes.Add((position, total - position));
            }

            devices.Add(new Device(item.Key.Offset, total, item.Data.Slice(66, 16).ToArray(), holes));
        }

        return devices;
    }

    private sealed record Device(ulong Id, ulong TotalBytes, byte[] Uuid, List<(ulong Start, ulong Length)> Holes)
    {
        /// <summary>Begins at a multiple of 1 MiB, as the kernel lays chunks.</summary>
        public (ulong Start, ulong Length) LargestHole() => Holes
            .Select(hole => (Start: (hole.Start + Mebibyte - 1) / Mebibyte * Mebibyte, End: hole.Start + hole.Length))
            .Where(hole => hole.Start < hole.End)
            .Select(hole => (hole.Start, Length: hole.End - hole.Start))
            .OrderByDescending(hole => hole.Length)
            .ThenBy(hole => hole.Start)
            .FirstOrDefault();
    }
}
