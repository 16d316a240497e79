using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Rehost.Volumes.Luks.Cryptography;

/// <summary>Puts a key together from the many stripes it was spread over, so that losing one of them loses the key (LUKS on-disk format 1.2.3, 2.4).</summary>
internal static class AntiForensic
{
    /// <summary>Merges stripes into the key.</summary>
    public static void Merge(ReadOnlySpan<byte> stripes, HashAlgorithmName hash, Span<byte> key)
    {
        key.Clear();
        var count = stripes.Length / key.Length;
        for (var i = 0; i < count; i++)
        {
            var stripe = stripes.Slice(i * key.Length, key.Length);
            for (var j = 0; j < key.Length; j++)
            {
                key[j] ^= stripe[j];
            }

            if (i < count - 1)
            {
                Diffuse(key, hash);
            }
        }
    }

    private static void Diffuse(Span<byte> key, HashAlgorithmName hash)
    {
        using var hasher = IncrementalHash.CreateHash(hash);
        var length = hasher.HashLengthInBytes;
        Span<byte> number = stackalloc byte[4];
        Span<byte> digest = stackalloc byte[64];
        for (var (start, index) = (0, 0); start < key.Length; start += length, index++)
        {
            var part = key.Slice(start, Math.Min(length, key.Length - start));
            BinaryPrimitives.WriteInt32BigEndian(number, index);
            hasher.AppendData(number);
            hasher.AppendData(part);
            hasher.GetHashAndReset(digest);
            digest[..part.Length].CopyTo(part);
        }

        digest.Clear();
    }
}
