namespace Rehost.FileSystems.Ntfs;

/// <summary>Where the clusters of an attribute are: runs in order, without gaps.</summary>
internal sealed class RunList
{
    /// <summary>More clusters than a volume can have.</summary>
    private const long MostClusters = 1L << 48;
    private readonly List<NtfsRun> _runs = [];

    internal IReadOnlyList<NtfsRun> Runs => _runs;

    internal long End => _runs.Count == 0 ? 0 : _runs[^1].End;

    internal long AllocatedClusters => _runs.Where(run => !run.IsHole).Sum(run => run.Length);

    /// <summary>The run that holds a cluster of the file; null past the end.</summary>
    internal NtfsRun? Find(long vcn)
    {
        var index = IndexOf(vcn);
        return index < 0 ? null : _runs[index];
    }

    /// <summary>Adds clusters at the end, joined to the last run where they continue it.</summary>
    internal void Append(long lcn, long length)
    {
        if (length <= 0)
        {
            return;
        }

        if (_runs.Count > 0 && _runs[^1] is var last && (last.IsHole ? lcn < 0 : lcn == last.Lcn + last.Length))
        {
            _runs[^1] = last with { Length = last.Length + length };
        }
        else
        {
            _runs.Add(new NtfsRun(End, lcn, length));
        }
    }

    /// <summary>Removes clusters from the end, and returns those that were on the volume.</summary>
    internal List<NtfsRun> Cut(long clusters)
    {
        var removed = new List<NtfsRun>();
        while (_runs.Count > 0 && _runs[^1].End > clusters)
        {
            var last = _runs[^1];
            var keep = Math.Max(0, clusters - last.Vcn);
            if (!last.IsHole)
            {
                removed.Add(new NtfsRun(last.Vcn + keep, last.Lcn + keep, last.Length - keep));
            }

            _runs.RemoveAt(_runs.Count - 1);
            if (keep > 0)
            {
                _runs.Add(last with { Length = keep });
            }
        }

        return removed;
    }

    /// <summary>Puts clusters where a hole is.</summary>
    internal void Fill(long vcn, long lcn, long length)
    {
        var all = _runs.ToArray();
        _runs.Clear();
        foreach (var run in all)
        {
            var (start, end) = (Math.Max(run.Vcn, vcn), Math.Min(run.End, vcn + length));
            if (start >= end)
            {
                Append(run.Lcn, run.Length);
                continue;
            }

            Append(run.Lcn, start - run.Vcn);
            Append(lcn + (start - vcn), end - start);
            Append(run.IsHole ? NtfsRun.Hole : run.Lcn + (end - run.Vcn), run.End - end);
        }
    }

    /// <summary>Reads mapping pairs, which continue at a given cluster of the file.</summary>
    internal void Decode(ReadOnlySpan<byte> pairs, long clusterCount, string where)
    {
        long lcn = 0;
        while (!pairs.IsEmpty && pairs[0] != 0)
        {
            var (lengthSize, offsetSize) = (pairs[0] & 15, pairs[0] >> 4);
            if (lengthSize is 0 or > 8 || offsetSize > 8 || 1 + lengthSize + offsetSize > pairs.Length)
            {
                throw NtfsDiagnostics.BadRuns.ToException($"a run with a head of 0x{pairs[0]:x2} and {pairs.Length} bytes left", where);
            }

            var length = ReadSigned(pairs.Slice(1, lengthSize));
            if (length <= 0 || length > MostClusters || End > MostClusters)
            {
                throw NtfsDiagnostics.BadRuns.ToException($"a run of {length} clusters", where);
            }

            if (offsetSize == 0)
            {
                Append(NtfsRun.Hole, length);
            }
            else
            {
                lcn = unchecked(lcn + ReadSigned(pairs.Slice(1 + lengthSize, offsetSize)));
                if (lcn < 0 || lcn >= clusterCount || length > clusterCount - lcn)
                {
                    throw NtfsDiagnostics.BadRuns.ToException($"{length} clusters at {lcn}, the volume has {clusterCount}", where);
                }

                Append(lcn, length);
            }

            pairs = pairs[(1 + lengthSize + offsetSize)..];
        }
    }

    /// <summary>Mapping pairs of runs that begin at a cluster of the file, as many as fit; returns where the next ones begin.</summary>
    internal long Encode(long fromVcn, int mostBytes, List<byte> pairs)
    {
        Span<byte> one = stackalloc byte[17];
        long lcn = 0;
        var vcn = fromVcn;
        for (var index = Math.Max(0, IndexOf(fromVcn)); index < _runs.Count; index++)
        {
            var run = _runs[index];
            var lengthSize = WriteSigned(one[1..], run.Length);
            var offsetSize = run.IsHole ? 0 : WriteSigned(one[(1 + lengthSize)..], run.Lcn - lcn);
            if (pairs.Count + 1 + lengthSize + offsetSize + 1 > mostBytes)
            {
                break;
            }

            one[0] = (byte)(lengthSize | (offsetSize << 4));
            pairs.AddRange(one[..(1 + lengthSize + offsetSize)]);
            lcn = run.IsHole ? lcn : run.Lcn;
            vcn = run.End;
        }

        pairs.Add(0);
        return vcn;
    }

    private int IndexOf(long vcn)
    {
        var (low, high) = (0, _runs.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (vcn < _runs[middle].Vcn)
            {
                high = middle - 1;
            }
            else if (vcn >= _runs[middle].End)
            {
                low = middle + 1;
            }
            else
            {
                return middle;
            }
        }

        return -1;
    }

    private static long ReadSigned(ReadOnlySpan<byte> bytes)
    {
        long value = unchecked((sbyte)bytes[^1]);
        for (var i = bytes.Length - 2; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    private static int WriteSigned(Span<byte> bytes, long value)
    {
        var size = 0;
        do
        {
            bytes[size++] = (byte)(value & 0xFF);
            value >>= 8;
        }
        while (!(value == 0 && bytes[size - 1] < 0x80) && !(value == -1 && bytes[size - 1] >= 0x80));
        return size;
    }
}
