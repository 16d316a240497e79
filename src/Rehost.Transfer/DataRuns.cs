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
}
