using System.Collections.Immutable;

namespace Rehost.Volumes.Mapping;

/// <summary>The same bytes on every leg. Read from the first leg that is whole, written to all.</summary>
internal sealed class MirroredVolume : MappedVolume
{
    private readonly ImmutableArray<MirrorLeg> _legs;

    public MirroredVolume(string name, ImmutableArray<MirrorLeg> legs, long length, bool canWrite = true)
        : base(name, length)
    {
        _legs = [.. legs.OrderBy(leg => leg.IsWhole ? 0 : 1)];
        CanWrite = canWrite && legs.All(leg => leg.Device.CanWrite);
        foreach (var leg in legs)
        {
            if (leg.Device.Length < length)
            {
                throw VolumeDiagnostics.TooShort.ToException($"a mirror of {length} bytes has a leg of {leg.Device.Length}", name);
            }
        }
    }

    public override bool CanWrite { get; }

    protected override int Copies => _legs.Length;

    public override void Flush()
    {
        foreach (var leg in _legs)
        {
            leg.Device.Flush();
        }
    }

    protected override Piece Locate(long offset, long length, int copy) => new(_legs[copy].Device, offset, length);

    protected override bool IsReadable(in Piece piece) => ReferenceEquals(piece.Device, _legs[0].Device) && _legs[0].IsWhole;
}
