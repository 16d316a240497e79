using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>An extent of grains, of any kind: hosted, stream, COWD, seSparse.</summary>
internal sealed class VmdkSparseExtent(IBlockDevice file, VmdkGrainMap map, VmdkGrainReader? compressed) : VmdkExtent
{
    /// <summary>The tables, for the check.</summary>
    public VmdkGrainMap Map => map;

    /// <summary>The file, for the check.</summary>
    public IBlockDevice File => file;

    /// <summary>Reads compressed grains; null when there are none.</summary>
    public VmdkGrainReader? Grains => compressed;

    /// <summary>The header of a hosted extent.</summary>
    public VmdkHeader? Header { get; init; }

    private int GrainBytes => map.GrainBytes;

    public override void Read(long offset, Span<byte> buffer, VmdkBelow below)
    {
        while (!buffer.IsEmpty)
        {
            var grain = map.Locate(offset / GrainBytes);
            int count;
            if (grain.Kind == VmdkGrainKind.Compressed)
            {
                count = ReadCompressed(offset, buffer);
            }
            else
            {
                count = (int)RunOf(grain, offset, buffer.Length);
                switch (grain.Kind)
                {
                    case VmdkGrainKind.Plain:
                        ReadPlain(grain.Offset + (offset % GrainBytes), buffer[..count], offset);
                        break;
                    case VmdkGrainKind.Zero:
                        buffer[..count].Clear();
                        break;
                    default:
                        below.Read(offset, buffer[..count]);
                        break;
                }
            }

            offset += count;
            buffer = buffer[count..];
        }
    }

    public override IEnumerable<Extent> GetExtents(long offset, long length, VmdkBelow below)
    {
        var end = offset + length;
        while (offset < end)
        {
            var grain = map.Locate(offset / GrainBytes);
            var count = RunOf(grain, offset, end - offset);
            if (grain.Kind == VmdkGrainKind.Absent)
            {
                foreach (var extent in below.GetExtents(offset, count))
                {
                    yield return extent;
                }
            }
            else
            {
                yield return new Extent(offset, count, grain.Kind == VmdkGrainKind.Zero ? ExtentKind.Zero : ExtentKind.Data);
            }

            offset += count;
        }
    }

    public override StoredRange? FindStored(long offset, long length, VmdkBelow below)
    {
        if (length == 0)
        {
            return null;
        }

        var grain = map.Locate(offset / GrainBytes);
        switch (grain.Kind)
        {
            case VmdkGrainKind.Plain:
                var start = grain.Offset + (offset % GrainBytes);
                var count = Math.Min(RunOf(grain, offset, length), file.Length - start);
                return count > 0 ? file.FindStored(new GuestOffset(start), count) : null;
            case VmdkGrainKind.Absent:
                return below.FindStored(offset, RunOf(grain, offset, length));
            default:
                return null;
        }
    }

    public override void Dispose() => file.Dispose();

    /// <summary>Bytes from an offset on that are stored like its grain: absent, zero, or one after another in the file. Compressed: to the end of the grain.</summary>
    private long RunOf(VmdkGrain first, long offset, long length)
    {
        var number = offset / GrainBytes;
        var count = Math.Min(length, GrainBytes - (offset % GrainBytes));
        while (count < length)
        {
            number++;
            if (first.Kind == VmdkGrainKind.Absent && number % map.GrainsPerTable == 0 && map.IsTableMissing(number / map.GrainsPerTable))
            {
                count = Math.Min(length, count + (map.GrainsPerTable * GrainBytes));
                number += map.GrainsPerTable - 1;
                continue;
            }

            var next = map.Locate(number);
            if (next.Kind != first.Kind || (first.Kind == VmdkGrainKind.Plain && next.Offset != first.Offset + (number - (offset / GrainBytes)) * GrainBytes) || first.Kind == VmdkGrainKind.Compressed)
            {
                break;
            }

            count = Math.Min(length, count + GrainBytes);
        }

        return count;
    }

    private void ReadPlain(long start, Span<byte> buffer, long offset)
    {
        if (start > file.Length - buffer.Length)
        {
            throw VmdkDiagnostics.ShortExtent.ToException($"the {buffer.Length} bytes of the disk from {offset} on should be at {start} of a file of {file.Length} bytes", Name);
        }

        file.Read(new GuestOffset(start), buffer);
    }

    private int ReadCompressed(long offset, Span<byte> buffer)
    {
        if (compressed is null)
        {
            throw VmdkDiagnostics.BadTable.ToException($"the grain at {offset} is compressed in an extent without compression", Name);
        }

        var within = (int)(offset % GrainBytes);
        if (within == 0 && buffer.Length >= GrainBytes)
        {
            return compressed.ReadWhole(offset / GrainBytes, buffer);
        }

        var count = Math.Min(buffer.Length, GrainBytes - within);
        compressed.ReadPart(offset / GrainBytes, within, buffer[..count]);
        return count;
    }
}
