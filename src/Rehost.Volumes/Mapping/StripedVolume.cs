using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>Chunks dealt to several legs in turn.</summary>
internal sealed class StripedVolume : MappedVolume
{
    private readonly ImmutableArray<IBlockDevice> _legs;
    private readonly long _chunk;
    private readonly long _firstChunk;

    /// <summary>Makes stripes.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="legs">The legs in order.</param>
    /// <param name="chunk">Bytes of a chunk.</param>
    /// <param name="length">Bytes of the volume; the legs must hold them.</param>
    /// <param name="firstChunk">Number of the first chunk for the choice of its leg: old kernels count an array's chunks through all its zones.</param>
    public StripedVolume(string name, ImmutableArray<IBlockDevice> legs, long chunk, long length, long firstChunk = 0)
        : base(name, length)
    {
        _legs = legs;
        _chunk = chunk;
        _firstChunk = firstChunk;
        CanWrite = legs.All(leg => leg.CanWrite);
        var needed = ((length + (chunk * legs.Length) - 1) / (chunk * legs.Length)) * chunk;
        foreach (var leg in legs)
        {
            if (length % (chunk * legs.Length) == 0 && leg.Length < needed)
            {
                throw VolumeDiagnostics.TooShort.ToException($"a stripe needs {needed} bytes of each leg; one has {leg.Length}", name);
            }
        }
    }

    public override bool CanWrite { get; }

    public override void Flush()
    {
        foreach (var leg in _legs)
        {
            leg.Flush();
        }
    }

    protected override Piece Locate(long offset, long length, int copy)
    {
        var chunk = offset / _chunk;
        var within = offset % _chunk;
        return new Piece(_legs[(int)((chunk + _firstChunk) % _legs.Length)], (chunk / _legs.Length * _chunk) + within, Math.Min(length, _chunk - within));
    }
}
