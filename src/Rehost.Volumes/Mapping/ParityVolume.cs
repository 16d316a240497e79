using System.Buffers;
using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Volumes.Mapping;

/// <summary>
/// RAID 4, 5 or 6 with all legs there. Data is read where it lies; a write changes parity by the difference, so that parity stays as right as it was, and a stripe that
/// was never synchronised is no worse afterwards.
/// </summary>
internal sealed class ParityVolume : MappedVolume
{
    private const int Step = 64 << 10;
    private readonly ImmutableArray<IBlockDevice> _legs;
    private readonly long _chunk;
    private readonly ParityLayout _layout;
    private readonly bool _hasSyndrome;
    private readonly int _dataLegs;

    /// <summary>Makes the volume.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="legs">The legs in order, without their metadata.</param>
    /// <param name="chunk">Bytes of a chunk.</param>
    /// <param name="legLength">Bytes that each leg gives.</param>
    /// <param name="layout">Where parity is.</param>
    /// <param name="hasSyndrome">Whether this is RAID 6.</param>
    public ParityVolume(string name, ImmutableArray<IBlockDevice> legs, long chunk, long legLength, ParityLayout layout, bool hasSyndrome)
        : base(name, legLength / chunk * chunk * (legs.Length - (hasSyndrome ? 2 : 1)))
    {
        _legs = legs;
        _chunk = chunk;
        _layout = layout;
        _hasSyndrome = hasSyndrome;
        _dataLegs = legs.Length - (hasSyndrome ? 2 : 1);
        CanWrite = legs.All(leg => leg.CanWrite);
        if (_dataLegs < 1 || StripeShape.Of(layout, legs.Length, hasSyndrome, 0) is null)
        {
            throw VolumeDiagnostics.Unsupported.ToException($"{legs.Length} legs with layout {(int)layout} make no RAID {(hasSyndrome ? 6 : 5)}", name);
        }

        if (legs.Any(leg => leg.Length < legLength))
        {
            throw VolumeDiagnostics.TooShort.ToException($"each leg must give {legLength} bytes", name);
        }
    }

    public override bool CanWrite { get; }

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Demand(offset, data.Length);
        var position = offset.Value;
        var before = ArrayPool<byte>.Shared.Rent(Step);
        var parity = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            while (!data.IsEmpty)
            {
                var piece = Locate(position, Math.Min(data.Length, Step), 0);
                var count = (int)piece.Length;
                WritePiece(position, piece, data[..count], before.AsSpan(0, count), parity.AsSpan(0, count));
                position += count;
                data = data[count..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(before);
            ArrayPool<byte>.Shared.Return(parity);
        }
    }

    public override void WriteZeros(GuestOffset offset, long length)
    {
        var zeros = new byte[Math.Min(length, Step)];
        while (length > 0)
        {
            var count = (int)Math.Min(length, zeros.Length);
            Write(offset, zeros.AsSpan(0, count));
            offset += count;
            length -= count;
        }
    }

    public override void Flush()
    {
        foreach (var leg in _legs)
        {
            leg.Flush();
        }
    }

    /// <summary>Nothing: parity is computed over free blocks too, and would be wrong if they changed.</summary>
    public override IEnumerable<BackingRange> MapDown(GuestOffset offset, long length) => [];

    protected override Piece Locate(long offset, long length, int copy)
    {
        var chunk = offset / _chunk;
        var within = offset % _chunk;
        var stripe = chunk / _dataLegs;
        return new Piece(_legs[Shape(stripe).DataLeg((int)(chunk % _dataLegs))], (stripe * _chunk) + within, Math.Min(length, _chunk - within));
    }

    private void WritePiece(long position, Piece piece, ReadOnlySpan<byte> data, Span<byte> difference, Span<byte> parity)
    {
        if (piece.Device is not { } device)
        {
            return;
        }

        var chunk = position / _chunk;
        var stripe = chunk / _dataLegs;
        var shape = Shape(stripe);
        var at = new GuestOffset(piece.Offset);
        device.Read(at, difference);
        GaloisField.Add(difference, data);
        device.Write(at, data);

        _legs[shape.Parity].Read(at, parity);
        GaloisField.Add(parity, difference);
        _legs[shape.Parity].Write(at, parity);
        if (_hasSyndrome)
        {
            _legs[shape.Syndrome].Read(at, parity);
            GaloisField.MultiplyAdd(parity, difference, shape.SyndromeSlot(shape.DataLeg((int)(chunk % _dataLegs)), _layout, _legs.Length));
            _legs[shape.Syndrome].Write(at, parity);
        }
    }

    private StripeShape Shape(long stripe) => StripeShape.Of(_layout, _legs.Length, _hasSyndrome, stripe) ?? default;
}
