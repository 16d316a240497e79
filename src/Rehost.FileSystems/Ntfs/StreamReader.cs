using Rehost.FileSystems.Ntfs.Compression;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Reads the content of attributes: resident, in runs, with holes, compressed.</summary>
internal sealed class StreamReader(NtfsBootSector boot, PageCache cache)
{
    private readonly Lock _gate = new();
    private (NtfsAttribute? Attribute, long Unit, byte[] Content) _last = (null, 0, []);

    /// <summary>Reads a range; what is past the end of the content is the caller's to leave out.</summary>
    internal void Read(NtfsAttribute attribute, long offset, Span<byte> buffer, string where)
    {
        if (attribute.Value is { } value)
        {
            value.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return;
        }

        // What was never written reads as zeros, whatever the clusters hold.
        var written = (int)Math.Clamp(attribute.InitializedSize - offset, 0, buffer.Length);
        buffer[written..].Clear();
        buffer = buffer[..written];
        if (attribute.IsCompressed)
        {
            ReadCompressed(attribute, offset, buffer, where);
        }
        else
        {
            ReadRuns(attribute.Runs, offset, buffer, $"{where}, {attribute.Where}");
        }
    }

    /// <summary>Reads clusters as they are.</summary>
    internal void ReadRuns(RunList runs, long offset, Span<byte> buffer, string where)
    {
        while (!buffer.IsEmpty)
        {
            var (position, count) = Locate(runs, offset, buffer.Length, where);
            if (position < 0)
            {
                buffer[..count].Clear();
            }
            else
            {
                cache.ReadContent(position, buffer[..count]);
            }

            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Where a part of an attribute lies on the device (negative: a hole), and how much of it lies there.</summary>
    internal (long Position, int Count) Locate(RunList runs, long offset, int most, string where)
    {
        var vcn = offset / boot.ClusterSize;
        if (runs.Find(vcn) is not { } run)
        {
            throw NtfsDiagnostics.BadRuns.ToException($"byte {offset} is needed, and the runs end at cluster {runs.End}", where);
        }

        var within = offset - (run.Vcn * boot.ClusterSize);
        var count = (int)Math.Min(most, (run.Length * boot.ClusterSize) - within);
        return (run.IsHole ? -1 : (run.Lcn * boot.ClusterSize) + within, count);
    }

    /// <summary>Reads structures of the file system, through the cache.</summary>
    internal void ReadStructure(NtfsAttribute attribute, long offset, Span<byte> buffer, string where)
    {
        if (attribute.Value is { } value)
        {
            value.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return;
        }

        while (!buffer.IsEmpty)
        {
            var (position, count) = Locate(attribute.Runs, offset, buffer.Length, where);
            if (position < 0)
            {
                throw NtfsDiagnostics.BadRuns.ToException($"byte {offset} of {attribute.Where} is in a hole", where);
            }

            cache.Read(position, buffer[..count]);
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>What was unpacked last no longer holds.</summary>
    internal void Forget()
    {
        lock (_gate)
        {
            _last = (null, 0, []);
        }
    }

    /// <summary>A unit of compression that is read again and again, a piece at a time, is unpacked once.</summary>
    internal byte[] Remember(NtfsAttribute attribute, long unit, Func<byte[]> unpack)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_last.Attribute, attribute) && _last.Unit == unit)
            {
                return _last.Content;
            }
        }

        var content = unpack();
        lock (_gate)
        {
            _last = (attribute, unit, content);
        }

        return content;
    }

    /// <summary>A whole unit of compression, unpacked.</summary>
    internal byte[] ReadUnit(NtfsAttribute attribute, long unit, string where)
    {
        var unitClusters = 1L << attribute.CompressionUnit;
        var content = new byte[unitClusters * boot.ClusterSize];
        var stored = CountStored(attribute.Runs, unit * unitClusters, unitClusters);
        if (stored == 0)
        {
            return content;
        }

        var raw = new byte[stored * boot.ClusterSize];
        var from = $"{where}, {attribute.Where}, unit {unit}";
        ReadRuns(attribute.Runs, unit * unitClusters * boot.ClusterSize, raw, from);
        if (stored == unitClusters)
        {
            return raw; // a unit that did not become smaller is stored as it is
        }

        Lznt1.Decompress(raw, content, from);
        return content;
    }

    /// <summary>Clusters at the start of a unit that are on the volume.</summary>
    internal static long CountStored(RunList runs, long firstVcn, long clusters)
    {
        var vcn = firstVcn;
        while (vcn < firstVcn + clusters && runs.Find(vcn) is { IsHole: false } run)
        {
            vcn = run.End;
        }

        return Math.Min(vcn, firstVcn + clusters) - firstVcn;
    }

    private void ReadCompressed(NtfsAttribute attribute, long offset, Span<byte> buffer, string where)
    {
        var unitBytes = (long)boot.ClusterSize << attribute.CompressionUnit;
        while (!buffer.IsEmpty)
        {
            var within = (int)(offset % unitBytes);
            var count = (int)Math.Min(buffer.Length, unitBytes - within);
            var unit = offset / unitBytes;
            Remember(attribute, unit, () => ReadUnit(attribute, unit, where)).AsSpan(within, count).CopyTo(buffer);
            offset += count;
            buffer = buffer[count..];
        }
    }
}
