using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Which parts of a device must be read: what is not a hole, rounded out to whole blocks.</summary>
internal static class DataRuns
{
    /// <summary>The ranges with data, in order, not touching, rounded to 64 KiB and cut to the device.</summary>
    public static IEnumerable<ByteRange> Of(IBlockDevice device)
        => Round(device.GetExtents(GuestOffset.Zero, device.Length).Where(extent => extent.Kind == ExtentKind.Data).Select(extent => new ByteRange(extent.Offset, extent.Length)), device.Length);

    /// <summary>Rounds ranges that come in order.</summary>
    public static IEnumerable<ByteRange> Round(IEnumerable<ByteRange> ranges, long length)
    {
        ByteRange? pending = null;
        foreach (var range in ranges)
        {
            var start = range.Offset / BlockManifest.BlockSize * BlockManifest.BlockSize;
            var end = Math.Min(length, (range.End + BlockManifest.BlockSize - 1) / BlockManifest.BlockSize * BlockManifest.BlockSize);
            if (pending is { } last)
            {
                if (start <= last.End)
                {
                    pending = last with { Length = Math.Max(last.End, end) - last.Offset };
                    continue;
                }

                yield return last;
            }

            pending = new ByteRange(start, end - start);
        }

        if (pending is { } final)
        {
            yield return final;
        }
    }

    /// <summary>Cuts ranges at multiples of a size.</summary>
    public static IEnumerable<ByteRange> Cut(IEnumerable<ByteRange> ranges, int size)
    {
        foreach (var range in ranges)
        {
            for (var at = range.Offset; at < range.End;)
            {
                var end = Math.Min(range.End, (at / size * size) + size);
                yield return new ByteRange(at, end - at);
                at = end;
            }
        }
    }

    /// <summary>The whole device in order: data in pieces, and what is zero between them as it is.</summary>
    public static IEnumerable<Piece.Plan> Plan(IBlockDevice device, int pieceSize, long start = 0) => Plan(Of(device), device.Length, pieceSize, start);

    /// <summary>A whole disk in order, of which some ranges are data.</summary>
    public static IEnumerable<Piece.Plan> Plan(IEnumerable<ByteRange> data, long length, int pieceSize, long start = 0)
    {
        var position = start;
        foreach (var piece in Cut(data, pieceSize))
        {
            if (piece.End <= position)
            {
                continue;
            }

            if (piece.Offset > position)
            {
                yield return new Piece.Plan(new ByteRange(position, piece.Offset - position), IsZero: true);
            }

            position = Math.Max(position, piece.Offset);
            yield return new Piece.Plan(new ByteRange(position, piece.End - position), IsZero: false);
            position = piece.End;
        }

        if (position < length)
        {
            yield return new Piece.Plan(new ByteRange(position, length - position), IsZero: true);
        }
    }
}
