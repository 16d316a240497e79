using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.BlockMaps;

/// <summary>
/// An image that maps fixed blocks of the disk to places in its file and leaves the rest to a parent: VHD, VHDX, VDI. A format only says where a byte
/// is; reading, extents and the way down the chain are the same for all. Any number of threads may read.
/// </summary>
internal abstract class MappedImage : IDiskImage
{
    private const long JoinMax = 1L << 30;

    protected MappedImage(IBlockDevice file, string name, IBlockDevice? parent)
    {
        Container = file;
        Name = name;
        Parent = parent;
    }

    public abstract long Length { get; }

    public abstract DiskImageInfo Info { get; }

    public bool CanWrite => false;

    public IBlockDevice? Parent { get; }

    protected IBlockDevice Container { get; }

    protected string Name { get; }

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var run = LocateJoined(position, buffer.Length);
            var part = buffer[..(int)run.Length];
            switch (run.Kind)
            {
                case BlockRunKind.Stored:
                    Container.Read(new GuestOffset(run.FileOffset), part);
                    break;
                case BlockRunKind.Absent when Parent is not null:
                    ReadParent(Parent, position, part);
                    break;
                default:
                    part.Clear();
                    break;
            }

            position += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("images of this format are not edited in place", Name);

    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("images of this format are not edited in place", Name);

    public void Flush()
    {
    }

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return ExtentSequence.Coalesce(WalkExtents(offset.Value, offset.Value + length));
    }

    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        if (length == 0)
        {
            return null;
        }

        var run = LocateJoined(offset.Value, length);
        return run.Kind switch
        {
            BlockRunKind.Stored => Container.FindStored(new GuestOffset(run.FileOffset), run.Length),
            BlockRunKind.Absent when Parent is { } parent && offset.Value < parent.Length
                => parent.FindStored(offset, Math.Min(run.Length, parent.Length - offset.Value)),
            _ => null,
        };
    }

    /// <summary>Bytes of a range that this image stores itself.</summary>
    public long StoredIn(long position, long length)
    {
        var stored = 0L;
        for (var end = position + length; position < end;)
        {
            var run = Locate(position, end - position);
            stored += run.Kind == BlockRunKind.Stored ? run.Length : 0;
            position += run.Length;
        }

        return stored;
    }

    public void Dispose()
    {
        Container.Dispose();
        Parent?.Dispose();
    }

    /// <summary>Where the bytes from a position on are: a run of one kind, of 1 to <paramref name="length"/> bytes.</summary>
    /// <exception cref="DiagnosticException">The tables are damaged.</exception>
    protected abstract BlockRun Locate(long position, long length);

    /// <summary>As <see cref="Locate"/>, but runs that follow one another, in the file too, are one: the usual case is read with one call.</summary>
    private BlockRun LocateJoined(long position, long length)
    {
        var run = Locate(position, length);
        while (run.Length < length)
        {
            var next = Locate(position + run.Length, length - run.Length);
            if (next.Kind != run.Kind || (run.Kind == BlockRunKind.Stored && next.FileOffset != run.FileOffset + run.Length))
            {
                break;
            }

            run = run with { Length = run.Length + next.Length };
        }

        return run;
    }

    /// <summary>A child may be larger than its parent: what lies behind the parent's end is zero.</summary>
    private static void ReadParent(IBlockDevice parent, long position, Span<byte> part)
    {
        var present = (int)Math.Clamp(parent.Length - position, 0, part.Length);
        if (present > 0)
        {
            parent.Read(new GuestOffset(position), part[..present]);
        }

        part[present..].Clear();
    }

    private IEnumerable<Extent> WalkExtents(long position, long end)
    {
        while (position < end)
        {
            // Joined, but not without limit: a disk of terabytes must not be walked to its end before the first answer.
            var run = LocateJoined(position, Math.Min(end - position, JoinMax));
            if (run.Kind == BlockRunKind.Zero || (run.Kind == BlockRunKind.Absent && Parent is null))
            {
                yield return new Extent(position, run.Length, run.Kind == BlockRunKind.Zero ? ExtentKind.Zero : ExtentKind.Hole);
            }
            else
            {
                foreach (var extent in run.Kind == BlockRunKind.Stored ? StoredExtents(run, position) : ParentExtents(run, position))
                {
                    yield return extent;
                }
            }

            position += run.Length;
        }
    }

    /// <summary>A block that the host's file has as a hole holds nothing either.</summary>
    private IEnumerable<Extent> StoredExtents(BlockRun run, long position)
        => Container.GetExtents(new GuestOffset(run.FileOffset), run.Length).Select(inner => new Extent(
            inner.Offset - run.FileOffset + position, inner.Length, inner.Kind == ExtentKind.Data ? ExtentKind.Data : ExtentKind.Zero));

    private IEnumerable<Extent> ParentExtents(BlockRun run, long position)
    {
        var present = Math.Clamp((Parent?.Length ?? 0) - position, 0, run.Length);
        if (present > 0)
        {
            foreach (var extent in Parent?.GetExtents(new GuestOffset(position), present) ?? [])
            {
                yield return extent;
            }
        }

        if (present < run.Length)
        {
            yield return new Extent(position + present, run.Length - present, ExtentKind.Hole);
        }
    }
}
