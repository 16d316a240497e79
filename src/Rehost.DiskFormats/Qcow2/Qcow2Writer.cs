using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Writes a version 3 image with clusters of 64 KiB in one pass: data is appended as it comes, tables follow what they describe, the header comes last.
/// Clusters of zeros are left unallocated.
/// </summary>
internal sealed class Qcow2Writer : IImageWriter
{
    private const int ClusterBits = Qcow2Allocator.ClusterBits;
    private const int ClusterSize = Qcow2Allocator.ClusterSize;
    private const int EntriesPerTable = ClusterSize / 8;
    private const int SectorShift = 62 - (ClusterBits - 8);
    private const ulong Copied = 1UL << 63; // exactly one reference: QEMU may write in place
    private const ulong CompressedFlag = 1UL << 62;

    private readonly IImageFile _file;
    private readonly ImageWriterOptions _options;
    private readonly Qcow2Allocator _allocator;
    private readonly OrderedCompressor? _compressor;
    private readonly AppendBuffer _append;
    private readonly byte[] _l1;
    private readonly long _l1Cluster;
    private readonly byte[] _l2 = new byte[ClusterSize];
    private readonly byte[] _partial = new byte[ClusterSize];
    private long _l2Index = -1;
    private long _l2Cluster;
    private long _partialCluster = -1;
    private long _position;
    private long _packed = -1;
    private int _packedFill;

    public Qcow2Writer(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var entries = ((length - 1) / ((long)ClusterSize * EntriesPerTable)) + 1;
        if (entries > Qcow2Header.L1EntriesMax)
        {
            throw Qcow2Diagnostics.TooLarge.ToException($"{length} bytes; at most {(long)Qcow2Header.L1EntriesMax * ClusterSize * EntriesPerTable} can be held", file.Name);
        }

        _file = file;
        _options = options;
        Length = length;
        _allocator = new Qcow2Allocator(file);
        _append = new AppendBuffer(file);
        _l1 = new byte[(length == 0 ? 1 : entries) * 8];
        (_l1Cluster, _) = _allocator.Allocate((_l1.Length + ClusterSize - 1) / ClusterSize);
        if (options.Compression != ImageCompression.None)
        {
            _compressor = new OrderedCompressor(options.Compression, ClusterSize, (cluster, bytes, isCompressed) =>
            {
                if (isCompressed)
                {
                    PutCompressed(cluster, bytes.Span);
                }
                else
                {
                    PutPlain(cluster, bytes.Span);
                }
            });
        }
    }

    public long Length { get; }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Advance(offset, data.Length);
        var position = offset.Value;
        while (!data.IsEmpty)
        {
            var within = (int)(position % ClusterSize);
            int count;
            if (within != 0 || data.Length < ClusterSize || position / ClusterSize == _partialCluster)
            {
                count = Math.Min(data.Length, ClusterSize - within);
                CollectPartial(position, data[..count]);
            }
            else
            {
                FlushPartial();
                count = PutRun(position / ClusterSize, data);
            }

            position += count;
            data = data[count..];
        }
    }

    public void WriteZeros(GuestOffset offset, long length) => Advance(offset, length);

    public void Complete(CancellationToken cancellationToken)
    {
        FlushPartial();
        _compressor?.Drain();
        _append.Flush();
        cancellationToken.ThrowIfCancellationRequested();
        FlushL2();
        _file.Write(new FileOffset(_l1Cluster << ClusterBits), _l1);
        var (tableCluster, tableClusters) = _allocator.Complete();
        var header = new Qcow2Header
        {
            Version = 3,
            ClusterBits = ClusterBits,
            DiskLength = Length,
            L1Entries = _l1.Length / 8,
            L1Table = new FileOffset(_l1Cluster << ClusterBits),
            RefcountTable = new FileOffset(tableCluster << ClusterBits),
            RefcountTableClusters = (uint)tableClusters,
            Incompatible = _options.Compression == ImageCompression.Zstd ? Qcow2Features.CompressionType : Qcow2Features.None,
            Compression = _options.Compression == ImageCompression.Zstd ? ImageCompression.Zstd : ImageCompression.Zlib,
        };
        _file.Write(FileOffset.Zero, header.ToBytes());
        _file.Flush();
    }

    public void Dispose() => _compressor?.Dispose();

    private void Advance(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset.Value, _position, nameof(offset));
        _position = offset.Value + length;
    }

    private void CollectPartial(long position, ReadOnlySpan<byte> data)
    {
        if (position / ClusterSize != _partialCluster)
        {
            FlushPartial();
            _partialCluster = position / ClusterSize;
        }

        data.CopyTo(_partial.AsSpan((int)(position % ClusterSize)));
    }

    private void FlushPartial()
    {
        if (_partialCluster >= 0)
        {
            PutRun(_partialCluster, _partial);
            _partial.AsSpan().Clear();
            _partialCluster = -1;
        }
    }

    /// <summary>Takes whole clusters of one kind, zero or not, from the front of the data; returns the bytes taken.</summary>
    private int PutRun(long cluster, ReadOnlySpan<byte> data)
    {
        var isZero = !data[..ClusterSize].ContainsAnyExcept((byte)0);
        var count = ClusterSize;
        while (data.Length - count >= ClusterSize && data.Slice(count, ClusterSize).ContainsAnyExcept((byte)0) != isZero)
        {
            count += ClusterSize;
        }

        if (isZero)
        {
            return count;
        }

        if (_compressor is null)
        {
            PutPlain(cluster, data[..count]);
            return count;
        }

        for (var at = 0; at < count; at += ClusterSize)
        {
            _compressor.Submit(cluster + (at / ClusterSize), data.Slice(at, ClusterSize));
        }

        return count;
    }

    private void PutPlain(long cluster, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            EnsureL2(cluster);
            var wanted = (int)Math.Min(data.Length / ClusterSize, EntriesPerTable - (cluster % EntriesPerTable));
            var (host, count) = _allocator.Allocate(wanted);
            _append.Write(host << ClusterBits, data[..(count * ClusterSize)]);
            for (var i = 0; i < count; i++)
            {
                SetEntry(cluster + i, ((ulong)(host + i) << ClusterBits) | Copied);
            }

            cluster += count;
            data = data[(count * ClusterSize)..];
        }
    }

    /// <summary>Packs compressed clusters one behind the other; one may run on into the next cluster of the file if that is the neighbour.</summary>
    private void PutCompressed(long cluster, ReadOnlySpan<byte> data)
    {
        EnsureL2(cluster);
        if (_packed >= 0 && _packedFill + data.Length <= ClusterSize && _allocator.CanShare(_packed))
        {
            _allocator.Share(_packed);
        }
        else if (_packed >= 0 && _packedFill < ClusterSize && _packedFill + data.Length > ClusterSize && _allocator.CanExtend(_packed))
        {
            _allocator.Share(_packed);
            _allocator.Allocate(1);
        }
        else
        {
            (_packed, _) = _allocator.Allocate(1);
            _packedFill = 0;
        }

        var offset = (_packed << ClusterBits) + _packedFill;
        _append.Write(offset, data);
        var furtherSectors = (ulong)(((offset + data.Length - 1) / 512) - (offset / 512));
        SetEntry(cluster, (ulong)offset | (furtherSectors << SectorShift) | CompressedFlag);
        _packedFill += data.Length;
        if (_packedFill > ClusterSize)
        {
            _packed++;
            _packedFill -= ClusterSize;
        }
    }

    private void EnsureL2(long cluster)
    {
        var index = cluster / EntriesPerTable;
        if (index != _l2Index)
        {
            FlushL2();
            (_l2Cluster, _) = _allocator.Allocate(1);
            _l2Index = index;
            BinaryPrimitives.WriteUInt64BigEndian(_l1.AsSpan((int)index * 8), ((ulong)_l2Cluster << ClusterBits) | Copied);
        }
    }

    private void FlushL2()
    {
        if (_l2Index >= 0)
        {
            _file.Write(new FileOffset(_l2Cluster << ClusterBits), _l2);
            _l2.AsSpan().Clear();
        }
    }

    private void SetEntry(long cluster, ulong entry) => BinaryPrimitives.WriteUInt64BigEndian(_l2.AsSpan((int)(cluster % EntriesPerTable) * 8), entry);
}
