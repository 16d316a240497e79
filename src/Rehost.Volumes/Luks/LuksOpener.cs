using System.Security.Cryptography;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Luks.Cryptography;

namespace Rehost.Volumes.Luks;

/// <summary>Opens an encrypted volume with one of the keys given.</summary>
internal static class LuksOpener
{
    /// <summary>Tries every key on every key slot.</summary>
    /// <exception cref="DiagnosticException">None fits (LUK002), or a cipher is not supported (VOL001).</exception>
    public static LuksVolume Open(IBlockDevice device, LuksHeader header, IEnumerable<byte[]> keys, string name)
    {
        if (header.Obstacle is { } obstacle)
        {
            throw VolumeDiagnostics.Unsupported.ToException(obstacle, name);
        }

        var tried = 0;
        foreach (var key in keys)
        {
            tried++;
            foreach (var slot in header.KeySlots)
            {
                var volumeKey = Unlock(device, slot, key);
                try
                {
                    if (IsRight(header, volumeKey))
                    {
                        return new LuksVolume(device, SectorCipher.Make(header.Cipher, volumeKey, header.SectorSize, header.FirstSector), header.Offset, header.Length, header.SectorSize, name);
                    }
                }
                finally
                {
                    CryptographicOperations.ZeroMemory(volumeKey);
                }
            }
        }

        throw LuksDiagnostics.WrongKey.ToException($"{tried} key{(tried == 1 ? "" : "s")} tried on {header.KeySlots.Length} key slots (LUKS{header.Version}, UUID {header.Uuid})", name);
    }

    private static byte[] Unlock(IBlockDevice device, LuksKeySlot slot, byte[] key)
    {
        var areaKey = new byte[slot.AreaKeyLength];
        var stripes = new byte[(((slot.KeyLength * slot.Stripes) + 511) / 512) * 512];
        var volumeKey = new byte[slot.KeyLength];
        try
        {
            if (!SectorCipher.IsSupported(slot.Cipher, slot.AreaKeyLength))
            {
                throw VolumeDiagnostics.Unsupported.ToException($"the cipher '{slot.Cipher}' with a key of {slot.AreaKeyLength * 8} bits", $"LUKS key slot {slot.Number}");
            }

            device.Read(new GuestOffset(slot.AreaOffset), stripes);
            if (slot.Function == "pbkdf2")
            {
                Rfc2898DeriveBytes.Pbkdf2(key, slot.Salt, areaKey, slot.Rounds, slot.Hash);
            }
            else
            {
                Argon2.Derive(key, slot.Salt, slot.Function == "argon2id", slot.Rounds, slot.Kibibytes, slot.Lanes, areaKey);
            }

            using (var cipher = SectorCipher.Make(slot.Cipher, areaKey))
            {
                cipher.Decrypt(stripes, 0);
            }

            AntiForensic.Merge(stripes.AsSpan(0, slot.KeyLength * slot.Stripes), slot.StripeHash, volumeKey);
            return volumeKey;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(areaKey);
            CryptographicOperations.ZeroMemory(stripes);
        }
    }

    private static bool IsRight(LuksHeader header, byte[] volumeKey)
    {
        if (header.Digest.Length is 0 or > 512)
        {
            return false;
        }

        var digest = Rfc2898DeriveBytes.Pbkdf2(volumeKey, header.DigestSalt, header.DigestRounds, header.DigestHash, header.Digest.Length);
        return CryptographicOperations.FixedTimeEquals(digest, header.Digest);
    }
}
