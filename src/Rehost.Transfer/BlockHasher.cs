using System.Security.Cryptography;

namespace Rehost.Transfer;

/// <summary>Hashes block by block.</summary>
internal static class BlockHasher
{
    /// <summary>The hashes of the blocks of a piece, one behind the other. The piece starts at a block.</summary>
    public static byte[] Hash(ReadOnlySpan<byte> content)
    {
        var count = (content.Length + BlockManifest.BlockSize - 1) / BlockManifest.BlockSize;
        var hashes = new byte[count * BlockManifest.HashSize];
        for (var i = 0; i < count; i++)
        {
            var block = content.Slice(i * BlockManifest.BlockSize, Math.Min(BlockManifest.BlockSize, content.Length - (i * BlockManifest.BlockSize)));
            var hash = hashes.AsSpan(i * BlockManifest.HashSize, BlockManifest.HashSize);
            if (block.Length == BlockManifest.BlockSize && !block.ContainsAnyExcept((byte)0))
            {
                BlockManifest.ZeroHash.CopyTo(hash);
            }
            else
            {
                SHA256.HashData(block, hash);
            }
        }

        return hashes;
    }
}
