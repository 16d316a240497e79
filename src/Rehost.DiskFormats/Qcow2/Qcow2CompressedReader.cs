using System.Buffers;
using Rehost.Blocks;
using Rehost.DiskFormats.Compression;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Reads compressed clusters. A large read finds many that lie close together in the file, because they were written one behind the other: their bytes
/// are read at once and decompressed straight into the caller's buffer. Any number of threads may read.
/// </summary>
internal sealed class Qcow2CompressedReader : IDisposable
{
    private const int WindowMax = 1 << 20;
    private const int ClustersMax = 64;
    private const int GapMax = 64 << 10; // worth reading over instead of reading twice
    private const int KeptCount = 4; // parts of clusters are read by some threads at a time, each its own cluster

    private readonly IBlockDevice _file;
    private readonly Qcow2ClusterMap _map;
    private readonly Qcow2Header _header;
    private readonly string _name;
    private readonly ClusterDecompressor _decompressor;
    private readonly Kept[] _kept = [.. Enumerable.Range(0, KeptCount).Select(_ => new Kept())];

    public Qcow2CompressedReader(IBlockDevice file, Qcow2ClusterMap map, Qcow2Header header, string name)
    {
        _file = file;
        _map = map;
        _header = header;
        _name = name;
        _decompressor = new ClusterDecompressor(header.Compression);
    }

    /// <summary>Reads from the start of the buffer as far as compressed clusters go.</summary>
    /// <param name="position">Position of the disk that the buffer starts with.</param>
    /// <param name="first">What the map says of it.</param>
    /// <param name="buffer">Room for content.</param>
    /// <returns>Bytes that were read.</returns>
    public int Read(long position, Qcow2Run first, Span<byte> buffer)
    {
        var within = (int)(position % _header.ClusterSize);
        if (within != 0 || buffer.Length < _header.ClusterSize)
        {
            var count = Math.Min(buffer.Length, _header.ClusterSize - within);
            ReadPart(first, within, buffer[..count]);
            return count;
        }

        Span<Qcow2Run> runs = stackalloc Qcow2Run[ClustersMax];
        runs[0] = first;
        var found = 1;
        var (start, end) = (first.Offset, first.Offset + first.StoredLength);
        while (found < ClustersMax && buffer.Length / _header.ClusterSize > found)
        {
            var next = _map.Find(position + ((long)found * _header.ClusterSize), _header.ClusterSize);
            if (next.Kind != Qcow2ClusterKind.Compressed || next.Offset < end - _header.ClusterSize || next.Offset > end + GapMax || next.Offset < start || next.Offset + next.StoredLength - start > WindowMax)
            {
                break;
            }

            runs[found++] = next;
            end = Math.Max(end, next.Offset + next.StoredLength);
        }

        var stored = ArrayPool<byte>.Shared.Rent((int)(end - start));
        try
        {
            var window = stored.AsSpan(0, (int)(end - start));
            _file.Read(new GuestOffset(start), window);
            for (var i = 0; i < found; i++)
            {
                Decompress(runs[i], window.Slice((int)(runs[i].Offset - start), runs[i].StoredLength), buffer.Slice(i * _header.ClusterSize, _header.ClusterSize));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }

        return found * _header.ClusterSize;
    }

    public void Dispose() => _decompressor.Dispose();

    private void ReadPart(Qcow2Run run, int within, Span<byte> buffer)
    {
        var kept = _kept[(int)(run.Offset / Math.Max(512, _header.ClusterSize / KeptCount) % KeptCount)];
        lock (kept.Gate)
        {
            if (kept.Offset != run.Offset || kept.StoredLength != run.StoredLength)
            {
                kept.Offset = 0;
                if (kept.Content.Length == 0)
                {
                    kept.Content = new byte[_header.ClusterSize];
                }

                var stored = ArrayPool<byte>.Shared.Rent(run.StoredLength);
                try
                {
                    _file.Read(new GuestOffset(run.Offset), stored.AsSpan(0, run.StoredLength));
                    Decompress(run, stored.AsSpan(0, run.StoredLength), kept.Content);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(stored);
                }

                kept.Offset = run.Offset;
                kept.StoredLength = run.StoredLength;
            }

            kept.Content.AsSpan(within, buffer.Length).CopyTo(buffer);
        }
    }

    private void Decompress(Qcow2Run run, ReadOnlySpan<byte> stored, Span<byte> content)
    {
        if (!_decompressor.TryDecompress(stored, content))
        {
            throw Qcow2Diagnostics.BadCompressedCluster.ToException($"the {run.StoredLength} bytes at 0x{run.Offset:x} are not a {_header.Compression} cluster of {_header.ClusterSize} bytes", _name);
        }
    }

    /// <summary>The cluster that was decompressed last.</summary>
    private sealed class Kept
    {
        public Lock Gate { get; } = new();

        public long Offset { get; set; }

        public int StoredLength { get; set; }

        public byte[] Content { get; set; } = [];
    }
}
