using Rehost.Blocks;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz.Targets;

/// <summary>Uses a device as the product does: extents, reads here and there, stored ranges.</summary>
internal static class DeviceUse
{
    private const int Piece = 128 << 10;
    private const int MostPieces = 24;

    public static void ReadSome(FuzzRun run, IBlockDevice device)
    {
        var length = device.Length;
        run.Demand(length >= 0, "length", $"{length}");
        run.Note("length", length);
        run.Attempt(() => CheckExtents(run, device, 0, Math.Min(length, 1L << 30)));
        run.Attempt(() => CheckExtents(run, device, Math.Max(0, length - (1L << 26)), Math.Min(length, 1L << 26)));
        var buffer = new byte[Piece];
        for (var i = 0; i < MostPieces && length > 0; i++)
        {
            var at = i switch
            {
                0 => 0,
                1 => Math.Max(0, length - Piece),
                < 12 => (long)(i - 2) * Piece,
                _ => run.Random.NextInt64(length),
            };
            if (at >= length)
            {
                continue;
            }

            var piece = buffer.AsMemory(0, (int)Math.Min(i % 3 == 0 ? 4097 : Piece, length - at));
            run.Attempt(() => device.Read(new GuestOffset(at), piece.Span));
            run.Attempt(() => device.FindStored(new GuestOffset(at), piece.Length));
        }
    }

    /// <summary>Writes over a few places.</summary>
    public static void WriteSome(FuzzRun run, IBlockDevice device)
    {
        var data = new byte[9000];
        run.Random.NextBytes(data);
        for (var i = 0; i < 6 && device.Length > 0; i++)
        {
            var at = i switch { 0 => 0, 1 => Math.Max(0, device.Length - data.Length), _ => run.Random.NextInt64(device.Length) };
            var count = (int)Math.Min(i % 2 == 0 ? 513 : data.Length, device.Length - at);
            run.Attempt(() => device.Write(new GuestOffset(at), data.AsSpan(0, count)));
            run.Attempt(() => device.WriteZeros(new GuestOffset(at), Math.Min(70_000, device.Length - at)));
        }

        run.Attempt(device.Flush);
    }

    private static void CheckExtents(FuzzRun run, IBlockDevice device, long start, long length)
    {
        var at = start;
        var count = 0;
        foreach (var extent in device.GetExtents(new GuestOffset(start), length))
        {
            run.Demand(extent.Offset == at && extent.Length > 0, "extents in order", $"{extent} at {at}");
            at = extent.Offset + extent.Length;
            if (++count > 500_000)
            {
                return;
            }
        }

        run.Demand(at == start + length, "extents cover", $"{at} of {start + length}");
    }
}
