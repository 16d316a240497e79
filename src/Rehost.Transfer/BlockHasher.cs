using System.Security.Cryptography;

namespace Rehost.Transfer;

/// <summary>Hashes block by block.</summary>
internal static class BlockHasher
{
    /// <summary>The hashes of the blocks of a piece, one behind the other. The piece starts at a block.</summary>
    public static byte[] Hash(ReadOnlySpan<byte> content)
    {
        var hashes = new byte[BytesOfHashes(content.Length)];
        Hash(content, hashes);
        return hashes;
    }

    /// <summary>Hashes the blocks of a piece, and keeps them with it.</summary>
    public static void Hash(Piece piece)
    {
        var length = BytesOfHashes(piece.Content.Length);
        if (piece.Hashes.Length != length)
        {
            piece.Hashes = new byte[length];
        }

        Hash(piece.Content, piece.Hashes);
    }

    private static int BytesOfHashes(int contentLength) => (contentLength + BlockManifest.BlockSize - 1) / BlockManifest.BlockSize * BlockManifest.HashSize;

    private static void Hash(ReadOnlySpan<byte> content, Span<byte> hashes)
    {
        var count = hashes.Length / BlockManifest.HashSize;
        for (var i = 0; i < count; i++)
        {
            var block = content.Slice(i * BlockManifest.BlockSize, Math.Min(BlockManifest.BlockSize, content.Length - (i * BlockManifest.BlockSize)));
            var hash = hashes.Slice(i * BlockManifest.HashSize, BlockManifest.HashSize);
            if (block.Length == BlockManifest.BlockSize && !block.ContainsAnyExcept((byte)0))
            {
                BlockManifest.ZeroHash.CopyTo(hash);
            }
            else
            {
                SHA256.HashData(block, hash);
            }
        }
    }
}
