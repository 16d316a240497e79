using System.Numerics;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Takes and frees clusters in $Bitmap.</summary>
internal sealed class ClusterAllocator(NtfsVolume volume, StructureWriter writer)
{
    private const int ChunkBytes = 4096;
    private const int MftZoneFraction = 8;
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private long _free = -1;
    private long _hint = -1;
    private long _freeBefore;

    internal long FreeCount => _free;

    private long Count => volume.Boot.ClusterCount;

    /// <summary>Told once how many are free, which everything that is written is held against.</summary>
    internal void Begin(Func<long> countFree)
    {
        if (_free < 0)
        {
            _free = countFree();
        }

        _freeBefore = _free;
    }

    internal void Rollback() => _free = _freeBefore;

    /// <summary>Takes clusters, in one piece where there is one, near a given one where it is free.</summary>
    internal List<(long Lcn, long Length)> Allocate(long count, long near = -1)
    {
        if (count > _free)
        {
            throw FileSystemDiagnostics.NoSpace.ToException($"{count} clusters of {volume.Boot.ClusterSize} bytes are needed, {_free} are free");
        }

        var taken = new List<(long Lcn, long Length)>();
        if (near > 0 && near < Count && RunAt(near, count) is var run and > 0)
        {
            Take(taken, near, run, ref count);
        }

        if (_hint < 0)
        {
            // The master file table grows into what follows it; others keep away from there as long as there is room elsewhere.
            var table = volume.Table.Data.Runs.Runs[^1];
            _hint = Math.Min(table.Lcn + table.Length + (Count / MftZoneFraction), Count - 1);
        }

        if (count > 0 && FindRun(count) is var whole and >= 0)
        {
            Take(taken, whole, count, ref count);
        }

        for (var at = 0L; count > 0;)
        {
            at = Next(at, isFree: true);
            if (at >= Count)
            {
                throw NtfsDiagnostics.BadBitmap.ToException($"{count} clusters more were counted as free", "$Bitmap");
            }

            Take(taken, at, RunAt(at, count), ref count);
        }

        return taken;
    }

    internal void Free(long lcn, long length)
    {
        Change(lcn, length, isUsed: false);
        _free += length;
    }

    internal void Free(NtfsAttribute attribute)
    {
        foreach (var run in attribute.Runs.Runs.Where(run => !run.IsHole))
        {
            Free(run.Lcn, run.Length);
        }
    }

    private void Take(List<(long Lcn, long Length)> taken, long lcn, long length, ref long count)
    {
        Change(lcn, length, isUsed: true);
        _free -= length;
        count -= length;
        _hint = lcn + length < Count ? lcn + length : 0;
        taken.Add((lcn, length));
    }

    /// <summary>The first free clusters of a length in one piece after the last ones taken, then from the start; negative when there are none.</summary>
    private long FindRun(long count)
    {
        foreach (var (from, to) in ((long, long)[])[(_hint, Count), (0, _hint)])
        {
            for (var at = Next(from, isFree: true); at < to;)
            {
                var end = Math.Min(Next(at, isFree: false), at + count);
                if (end - at >= count)
                {
                    return at;
                }

                at = Next(end, isFree: true);
            }
        }

        return -1;
    }

    private long RunAt(long lcn, long most) => Math.Min(Next(lcn, isFree: false), lcn + most) - lcn;

    /// <summary>The next cluster that is free, or is not; the number of clusters when there is none.</summary>
    private long Next(long from, bool isFree)
    {
        for (var at = from; at < Count;)
        {
            var start = at / 8 / ChunkBytes * ChunkBytes;
            var size = (int)Math.Min(ChunkBytes, ((Count + 7) / 8) - start);
            ReadBits(start, size);
            for (var i = (int)((at / 8) - start); i < size; i++)
            {
                var wanted = (uint)(isFree ? ~_chunk[i] & 0xFF : _chunk[i]);
                wanted = at % 8 != 0 && (at / 8) - start == i ? wanted & (0xFFu << (int)(at % 8)) & 0xFF : wanted;
                if (wanted != 0)
                {
                    return Math.Min(Count, ((start + i) * 8) + BitOperations.TrailingZeroCount(wanted));
                }
            }

            at = (start + size) * 8;
        }

        return Count;
    }

    private void Change(long lcn, long length, bool isUsed)
    {
        for (var end = lcn + length; lcn < end;)
        {
            var start = lcn / 8;
            var size = (int)Math.Min(ChunkBytes, ((end + 7) / 8) - start);
            ReadBits(start, size);
            var changeEnd = Math.Min(end, (start + size) * 8);
            for (; lcn < changeEnd; lcn++)
            {
                var (index, bit) = ((int)((lcn / 8) - start), 1 << (int)(lcn % 8));
                if (((_chunk[index] & bit) != 0) == isUsed)
                {
                    throw NtfsDiagnostics.BadBitmap.ToException($"cluster {lcn} is {(isUsed ? "in use" : "free")}, and was thought {(isUsed ? "free" : "to belong to a file")}", "$Bitmap");
                }

                _chunk[index] = (byte)(_chunk[index] ^ bit);
            }

            writer.Write(volume.Bitmap, start, _chunk.AsSpan(0, size), "$Bitmap");
        }
    }

    private void ReadBits(long start, int size) => volume.Streams.ReadStructure(volume.Bitmap, start, _chunk.AsSpan(0, size), "$Bitmap");
}
