using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Fuzz.Engine;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Fuzz.Targets;

/// <summary>Manifests as the transfer writes them, and their seal.</summary>
internal static class OwnSeals
{
    private const int SealLength = 32;

    /// <summary>SHA-256 of everything before it ends a manifest.</summary>
    public static void Manifest(ImageBuffer buffer)
    {
        if (buffer.Length > SealLength)
        {
            var at = buffer.Length - SealLength;
            SHA256.HashData(buffer.Bytes.AsSpan(0, at)).CopyTo(buffer.Change(at, SealLength));
        }
    }

    public static byte[] MakeManifest(SeedRoom room, long length)
    {
        var manifest = Fill(length);
        using (var file = CommittedFile.Create(room["manifest"]))
        {
            manifest.Save(file);
            file.Commit();
        }

        var bytes = room.Read("manifest");
        File.Delete(room["manifest"]);
        return bytes;
    }

    private static BlockManifest Fill(long length)
    {
        var hashes = new BlockHashes();
        var blocks = (length + BlockManifest.BlockSize - 1) / BlockManifest.BlockSize;
        for (var block = 0L; block < blocks; block++)
        {
            if (block % 3 == 1)
            {
                hashes.AddZeros(1);
            }
            else
            {
                hashes.Add(SHA256.HashData(BitConverter.GetBytes(block)));
            }
        }

        return new BlockManifest(length, hashes, [new MappedRange(0, 512, length)], [new ByteRange(0, 50)], length > BlockManifest.BlockSize ? [new ByteRange(BlockManifest.BlockSize, 100)] : [], [.. SHA256.HashData([1])], [new TouchedRanges("fstab: /etc/fstab", [new ByteRange(0, 50)])]);
    }
}
