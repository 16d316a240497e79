using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Luks;

/// <summary>Reads a header of LUKS1 (LUKS on-disk format specification 1.2.3, 2.1).</summary>
internal static class Luks1Header
{
    private const int HeaderLength = 592;
    private const int Slots = 8;
    private const uint Active = 0x00ac71f3;
    private const int Sector = 512;

    /// <summary>Reads the header.</summary>
    /// <exception cref="DiagnosticException">It is damaged (VOL005) or names a hash that is not supported (VOL001).</exception>
    public static LuksHeader Read(IBlockDevice device)
    {
        var bytes = new byte[HeaderLength];
        device.Read(GuestOffset.Zero, bytes);
        var cipher = $"{LuksText.Of(bytes.AsSpan(8, 32))}-{LuksText.Of(bytes.AsSpan(40, 32))}";
        var hash = LuksText.HashOf(LuksText.Of(bytes.AsSpan(72, 32)));
        var payload = (long)U32(bytes, 104) * Sector;
        var keyLength = U32(bytes, 108);
        var rounds = U32(bytes, 164);
        if (keyLength is 0 or > LuksLimits.MaximumKey || rounds is 0 or > LuksLimits.MaximumRounds || payload >= device.Length)
        {
            throw VolumeDiagnostics.Damaged.ToException($"a key of {keyLength} bytes, {rounds} rounds, content at {payload}: a field is out of its range", "LUKS1 header");
        }

        var slots = ImmutableArray.CreateBuilder<LuksKeySlot>();
        for (var i = 0; i < Slots; i++)
        {
            var slot = bytes.AsSpan(208 + (i * 48), 48);
            var stripes = BinaryPrimitives.ReadUInt32BigEndian(slot[44..]);
            var slotRounds = BinaryPrimitives.ReadUInt32BigEndian(slot[4..]);
            var area = (long)BinaryPrimitives.ReadUInt32BigEndian(slot[40..]) * Sector;
            if (BinaryPrimitives.ReadUInt32BigEndian(slot) != Active)
            {
                continue;
            }

            if (stripes is 0 or > LuksLimits.MaximumStripes || slotRounds is 0 or > LuksLimits.MaximumRounds || area > device.Length)
            {
                throw VolumeDiagnostics.Damaged.ToException($"{stripes} stripes at {area}, {slotRounds} rounds: a field is out of its range", $"LUKS1 key slot {i}");
            }

            slots.Add(new LuksKeySlot
            {
                Number = i,
                Function = "pbkdf2",
                Hash = hash,
                Rounds = (int)slotRounds,
                Salt = slot.Slice(8, 32).ToArray(),
                Cipher = cipher,
                AreaKeyLength = (int)keyLength,
                AreaOffset = area,
                KeyLength = (int)keyLength,
                Stripes = (int)stripes,
                StripeHash = hash,
            });
        }

        return new LuksHeader
        {
            Version = 1,
            Uuid = LuksText.Of(bytes.AsSpan(168, 40)),
            KeySlots = slots.ToImmutable(),
            DigestHash = hash,
            DigestRounds = (int)rounds,
            DigestSalt = bytes[132..164],
            Digest = bytes[112..132],
            Cipher = cipher,
            SectorSize = Sector,
            Offset = payload,
            Length = (device.Length - payload) / Sector * Sector,
            Obstacle = payload == 0 ? "its header belongs to another device (a detached header)" : null,
        };
    }

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(offset));
}
