using System.Numerics;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Cuts what is written in ascending order into whole grains, drops those of zeros, and fills the rest of a grain that is written in part with zeros.</summary>
/// <param name="file">For messages.</param>
/// <param name="length">Bytes of the disk.</param>
/// <param name="grainBytes">Bytes of a grain.</param>
/// <param name="put">Takes the number of the first and the content of one or more grains.</param>
internal sealed class VmdkGrainCollector(IImageFile file, long length, int grainBytes, VmdkGrainCollector.PutGrains put)
{
    private const int GrainBytesMin = 4096;
    private const int GrainBytesMax = 1 << 20;
    private readonly byte[] _partial = new byte[grainBytes];
    private long _partialGrain = -1;
    private long _position;

    /// <summary>Takes grains that are not all zero, of which each one is whole.</summary>
    public delegate void PutGrains(long firstGrain, ReadOnlySpan<byte> content);

    /// <summary>The bytes of a grain that options ask for.</summary>
    public static int ChooseGrainBytes(ImageWriterOptions options, IImageFile file)
        => options.UnitBytes is not { } bytes ? 128 * VmdkHeader.SectorSize
            : bytes is >= GrainBytesMin and <= GrainBytesMax && BitOperations.IsPow2(bytes) ? bytes
            : throw DiskFormatDiagnostics.CannotWrite.ToException($"grains of {bytes} bytes; powers of two from {GrainBytesMin} to {GrainBytesMax} are written, and VMware takes 65536 only", file.Name);

    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Advance(offset, data.Length);
        var position = offset.Value;
        while (!data.IsEmpty)
        {
            var within = (int)(position % grainBytes);
            int count;
            if (within != 0 || data.Length < grainBytes || position / grainBytes == _partialGrain)
            {
                count = Math.Min(data.Length, grainBytes - within);
                Collect(position, data[..count]);
            }
            else
            {
                Flush();
                count = PutRun(position / grainBytes, data);
            }

            position += count;
            data = data[count..];
        }
    }

    public void WriteZeros(GuestOffset offset, long zeros) => Advance(offset, zeros);

    /// <summary>Hands on what was collected of the last grain.</summary>
    public void Flush()
    {
        if (_partialGrain >= 0)
        {
            PutRun(_partialGrain, _partial);
            _partial.AsSpan().Clear();
            _partialGrain = -1;
        }
    }

    private void Advance(GuestOffset offset, long count)
    {
        BlockDiagnostics.CheckRange(offset, count, length, file.Name);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset.Value, _position, nameof(offset));
        _position = offset.Value + count;
    }

    private void Collect(long position, ReadOnlySpan<byte> data)
    {
        if (position / grainBytes != _partialGrain)
        {
            Flush();
            _partialGrain = position / grainBytes;
        }

        data.CopyTo(_partial.AsSpan((int)(position % grainBytes)));
    }

    /// <summary>Takes whole grains of one kind, zero or not, from the front of the data; returns the bytes taken.</summary>
    private int PutRun(long grain, ReadOnlySpan<byte> data)
    {
        var isZero = !data[..grainBytes].ContainsAnyExcept((byte)0);
        var count = grainBytes;
        while (data.Length - count >= grainBytes && data.Slice(count, grainBytes).ContainsAnyExcept((byte)0) != isZero)
        {
            count += grainBytes;
        }

        if (!isZero)
        {
            put(grain, data[..count]);
        }

        return count;
    }
}
