using System.Buffers.Binary;
using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Tests.Windows;

/// <summary>A hive whose last change is in its log alone, in the old format (DIRT), as a guest leaves it that was not shut down.</summary>
internal static class DirtyHive
{
    public static (byte[] Hive, byte[] Log) Make(Hive hive, Action<Hive> change)
    {
        var before = hive.ToArray();
        change(hive);
        var after = hive.ToArray();
        var torn = (byte[])before.Clone();
        BinaryPrimitives.WriteUInt32LittleEndian(torn.AsSpan(4), BinaryPrimitives.ReadUInt32LittleEndian(before.AsSpan(4)) + 1);
        var bins = after.Length - 4096;
        var log = new byte[512 + ((4 + (bins / 4096) + 511) / 512 * 512)];
        after.AsSpan(0, 512).CopyTo(log);
        log[28] = 1;
        before.AsSpan(12, 8).CopyTo(log.AsSpan(12));
        "DIRT"u8.CopyTo(log.AsSpan(512));
        var pages = new List<byte>();
        for (var at = 0; at < bins; at += 4096)
        {
            if (before.Length < 4096 + at + 4096 || !before.AsSpan(4096 + at, 4096).SequenceEqual(after.AsSpan(4096 + at, 4096)))
            {
                log[516 + (at / 4096)] = 0xff;
                pages.AddRange(after.AsSpan(4096 + at, 4096));
            }
        }

        return (Checksummed(torn), [.. Checksummed(log), .. pages]);
    }

    private static byte[] Checksummed(byte[] block)
    {
        var sum = 0u;
        for (var at = 0; at < 508; at += 4)
        {
            sum ^= BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(at));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(508), sum);
        return block;
    }
}
