namespace Rehost.FileSystems.Ntfs;

/// <summary>
/// Changes the content of a file or stream. Room is taken before anything is written. A hole gets clusters where it is written to; a unit of compression that is written to in
/// part is unpacked and stored as it is, which is how units that do not become smaller are stored.
/// </summary>
internal sealed class DataEditor(NtfsEditors editors)
{
    private const long LongestFile = 1L << 44;
    private const int CopyChunk = 1 << 20;

    private NtfsVolume Volume => editors.Volume;

    private long ClusterSize => Volume.Boot.ClusterSize;

    internal void Write(NtfsNode node, NtfsAttribute attribute, long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        DemandLength(node, offset, data.Length);
        var end = offset + data.Length;
        if (attribute.Value is { } value)
        {
            if (TryResize(node, attribute, Math.Max(value.Length, end)))
            {
                data.CopyTo(attribute.Value.AsSpan((int)offset));
                return;
            }

            editors.Saver.MakeNonResident(node, attribute);
        }

        Extend(node, attribute, Math.Max(attribute.DataSize, end));
        var from = Math.Min(offset, attribute.InitializedSize);
        if (attribute.IsCompressed)
        {
            ExpandUnits(node, attribute, from, offset, end);
        }
        else
        {
            FillHoles(node, attribute, offset, end);
        }

        if (offset > attribute.InitializedSize)
        {
            editors.Writer.ClearContent(attribute, attribute.InitializedSize, offset - attribute.InitializedSize, node.Where);
        }

        editors.Writer.WriteContent(attribute, offset, data, node.Where);
        attribute.InitializedSize = Math.Max(attribute.InitializedSize, end);
        attribute.DataSize = Math.Max(attribute.DataSize, end);
    }

    internal void SetLength(NtfsNode node, NtfsAttribute attribute, long length)
    {
        DemandLength(node, length, 0);
        if (attribute.IsResident)
        {
            if (!TryResize(node, attribute, length))
            {
                editors.Saver.MakeNonResident(node, attribute);
                Extend(node, attribute, length);
                attribute.DataSize = length;
            }
        }
        else if (length > attribute.DataSize)
        {
            Extend(node, attribute, length);
            attribute.DataSize = length; // what was never written reads as zeros
        }
        else if (length == 0)
        {
            editors.Clusters.Free(attribute);
            attribute.Runs = new RunList();
            attribute.Value = [];
            attribute.CompressionUnit = 0;
            attribute.Flags = (ushort)(attribute.Flags & ~NtfsAttribute.SparseFlag);
            attribute.DataSize = attribute.InitializedSize = 0;
        }
        else
        {
            Cut(node, attribute, length);
        }
    }

    /// <summary>A new attribute with given content, in clusters or not, as fits.</summary>
    internal void Replace(NtfsNode node, NtfsAttribute attribute, Func<long, int, byte[]> read, long length)
    {
        Write(node, attribute, 0, read(0, (int)Math.Min(CopyChunk, length)));
        if (length > CopyChunk)
        {
            SetLength(node, attribute, length);
            for (long at = CopyChunk; at < length; at += CopyChunk)
            {
                Write(node, attribute, at, read(at, (int)Math.Min(CopyChunk, length - at)));
            }
        }
    }

    private static void DemandLength(NtfsNode node, long offset, int count)
    {
        if (offset > LongestFile - count)
        {
            throw NtfsDiagnostics.FileTooLarge.ToException($"{count} bytes are to be written at {offset}, NTFS holds files of {LongestFile} bytes", node.Where);
        }
    }

    private bool TryResize(NtfsNode node, NtfsAttribute attribute, long length)
    {
        var before = attribute.Value;
        if (before is null || length > Volume.Boot.RecordSize)
        {
            return false;
        }

        var after = new byte[length];
        before.AsSpan(0, (int)Math.Min(before.Length, length)).CopyTo(after);
        attribute.Value = after;
        if (length <= before.Length || NodeSaver.Fits(node))
        {
            return true;
        }

        attribute.Value = before;
        return false;
    }

    /// <summary>Gives an attribute clusters up to a length: holes where it may have some, else real ones.</summary>
    private void Extend(NtfsNode node, NtfsAttribute attribute, long length)
    {
        var unit = attribute.IsCompressed ? 1L << attribute.CompressionUnit : 1;
        var clusters = (length + ClusterSize - 1) / ClusterSize;
        clusters = (clusters + unit - 1) / unit * unit;
        var missing = clusters - attribute.Runs.End;
        if (missing <= 0)
        {
            return;
        }

        if (attribute.IsCompressed || attribute.IsSparse)
        {
            attribute.Runs.Append(NtfsRun.Hole, missing);
            return;
        }

        foreach (var (lcn, count) in editors.Clusters.Allocate(missing, AfterLast(attribute)))
        {
            attribute.Runs.Append(lcn, count);
        }
    }

    private static long AfterLast(NtfsAttribute attribute) => attribute.Runs.Runs is [.., { IsHole: false } last] ? last.Lcn + last.Length : -1;

    /// <summary>Gives the holes of a range clusters; what is not going to be written of the first and the last one is zeroed.</summary>
    private void FillHoles(NtfsNode node, NtfsAttribute attribute, long offset, long end)
    {
        foreach (var (vcn, count) in TakeHoles(attribute, offset / ClusterSize, (end + ClusterSize - 1) / ClusterSize))
        {
            foreach (var edge in (long[])[vcn, vcn + count - 1])
            {
                if (edge * ClusterSize < offset || (edge + 1) * ClusterSize > end)
                {
                    editors.Writer.ClearContent(attribute, edge * ClusterSize, ClusterSize, node.Where);
                }
            }
        }
    }

    private List<(long Vcn, long Count)> TakeHoles(NtfsAttribute attribute, long fromVcn, long toVcn)
    {
        var holes = attribute.Runs.Runs.Where(run => run.IsHole && run.Vcn < toVcn && run.End > fromVcn)
            .Select(run => (Vcn: Math.Max(run.Vcn, fromVcn), Count: Math.Min(run.End, toVcn) - Math.Max(run.Vcn, fromVcn))).ToList();
        foreach (var (vcn, count) in holes)
        {
            var at = vcn;
            foreach (var (lcn, length) in editors.Clusters.Allocate(count, vcn > 0 && attribute.Runs.Find(vcn - 1) is { IsHole: false } before ? before.Lcn + (vcn - before.Vcn) : -1))
            {
                attribute.Runs.Fill(at, lcn, length);
                at += length;
            }
        }

        return holes;
    }

    /// <summary>
    /// Makes units of compression writable in place: those that are written to, and those between what was written so far and that, as far as they have clusters.
    /// </summary>
    private void ExpandUnits(NtfsNode node, NtfsAttribute attribute, long from, long offset, long end)
    {
        var unitClusters = 1L << attribute.CompressionUnit;
        var unitBytes = unitClusters * ClusterSize;
        for (var unit = from / unitBytes; unit * unitBytes < end; unit++)
        {
            var isWritten = (unit + 1) * unitBytes > offset;
            var stored = StreamReader.CountStored(attribute.Runs, unit * unitClusters, unitClusters);
            if (stored == unitClusters || (stored == 0 && !isWritten))
            {
                continue;
            }

            ExpandUnit(node, attribute, unit, unitBytes);
        }
    }

    private void ExpandUnit(NtfsNode node, NtfsAttribute attribute, long unit, long unitBytes)
    {
        var unitClusters = unitBytes / ClusterSize;
        var content = Volume.Streams.ReadUnit(attribute, unit, node.Where);
        content.AsSpan((int)Math.Clamp(attribute.InitializedSize - (unit * unitBytes), 0, unitBytes)).Clear();
        TakeHoles(attribute, unit * unitClusters, (unit + 1) * unitClusters);
        editors.Writer.WriteContent(attribute, unit * unitBytes, content, node.Where);
    }

    private void Cut(NtfsNode node, NtfsAttribute attribute, long length)
    {
        var unit = attribute.IsCompressed ? 1L << attribute.CompressionUnit : 1;
        var unitBytes = unit * ClusterSize;
        if (attribute.IsCompressed && length % unitBytes != 0 && StreamReader.CountStored(attribute.Runs, length / unitBytes * unit, unit) is var stored && stored > 0 && stored < unit)
        {
            // What is cut off must not come back when the file grows again; in a packed unit it cannot be told apart.
            ExpandUnit(node, attribute, length / unitBytes, unitBytes);
        }

        foreach (var run in attribute.Runs.Cut((length + unitBytes - 1) / unitBytes * unit))
        {
            editors.Clusters.Free(run.Lcn, run.Length);
        }

        attribute.DataSize = length;
        attribute.InitializedSize = Math.Min(attribute.InitializedSize, length);
    }
}
