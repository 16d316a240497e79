using System.Collections;
using Rehost.Blocks;
using Rehost.DiskFormats.Landing;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// A qcow2 image that lands: clusters get their place in the file in the order in which they arrive, and keep it; the tables are in memory until the end, so content moves on the
/// target by renaming clusters, and a cluster that is not needed after all is counted as free (QEMU docs/interop/qcow2.txt: refcount 0).
/// </summary>
internal sealed class Qcow2Landing : ILandingImage
{
    private const int ClusterBits = 16;
    private const int ClusterSize = 1 << ClusterBits;
    private readonly ILandingFile _file;
    private readonly Qcow2LandingMap _map = new();
    private readonly BitArray _freed = new(0);
    private long _next = 1; // the first cluster is the header's
    private long _targetLength;
    private long _shift; // clusters from where content arrived to where it is on the target

    public Qcow2Landing(ILandingFile file, long length)
    {
        _file = file;
        Length = _targetLength = length;
        Qcow2LandingTables.DemandSize(length, file.Name);
    }

    public long Length { get; }

    public bool CanWrite => false;

    public void Land(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, _file.Name);
        Put(offset.Value, data);
    }

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _file.Name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var (host, count) = Run(position, buffer.Length);
            if (host == 0)
            {
                buffer[..count].Clear();
            }
            else
            {
                _file.Read(new FileOffset((host << ClusterBits) + (position % ClusterSize)), buffer[..count]);
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _file.Name);
        return ExtentSequence.Coalesce(Extents(offset.Value, offset.Value + length));
    }

    public bool TryMove(long distance, long targetLength)
    {
        if (distance % ClusterSize != 0)
        {
            return false;
        }

        Qcow2LandingTables.DemandSize(targetLength, _file.Name);
        _shift = distance / ClusterSize;
        _targetLength = targetLength;
        for (var cluster = 0L; cluster < -_shift; cluster++)
        {
            Free(cluster); // cut off
        }

        return true;
    }

    public void Edit(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, _targetLength, _file.Name);
        Put(offset.Value - (_shift << ClusterBits), data);
    }

    public void Clear(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, _targetLength, _file.Name);
        var isLast = offset.Value + length == _targetLength;
        var (position, end) = (offset.Value - (_shift << ClusterBits), offset.Value + length - (_shift << ClusterBits));
        while (position < end)
        {
            var cluster = position >> ClusterBits;
            var stop = Math.Min(end, (cluster + 1) << ClusterBits);
            if (_map[cluster] is var host and not 0)
            {
                if (position == cluster << ClusterBits && (stop == (cluster + 1) << ClusterBits || (isLast && stop == end)))
                {
                    Free(cluster);
                }
                else
                {
                    _file.Write(new FileOffset((host << ClusterBits) + (position - (cluster << ClusterBits))), new byte[stop - position]);
                }
            }

            position = stop;
        }
    }

    public void Complete(CancellationToken cancellationToken) => Qcow2LandingTables.Write(_file, _targetLength, _next, _freed, cluster => _map[cluster - _shift], cancellationToken);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("it is a disk as it arrived", _file.Name);

    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("it is a disk as it arrived", _file.Name);

    public void Flush()
    {
    }

    public void Dispose()
    {
    }

    /// <summary>Where content lies in the file, and how much of it in one stretch; 0 for what reads as zeros.</summary>
    private (long Host, int Count) Run(long position, int length)
    {
        var cluster = position >> ClusterBits;
        var host = _map[cluster];
        var count = (int)Math.Min(length, ((cluster + 1) << ClusterBits) - position);
        for (var next = 1L; count < length && _map[cluster + next] == (host == 0 ? 0 : host + next); next++)
        {
            count = Math.Min(length, count + ClusterSize);
        }

        return (host, count);
    }

    private IEnumerable<Extent> Extents(long position, long end)
    {
        while (position < end)
        {
            var stop = Math.Min(end, ((position >> ClusterBits) + 1) << ClusterBits);
            yield return new Extent(position, stop - position, _map[position >> ClusterBits] == 0 ? ExtentKind.Hole : ExtentKind.Data);
            position = stop;
        }
    }

    /// <summary>Stores content in offsets of the disk as it arrived, which may be negative for what is new in front of it.</summary>
    private void Put(long position, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var cluster = position >> ClusterBits;
            var within = (int)(position - (cluster << ClusterBits));
            if (_map[cluster] is var host and not 0)
            {
                var count = Math.Min(data.Length, ClusterSize - within);
                _file.Write(new FileOffset((host << ClusterBits) + within), data[..count]);
                position += count;
                data = data[count..];
            }
            else
            {
                var count = PutNew(cluster, within, data);
                position += count;
                data = data[count..];
            }
        }
    }

    /// <summary>Stores clusters that have no place yet and are not zero behind one another with one write; returns the bytes taken.</summary>
    private int PutNew(long cluster, int within, ReadOnlySpan<byte> data)
    {
        var first = Math.Min(data.Length, ClusterSize - within);
        if (!data[..first].ContainsAnyExcept((byte)0))
        {
            return first;
        }

        var count = first;
        _map[cluster] = _next;
        var start = _next++;
        while (data.Length - count is > 0 and var left && _map[++cluster] == 0)
        {
            var part = data.Slice(count, Math.Min(left, ClusterSize));
            if (!part.ContainsAnyExcept((byte)0))
            {
                break;
            }

            _map[cluster] = _next++;
            count += part.Length;
        }

        _file.Write(new FileOffset((start << ClusterBits) + within), data[..count]);
        return count;
    }

    private void Free(long cluster)
    {
        if (_map[cluster] is var host and not 0)
        {
            _map[cluster] = 0;
            _freed.Length = Math.Max(_freed.Length, (int)_next);
            _freed[(int)host] = true;
            _file.Clear(new FileOffset(host << ClusterBits), ClusterSize);
        }
    }
}
