using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Luks;

/// <summary>Reads a header of LUKS2 (LUKS2 on-disk format specification 1.1.1): two copies of a binary header with JSON behind it, of which the sound one with the higher number counts.</summary>
internal static class Luks2Header
{
    private const int BinaryLength = 4096;
    private const int ChecksumOffset = 448;
    private const int ChecksumLength = 64;
    private const string Where = "LUKS2 header";

    /// <summary>Where the second copy may stand: behind the first, whose size is one of these.</summary>
    private static readonly long[] SecondOffsets = [0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000];

    /// <summary>Reads the header.</summary>
    /// <exception cref="DiagnosticException">Neither copy is sound (VOL005), or it names a hash that is not supported (VOL001).</exception>
    public static LuksHeader Read(IBlockDevice device)
    {
        var problem = "";
        var best = ReadCopy(device, 0, ref problem);
        foreach (var offset in SecondOffsets)
        {
            if (offset + BinaryLength <= device.Length && ReadCopy(device, offset, ref problem) is { } second && (best is null || second.Sequence > best.Value.Sequence))
            {
                best = second;
            }
        }

        var (bytes, _) = best ?? throw VolumeDiagnostics.Damaged.ToException($"neither copy is sound: {problem}", Where);
        try
        {
            var json = bytes.AsSpan(BinaryLength);
            var end = json.IndexOf((byte)0);
            using var document = JsonDocument.Parse(bytes.AsMemory(BinaryLength, end < 0 ? json.Length : end), new JsonDocumentOptions { MaxDepth = 32 });
            return Interpret(device, bytes, document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            throw VolumeDiagnostics.Damaged.ToException($"its JSON is not as the specification has it: {e.Message}", Where, e);
        }
    }

    private static (byte[] Bytes, ulong Sequence)? ReadCopy(IBlockDevice device, long offset, ref string problem)
    {
        var head = new byte[BinaryLength];
        device.Read(new GuestOffset(offset), head);
        if (!head.AsSpan().StartsWith(offset == 0 ? LuksFormat.Magic : LuksFormat.SecondMagic) || BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(6)) != 2)
        {
            return null;
        }

        var size = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(8));
        if (size is < BinaryLength * 2 or > LuksLimits.MaximumHeader || BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(256)) != (ulong)offset || (long)size > device.Length - offset)
        {
            problem = $"the one at {offset} has a size of {size} bytes";
            return null;
        }

        var bytes = new byte[(int)size];
        device.Read(new GuestOffset(offset), bytes);
        var stored = bytes.AsSpan(ChecksumOffset, ChecksumLength).ToArray();
        bytes.AsSpan(ChecksumOffset, ChecksumLength).Clear();
        var algorithm = LuksText.Of(bytes.AsSpan(72, 32));
        byte[] computed = algorithm switch
        {
            "sha256" => SHA256.HashData(bytes),
            "sha512" => SHA512.HashData(bytes),
            _ => [],
        };
        if (computed.Length == 0 || !stored.AsSpan().StartsWith(computed))
        {
            problem = $"the checksum ({algorithm}) of the one at {offset} is wrong";
            return null;
        }

        return (bytes, BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(16)));
    }

    private static LuksHeader Interpret(IBlockDevice device, byte[] bytes, JsonElement root)
    {
        var segments = root.GetProperty("segments").EnumerateObject().ToList();
        var obstacle = ObstacleOf(root, segments);
        var segment = segments.Count > 0 ? segments[0].Value : throw VolumeDiagnostics.Damaged.ToException("it has no segment", Where);
        var digest = root.GetProperty("digests").EnumerateObject()
            .First(one => one.Value.GetProperty("segments").EnumerateArray().Any(name => name.GetString() == segments[0].Name)).Value;
        var assigned = digest.GetProperty("keyslots").EnumerateArray().Select(name => name.GetString()).ToHashSet(StringComparer.Ordinal);
        var offset = Long(segment, "offset");
        var length = segment.GetProperty("size").GetString() == "dynamic" ? device.Length - offset : Long(segment, "size");
        var sectorSize = obstacle is null ? segment.GetProperty("sector_size").GetInt32() : 512;
        if (offset < 0 || offset > device.Length || length < 0 || length > device.Length - offset || sectorSize is not (512 or 1024 or 2048 or 4096))
        {
            throw VolumeDiagnostics.Damaged.ToException($"its content of {length} bytes at {offset}, in sectors of {sectorSize}, leaves a device of {device.Length}", Where);
        }

        return new LuksHeader
        {
            Version = 2,
            Uuid = LuksText.Of(bytes.AsSpan(168, 40)),
            Label = LuksText.Of(bytes.AsSpan(24, 48)),
            KeySlots = obstacle is not null ? [] : [.. root.GetProperty("keyslots").EnumerateObject().Where(slot => assigned.Contains(slot.Name) && !IsIgnored(slot.Value)).Take(32).Select(ReadSlot)],
            DigestHash = LuksText.HashOf(digest.GetProperty("hash").GetString() ?? ""),
            DigestRounds = Bounded(digest, "iterations", 1, LuksLimits.MaximumRounds),
            DigestSalt = digest.GetProperty("salt").GetBytesFromBase64(),
            Digest = digest.GetProperty("digest").GetBytesFromBase64(),
            Cipher = obstacle is null ? segment.GetProperty("encryption").GetString() ?? "" : "",
            SectorSize = sectorSize,
            FirstSector = obstacle is null ? ulong.Parse(segment.GetProperty("iv_tweak").GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture) : 0,
            Offset = offset,
            Length = length / sectorSize * sectorSize,
            Obstacle = obstacle ?? (offset == 0 ? "its header belongs to another device (a detached header)" : null),
        };
    }

    private static string? ObstacleOf(JsonElement root, List<JsonProperty> segments)
    {
        if (root.GetProperty("config").TryGetProperty("requirements", out var requirements) && requirements.TryGetProperty("mandatory", out var mandatory) && mandatory.GetArrayLength() > 0)
        {
            var names = string.Join(", ", mandatory.EnumerateArray().Select(one => one.GetString()));
            return names.Contains("reencrypt", StringComparison.Ordinal) ? "it is being re-encrypted; let cryptsetup reencrypt finish in the guest" : $"it requires {names}";
        }

        if (segments.Count > 1)
        {
            return $"it has {segments.Count} segments, as while it is re-encrypted";
        }

        var segment = segments.Count == 1 ? segments[0].Value : default;
        return segment.ValueKind != JsonValueKind.Object ? null
            : segment.GetProperty("type").GetString() is var type && type != "crypt" ? $"its content is of type '{type}'"
            : segment.TryGetProperty("integrity", out _) ? "its content is authenticated (dm-integrity)"
            : null;
    }

    private static bool IsIgnored(JsonElement slot)
        => slot.GetProperty("type").GetString() != "luks2" || (slot.TryGetProperty("priority", out var priority) && priority.GetInt32() == 0);

    private static LuksKeySlot ReadSlot(JsonProperty property)
    {
        var slot = property.Value;
        var kdf = slot.GetProperty("kdf");
        var area = slot.GetProperty("area");
        var af = slot.GetProperty("af");
        var function = kdf.GetProperty("type").GetString() ?? "";
        var isArgon = function is "argon2i" or "argon2id";
        if (!isArgon && function != "pbkdf2")
        {
            throw VolumeDiagnostics.Unsupported.ToException($"keys are derived by '{function}'", $"LUKS2 key slot {property.Name}");
        }

        var rounds = Bounded(kdf, isArgon ? "time" : "iterations", 1, LuksLimits.MaximumRounds);
        var memory = isArgon ? Bounded(kdf, "memory", 8, LuksLimits.MaximumArgonKibibytes) : 0;
        if ((long)rounds * memory > LuksLimits.MaximumArgonWork)
        {
            throw VolumeDiagnostics.Unsupported.ToException(
                $"{rounds} passes over {memory} KiB; {LuksLimits.MaximumArgonWork} KiB in all are the limit", $"LUKS2 key slot {property.Name}");
        }

        var lanes = isArgon ? Bounded(kdf, "cpus", 1, LuksLimits.MaximumArgonLanes) : 0;
        return memory < 8 * lanes
            ? throw VolumeDiagnostics.Damaged.ToException($"{memory} KiB are less than 8 for each of {lanes} lanes", $"LUKS2 key slot {property.Name}")
            : new LuksKeySlot
            {
                Number = int.Parse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture),
                Function = function,
                Hash = isArgon ? default : LuksText.HashOf(kdf.GetProperty("hash").GetString() ?? ""),
                Rounds = rounds,
                Kibibytes = memory,
                Lanes = lanes,
                Salt = kdf.GetProperty("salt").GetBytesFromBase64(),
                Cipher = area.GetProperty("encryption").GetString() ?? "",
                AreaKeyLength = Bounded(area, "key_size", 1, LuksLimits.MaximumKey),
                AreaOffset = Long(area, "offset"),
                KeyLength = Bounded(slot, "key_size", 1, LuksLimits.MaximumKey),
                Stripes = Bounded(af, "stripes", 1, LuksLimits.MaximumStripes),
                StripeHash = LuksText.HashOf(af.GetProperty("hash").GetString() ?? ""),
            };
    }

    private static int Bounded(JsonElement element, string name, int least, int most)
        => element.GetProperty(name).GetInt64() is var value && value >= least && value <= most
            ? (int)value
            : throw VolumeDiagnostics.Damaged.ToException($"'{name}' is {value}; {least} to {most} are believed", Where);

    /// <summary>Numbers of 64 bits are written as texts.</summary>
    private static long Long(JsonElement element, string name) => long.Parse(element.GetProperty(name).GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture);
}
