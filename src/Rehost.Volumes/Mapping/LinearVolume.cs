using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>Stretches of devices, one after another: a partition, a linear logical volume, an MD linear array.</summary>
internal sealed class LinearVolume : MappedVolume
{
    /// <summary>No volume is larger: hostile metadata may name one extent a million times.</summary>
    public const long MaximumLength = 1L << 60;

    private readonly ImmutableArray<VolumePart> _parts;
    private readonly long[] _starts;

    /// <summary>Joins parts.</summary>
    /// <exception cref="Rehost.Model.DiagnosticException">A part leaves its device (BLK001).</exception>
    public LinearVolume(string name, IReadOnlyCollection<VolumePart> parts)
        : base(name, Total(name, parts))
    {
        _parts = [.. parts.Where(part => part.Length > 0)];
        _starts = new long[_parts.Length];
        var start = 0L;
        for (var i = 0; i < _parts.Length; i++)
        {
            _starts[i] = start;
            start += _parts[i].Length;
        }

        CanWrite = _parts.All(part => part.Device.CanWrite);
    }

    /// <summary>A stretch of one device.</summary>
    public LinearVolume(string name, IBlockDevice device, long offset, long length)
        : this(name, [new VolumePart(device, offset, length)])
    {
    }

    public override bool CanWrite { get; }

    public override void Flush()
    {
        foreach (var part in _parts.DistinctBy(part => part.Device))
        {
            part.Device.Flush();
        }
    }

    protected override Piece Locate(long offset, long length, int copy)
    {
        var found = Array.BinarySearch(_starts, offset);
        var index = found >= 0 ? found : ~found - 1;
        var part = _parts[index];
        var within = offset - _starts[index];
        return new Piece(part.Device, part.Offset + within, Math.Min(length, part.Length - within));
    }

    private static long Total(string name, IReadOnlyCollection<VolumePart> parts)
    {
        var total = 0L;
        foreach (var part in parts)
        {
            if (part.Offset < 0 || part.Length < 0 || part.Offset > part.Device.Length - part.Length)
            {
                throw VolumeDiagnostics.TooShort.ToException($"{part.Length} bytes at {part.Offset} leave a device of {part.Device.Length} bytes", name);
            }

            total = part.Length <= MaximumLength - total
                ? total + part.Length
                : throw VolumeDiagnostics.TooMany.ToException($"the parts add up to more than {MaximumLength} bytes", name);
        }

        return total;
    }
}
