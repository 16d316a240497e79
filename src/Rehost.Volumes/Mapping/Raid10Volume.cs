using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>MD's RAID 10 (drivers/md/raid10.c): near, far and offset copies of each chunk over any number of legs.</summary>
internal sealed class Raid10Volume : MappedVolume
{
    private readonly ImmutableArray<IBlockDevice?> _legs;
    private readonly Raid10Layout _layout;
    private readonly long _chunk;
    private readonly long _stride;

    /// <summary>Makes the volume.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="legs">The legs in order; null for one that is missing.</param>
    /// <param name="chunk">Bytes of a chunk.</param>
    /// <param name="legLength">Bytes that each leg gives.</param>
    /// <param name="layout">Where the copies are.</param>
    public Raid10Volume(string name, ImmutableArray<IBlockDevice?> legs, long chunk, long legLength, Raid10Layout layout)
        : base(name, layout.VolumeLength(legs.Length, chunk, legLength))
    {
        _legs = legs;
        _layout = layout;
        _chunk = chunk;
        _stride = layout.Stride(legs.Length, chunk, legLength);
        CanWrite = legs.All(leg => leg is null or { CanWrite: true });
        if (legs.Any(leg => leg is not null && leg.Length < legLength))
        {
            throw VolumeDiagnostics.TooShort.ToException($"each leg must give {legLength} bytes", name);
        }
    }

    public override bool CanWrite { get; }

    protected override int Copies => _layout.NearCopies * _layout.FarCopies;

    public override void Flush()
    {
        foreach (var leg in _legs)
        {
            leg?.Flush();
        }
    }

    protected override Piece Locate(long offset, long length, int copy)
    {
        var within = offset % _chunk;
        var near = copy / _layout.FarCopies;
        var far = copy % _layout.FarCopies;
        var slot = offset / _chunk * _layout.NearCopies;
        var stripe = slot / _legs.Length;
        var leg = (int)(slot % _legs.Length);
        var row = _layout.IsOffset ? stripe * _layout.FarCopies : stripe;

        // Near copies stand on the legs that follow, and go on in the next row of chunks at the last one.
        leg += near;
        row += leg / _legs.Length;
        leg %= _legs.Length;
        var position = (row * _chunk) + within;
        for (var step = 0; step < far; step++)
        {
            leg = _layout.NextFar(leg, _legs.Length);
            position += _stride;
        }

        return new Piece(_legs[leg], position, Math.Min(length, _chunk - within));
    }
}
