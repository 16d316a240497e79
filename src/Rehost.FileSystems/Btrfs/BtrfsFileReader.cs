using System.Buffers;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Reads content of files: extents of all kinds, with the checksums of what is stored.</summary>
internal sealed class BtrfsFileReader(BtrfsVolume volume, BtrfsRoots roots)
{
    private const int PieceSize = 1 << 20;
    public const ulong ChecksumObject = unchecked((ulong)-10);
    private readonly Lock _gate = new();
    private (ulong Start, long Length, byte[] Content)? _lastDecoded;

    /// <summary>Fills a buffer from a file; the range lies within the file.</summary>
    public void Read(BtrfsTree tree, BtrfsInode inode, long offset, Span<byte> buffer)
    {
        buffer.Clear(); // what no extent covers is a hole
        var end = offset + buffer.Length;
        var key = new BtrfsKey(inode.Number, BtrfsKey.ExtentData, (ulong)offset);
        if (tree.Floor(key) is { } floor && floor.Key.ObjectId == inode.Number && floor.Key.Type == BtrfsKey.ExtentData)
        {
            key = floor.Key;
        }

        var position = offset;
        foreach (var item in tree.From(key).TakeWhile(item => item.Key.ObjectId == inode.Number && item.Key.Type == BtrfsKey.ExtentData && item.Key.Offset < (ulong)end))
        {
            var extent = BtrfsExtent.Parse(item);
            var (from, to) = (Math.Max(extent.Start, position), Math.Min(extent.End, end));
            if (from < to)
            {
                ReadExtent(extent, from - extent.Start, buffer[(int)(from - offset)..(int)(to - offset)], inode.HasChecksums, $"inode {inode.Number} at {extent.Start}");
                position = to;
            }
        }
    }

    private void ReadExtent(BtrfsExtent extent, long within, Span<byte> buffer, bool isVerified, string where)
    {
        if (extent.IsZero)
        {
            return;
        }

        if (extent.Inline is { } stored)
        {
            var content = extent.Compression == 0 ? stored.Span : Decode(extent, stored, where);
            content.Slice((int)within, buffer.Length).CopyTo(buffer);
            return;
        }

        if (extent.Compression == 0)
        {
            ReadStored(extent.DiskStart + (ulong)(extent.Offset + within), buffer, isVerified, where);
            return;
        }

        DecodeStored(extent, isVerified, where).AsSpan((int)(extent.Offset + within), buffer.Length).CopyTo(buffer);
    }

    private byte[] DecodeStored(BtrfsExtent extent, bool isVerified, string where)
    {
        lock (_gate)
        {
            if (_lastDecoded is { } last && last.Start == extent.DiskStart && last.Length == extent.DecodedLength)
            {
                return last.Content;
            }
        }

        var compressed = new byte[extent.DiskLength];
        ReadStored(extent.DiskStart, compressed, isVerified, where);
        var content = Decode(extent, compressed, where);
        lock (_gate)
        {
            _lastDecoded = (extent.DiskStart, extent.DecodedLength, content);
        }

        return content;
    }

    private byte[] Decode(BtrfsExtent extent, ReadOnlyMemory<byte> stored, string where)
        => BtrfsDecoder.Decode(extent.Compression, stored, (int)extent.DecodedLength, volume.Superblock.SectorSize, where);

    /// <summary>Reads stored bytes in whole sectors, because each sector has one checksum.</summary>
    private void ReadStored(ulong logical, Span<byte> buffer, bool isVerified, string where)
    {
        if (!isVerified || roots.Find(BtrfsRoots.ChecksumTree) is null)
        {
            volume.Read(logical, buffer, 0);
            return;
        }

        var sector = (ulong)volume.Superblock.SectorSize;
        var rented = ArrayPool<byte>.Shared.Rent(PieceSize + (2 * volume.Superblock.SectorSize));
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = Math.Min(buffer.Length, PieceSize);
                var start = logical / sector * sector;
                var size = (int)(((logical + (ulong)count + sector - 1) / sector * sector) - start);
                var piece = rented.AsSpan(0, size);
                volume.Read(start, piece, 0);
                Verify(start, piece, where);
                piece.Slice((int)(logical - start), count).CopyTo(buffer);
                logical += (ulong)count;
                buffer = buffer[count..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Verify(ulong start, Span<byte> piece, string where)
    {
        var (sector, size) = (volume.Superblock.SectorSize, volume.Superblock.Checksum.Size);
        var checksums = roots.Open(BtrfsRoots.ChecksumTree);
        var end = start + (ulong)piece.Length;
        var key = new BtrfsKey(ChecksumObject, BtrfsKey.ExtentCsum, start);
        if (checksums?.Floor(key) is { } floor && floor.Key.ObjectId == ChecksumObject && floor.Key.Type == BtrfsKey.ExtentCsum)
        {
            key = floor.Key;
        }

        foreach (var item in checksums?.From(key).TakeWhile(item => item.Key.ObjectId == ChecksumObject && item.Key.Offset < end) ?? [])
        {
            if (item.Key.Offset % (ulong)sector != 0)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"checksums of the logical address {item.Key.Offset}, which begins no sector", $"item {item.Key}");
            }

            // A sector without a checksum in the tree was written without one: nothing to hold it against.
            for (var i = 0; i < item.Data.Length / size; i++)
            {
                var logical = item.Key.Offset + ((ulong)i * (ulong)sector);
                if (logical >= start && logical < end)
                {
                    VerifySector(logical, piece.Slice((int)(logical - start), sector), item.Data.Span.Slice(i * size, size), where);
                }
            }
        }
    }

    private void VerifySector(ulong logical, Span<byte> content, ReadOnlySpan<byte> stored, string where)
    {
        var copies = volume.ChunkOf(logical).Copies;
        for (var copy = 0; !volume.Superblock.Checksum.Matches(content, stored); copy++)
        {
            if (copy + 1 >= copies)
            {
                throw BtrfsDiagnostics.BadData.ToException($"the {volume.Superblock.Checksum.Name} of the sector at logical address {logical} is wrong in all {copies} copies", where);
            }

            volume.Read(logical, content, copy + 1);
        }
    }
}
