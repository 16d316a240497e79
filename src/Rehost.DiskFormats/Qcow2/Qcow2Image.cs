using System.Buffers;
using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// A qcow2 image, versions 2 and 3, read-only: plain, zero and compressed clusters. Every offset is checked against the file before it is used. Any
/// number of threads may read.
/// </summary>
public sealed class Qcow2Image : IBlockDevice
{
    private const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    private const ulong L1ReservedMask = 0x7f00_0000_0000_01ff;
    private const ulong L2ReservedMask = 0x3f00_0000_0000_01fe;
    private const ulong CompressedFlag = 1UL << 62;
    private const ulong ZeroFlag = 1;

    private readonly IBlockDevice _file;
    private readonly string _name;
    private readonly Qcow2Header _header;
    private readonly ulong[] _l1;
    private readonly Qcow2TableCache _tables;
    private readonly ClusterDecompressor _decompressor;
    private readonly Lock _lastGate = new();
    private (long Offset, byte[] Content)? _lastCompressed;

    private Qcow2Image(IBlockDevice file, string name, Qcow2Header header)
    {
        _file = file;
        _name = name;
        _header = header;
        _tables = new Qcow2TableCache(file, header.ClusterSize);
        _decompressor = new ClusterDecompressor(header.Compression);
        _l1 = ReadL1();
    }

    /// <inheritdoc/>
    public long Length => _header.DiskLength;

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <summary>Bytes of a cluster.</summary>
    public int ClusterSize => _header.ClusterSize;

    /// <summary>Opens an image.</summary>
    /// <param name="file">The file; owned by the image, also when opening fails.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="DiagnosticException">It is damaged, encrypted, has a backing file or an unknown feature (QCW…).</exception>
    public static Qcow2Image Open(IBlockDevice file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        try
        {
            return new Qcow2Image(file, name, Qcow2Header.Parse(file, name));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var cluster = Locate(position);
            var within = (int)(position % ClusterSize);
            var count = Math.Min(buffer.Length, ClusterSize - within);
            switch (cluster.Kind)
            {
                case Qcow2ClusterKind.Data:
                    // Clusters that follow one another in the file, the usual case, are read with one call.
                    while (count < buffer.Length && Locate(position + count) is { Kind: Qcow2ClusterKind.Data } next && next.Offset == cluster.Offset + within + count)
                    {
                        count = Math.Min(buffer.Length, count + ClusterSize);
                    }

                    ReadStored(cluster.Offset + within, buffer[..count]);
                    break;
                case Qcow2ClusterKind.Compressed:
                    ReadCompressed(cluster, within, buffer[..count]);
                    break;
                default:
                    buffer[..count].Clear();
                    break;
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("qcow2 images are not edited in place", _name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("qcow2 images are not edited in place", _name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        return ExtentSequence.Coalesce(WalkExtents(offset.Value, offset.Value + length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _decompressor.Dispose();
        _file.Dispose();
    }

    private IEnumerable<Extent> WalkExtents(long position, long end)
    {
        while (position < end)
        {
            var isTableMissing = (_l1[position / _header.L2Coverage] & OffsetMask) == 0;
            var unit = isTableMissing ? _header.L2Coverage : ClusterSize;
            var stop = Math.Min(end, (position / unit * unit) + unit);
            var kind = isTableMissing ? Qcow2ClusterKind.Unallocated : Locate(position).Kind;
            yield return new Extent(position, stop - position, kind switch
            {
                Qcow2ClusterKind.Unallocated => ExtentKind.Hole,
                Qcow2ClusterKind.Zero => ExtentKind.Zero,
                _ => ExtentKind.Data,
            });
            position = stop;
        }
    }

    private ulong[] ReadL1()
    {
        var bytes = new byte[_header.L1Entries * 8];
        _file.Read(new GuestOffset(_header.L1Table.Value), bytes);
        var entries = new ulong[_header.L1Entries];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(i * 8));
        }

        return entries;
    }

    private Qcow2Cluster Locate(long position)
    {
        var l1Entry = _l1[position / _header.L2Coverage];
        var tableOffset = (long)(l1Entry & OffsetMask);
        if (tableOffset == 0)
        {
            return new Qcow2Cluster(Qcow2ClusterKind.Unallocated, 0, 0);
        }

        if ((l1Entry & L1ReservedMask) != 0 || tableOffset % ClusterSize != 0 || tableOffset > _file.Length - ClusterSize)
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L1 entry for disk offset {position} is 0x{l1Entry:x16} in a file of {_file.Length} bytes", _name);
        }

        var entry = _tables.Get(tableOffset)[position / ClusterSize % (ClusterSize / 8)];
        return (entry & CompressedFlag) != 0 ? DecodeCompressed(entry, position) : Decode(entry, position);
    }

    private Qcow2Cluster Decode(ulong entry, long position)
    {
        var offset = (long)(entry & OffsetMask);
        var isZero = (entry & ZeroFlag) != 0 && _header.Version >= 3;
        var reserved = _header.Version >= 3 ? L2ReservedMask : L2ReservedMask | ZeroFlag;

        // A cluster at the end of the file may be cut off: QEMU reads what is missing as zeros.
        if ((entry & reserved) != 0 || offset % ClusterSize != 0 || offset >= _file.Length)
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L2 entry for disk offset {position} is 0x{entry:x16} in a file of {_file.Length} bytes", _name);
        }

        return new Qcow2Cluster(isZero ? Qcow2ClusterKind.Zero : offset == 0 ? Qcow2ClusterKind.Unallocated : Qcow2ClusterKind.Data, offset, 0);
    }

    private Qcow2Cluster DecodeCompressed(ulong entry, long position)
    {
        var sectorShift = 62 - (_header.ClusterBits - 8);
        var offset = (long)(entry & ((1UL << sectorShift) - 1));
        var sectors = (long)((entry & (CompressedFlag - 1)) >> sectorShift) + 1;
        var length = (sectors * 512) - (offset % 512);
        if (offset == 0 || offset >= _file.Length)
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L2 entry for disk offset {position} puts a compressed cluster at 0x{offset:x} in a file of {_file.Length} bytes", _name);
        }

        return new Qcow2Cluster(Qcow2ClusterKind.Compressed, offset, (int)Math.Min(length, _file.Length - offset));
    }

    private void ReadStored(long offset, Span<byte> buffer)
    {
        var present = (int)Math.Clamp(_file.Length - offset, 0, buffer.Length);
        _file.Read(new GuestOffset(Math.Min(offset, _file.Length)), buffer[..present]);
        buffer[present..].Clear();
    }

    private void ReadCompressed(Qcow2Cluster cluster, int within, Span<byte> buffer)
    {
        if (buffer.Length == ClusterSize)
        {
            Decompress(cluster, buffer);
            return;
        }

        lock (_lastGate)
        {
            if (_lastCompressed is not { } last || last.Offset != cluster.Offset)
            {
                var content = new byte[ClusterSize];
                Decompress(cluster, content);
                _lastCompressed = last = (cluster.Offset, content);
            }

            last.Content.AsSpan(within, buffer.Length).CopyTo(buffer);
        }
    }

    private void Decompress(Qcow2Cluster cluster, Span<byte> content)
    {
        var stored = ArrayPool<byte>.Shared.Rent(cluster.StoredLength);
        try
        {
            _file.Read(new GuestOffset(cluster.Offset), stored.AsSpan(0, cluster.StoredLength));
            if (!_decompressor.TryDecompress(stored, cluster.StoredLength, content))
            {
                throw Qcow2Diagnostics.BadCompressedCluster.ToException($"the {cluster.StoredLength} bytes at 0x{cluster.Offset:x} are not a {_header.Compression} cluster of {ClusterSize} bytes", _name);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }
}
