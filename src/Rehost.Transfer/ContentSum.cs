using Rehost.Blocks.Checksums;

namespace Rehost.Transfer;

/// <summary>
/// A sum of what a stretch of a disk holds: of each 64 KiB that is not all zero, the XXH64 mixed with its place, added up. The order does not count, nor whether zeros are stored, so that the copy
/// and what is read back from the target give the same. It finds what a disk forgot; it is no proof against somebody who means harm.
/// </summary>
internal static class ContentSum
{
    /// <summary>The sum of a stretch that starts at a block.</summary>
    public static ulong Of(long offset, ReadOnlySpan<byte> content)
    {
        var sum = 0UL;
        for (var at = 0; at < content.Length; at += BlockManifest.BlockSize)
        {
            var block = content.Slice(at, Math.Min(BlockManifest.BlockSize, content.Length - at));
            if (block.ContainsAnyExcept((byte)0))
            {
                sum = unchecked(sum + Mix(XxHash64.Of(block) ^ Mix((ulong)(offset + at))));
            }
        }

        return sum;
    }

    // The last steps of splitmix64: neighbours become strangers.
    private static ulong Mix(ulong value)
    {
        unchecked
        {
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return value ^ (value >> 31);
        }
    }
}
