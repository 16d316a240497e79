using System.Buffers.Binary;
using System.Numerics;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Writes a version 3 image in one pass: data is appended as it comes, an L2 table lies before what it describes, the other tables and the header come
/// last. Clusters of zeros are left unallocated, or are holes of the file where clusters are to be allocated ahead.
/// </summary>
internal sealed class Qcow2Writer : IImageWriter
{
    private const int DefaultClusterBits = 16;
    private const int HeaderArea = 512; // the smallest cluster
    private const ulong Copied = Qcow2ClusterMap.CopiedFlag; // exactly one reference: QEMU may write in place

    private readonly IImageFile _file;
    private readonly ImageWriterOptions _options;
    private readonly int _clusterBits;
    private readonly Qcow2Allocator _allocator;
    private readonly OrderedCompressor? _compressor;
    private readonly AppendBuffer _append;
    private readonly byte[] _l1;
    private readonly byte[] _l2;
    private readonly byte[] _partial;
    private long _l2Index = -1;
    private long _l2Cluster;
    private long _partialCluster = -1;
    private long _position;
    private long _nextCluster;
    private long _packed = -1;
    private int _packedFill;

    public Qcow2Writer(IImageFile file, long length, ImageWriterOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _file = file;
        _options = options;
        _clusterBits = ClusterBitsOf(options, file.Name);
        Length = length;
        var coverage = (long)ClusterSize * EntriesPerTable;
        var entries = Math.Max(1, (length / coverage) + (length % coverage == 0 ? 0 : 1));
        if (entries > Qcow2Header.L1EntriesMax)
        {
            throw Qcow2Diagnostics.TooLarge.ToException($"{length} bytes in clusters of {ClusterSize}; at most {Qcow2Header.L1EntriesMax * coverage} can be held", file.Name);
        }

        _allocator = new Qcow2Allocator(file, _clusterBits);
        _append = new AppendBuffer(file);
        _l1 = new byte[entries * 8];
        _l2 = new byte[ClusterSize];
        _partial = new byte[ClusterSize];
        if (options.Compression != ImageCompression.None)
        {
            _compressor = new OrderedCompressor(options.Compression, ClusterSize, (cluster, bytes, isCompressed) =>
            {
                if (isCompressed)
                {
                    PutCompressed(cluster, bytes);
                }
                else
                {
                    PutPlain(cluster, bytes);
                }
            });
        }
    }

    private int ClusterSize => 1 << _clusterBits;

    private int EntriesPerTable => 1 << (_clusterBits - 3);

    private bool AllocatesAhead => _options.Preallocation != ImagePreallocation.None;

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
        AllocateTo((Length / ClusterSize) + (Length % ClusterSize == 0 ? 0 : 1));
        _compressor?.Drain();
        _append.Flush();
        cancellationToken.ThrowIfCancellationRequested();
        FlushL2();
        var (l1Cluster, tableCluster, tableClusters) = _allocator.Complete((_l1.Length + ClusterSize - 1) >> _clusterBits);
        _file.Write(new FileOffset(l1Cluster << _clusterBits), _l1);
        var header = new Qcow2Header
        {
            Version = 3,
            ClusterBits = _clusterBits,
            DiskLength = Length,
            L1Entries = _l1.Length / 8,
            L1Table = new FileOffset(l1Cluster << _clusterBits),
            RefcountTable = new FileOffset(tableCluster << _clusterBits),
            RefcountTableClusters = (uint)tableClusters,
            Incompatible = _options.Compression == ImageCompression.Zstd ? Qcow2Features.CompressionType : Qcow2Features.None,
            Compression = _options.Compression == ImageCompression.Zstd ? ImageCompression.Zstd : ImageCompression.Zlib,
        };

        // With zeros behind it, which say that no extensions follow: on a device something else may have been there.
        var headerArea = new byte[HeaderArea];
        header.ToBytes().CopyTo(headerArea, 0);
        _file.Write(FileOffset.Zero, headerArea);
        if (_options.Preallocation == ImagePreallocation.Full)
        {
            _file.Reserve(FileOffset.Zero, _allocator.Next << _clusterBits);
        }

        _file.Flush();
    }

    public void Dispose() => _compressor?.Dispose();

    private static int ClusterBitsOf(ImageWriterOptions options, string name)
    {
        var unit = options.UnitBytes ?? 1 << DefaultClusterBits;
        if (unit is < 512 or > 2 << 20 || !BitOperations.IsPow2(unit))
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"qcow2 clusters of {unit} bytes; they have 512 bytes to 2 MiB, a power of two", name);
        }

        if (options.SubFormat is { } kind)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException($"'{kind}' qcow2; there is only one kind", name);
        }

        return options.Compression == ImageCompression.None || options.Preallocation == ImagePreallocation.None
            ? BitOperations.Log2((uint)unit)
            : throw DiskFormatDiagnostics.CannotWrite.ToException("a compressed image cannot be allocated ahead: nobody knows how large its clusters will be", name);
    }

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
            AllocateTo(cluster);
            PutPlain(cluster, data[..count]);
            _nextCluster = cluster + (count / ClusterSize);
            return count;
        }

        for (var at = 0; at < count; at += ClusterSize)
        {
            _compressor.Submit(cluster + (at / ClusterSize), data.Slice(at, ClusterSize));
        }

        return count;
    }

    /// <summary>Gives every cluster up to here a place, when they are to be allocated ahead; what is not written there is zero.</summary>
    private void AllocateTo(long cluster)
    {
        while (AllocatesAhead && _nextCluster < cluster)
        {
            EnsureL2(_nextCluster);
            var wanted = Math.Min(cluster - _nextCluster, EntriesPerTable - (_nextCluster % EntriesPerTable));
            var (host, count) = _allocator.Allocate(wanted);
            if (!_file.IsFresh)
            {
                _file.WriteZeros(new FileOffset(host << _clusterBits), (long)count << _clusterBits);
            }

            SetPlainEntries(_nextCluster, host, count);
            _nextCluster += count;
        }
    }

    private void PutPlain(long cluster, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            EnsureL2(cluster);
            var wanted = (int)Math.Min(data.Length / ClusterSize, EntriesPerTable - (cluster % EntriesPerTable));
            var (host, count) = _allocator.Allocate(wanted);
            _append.Write(host << _clusterBits, data[..(count * ClusterSize)]);
            SetPlainEntries(cluster, host, count);
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

        var offset = (_packed << _clusterBits) + _packedFill;
        _append.Write(offset, data);
        var furtherSectors = (ulong)(((offset + data.Length - 1) / 512) - (offset / 512));
        SetEntry(cluster, (ulong)offset | (furtherSectors << (62 - (_clusterBits - 8))) | Qcow2ClusterMap.CompressedFlag);
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
            BinaryPrimitives.WriteUInt64BigEndian(_l1.AsSpan((int)index * 8), ((ulong)_l2Cluster << _clusterBits) | Copied);
        }
    }

    private void FlushL2()
    {
        if (_l2Index >= 0)
        {
            _file.Write(new FileOffset(_l2Cluster << _clusterBits), _l2);
            _l2.AsSpan().Clear();
        }
    }

    private void SetPlainEntries(long cluster, long host, int count)
    {
        for (var i = 0; i < count; i++)
        {
            SetEntry(cluster + i, ((ulong)(host + i) << _clusterBits) | Copied);
        }
    }

    private void SetEntry(long cluster, ulong entry) => BinaryPrimitives.WriteUInt64BigEndian(_l2.AsSpan((int)(cluster % EntriesPerTable) * 8), entry);
}
