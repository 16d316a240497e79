using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.MdRaid;

/// <summary>Finds and reads the superblock of a member (include/uapi/linux/raid/md_p.h). Version 1.x stands at the start, 4 KiB behind it, or near the end.</summary>
internal static class MdSuperblock
{
    private const uint Magic = 0xa92b4efc;
    private const int Sector = 512;
    private const int FixedLength = 256;
    private const int MaximumDevices = 1920;
    private const long MaximumSectors = 1L << 51;
    private const ulong Complete = ulong.MaxValue;

    private const uint HasBitmap = 1;
    private const uint HasRecoveryOffset = 2;
    private const uint IsReshaping = 4;
    private const uint HasBadBlocks = 8;
    private const uint IsReplacement = 16;
    private const uint HasNewOffset = 64;
    private const uint IsClustered = 256;
    private const uint HasJournal = 512;
    private const uint HasPartialParityLog = 1024 | 2048;
    private const uint HasRaid0Layout = 4096;
    private const uint Known = 8191;

    /// <summary>The member's superblock; null when there is none.</summary>
    /// <exception cref="DiagnosticException">There is one and it is damaged (VOL005).</exception>
    public static MdMember? Read(IBlockDevice device)
    {
        var sectors = device.Length / Sector;
        var end = (sectors - 16) & ~7L;
        DiagnosticException? damage = null;
        foreach (var (version, sector) in ((string, long)[])[("1.1", 0), ("1.2", 8), ("1.0", end)])
        {
            try
            {
                if (sector >= 0 && sector + 8 <= sectors && ReadVersion1(device, version, sector) is { } member)
                {
                    return member;
                }
            }
            catch (DiagnosticException e) when (e.Diagnostic.Id == VolumeDiagnostics.Damaged.Id)
            {
                damage = e;
            }
        }

        return MdSuperblock090.Read(device) ?? (damage is null ? null : throw damage);
    }

    private static MdMember? ReadVersion1(IBlockDevice device, string version, long sector)
    {
        Span<byte> block = stackalloc byte[FixedLength + (2 * MaximumDevices)];
        block = block[..(int)Math.Min(block.Length, device.Length - (sector * Sector))];
        device.Read(new Lba(sector).ToOffset(), block);
        if (U32(block, 0) != Magic || U32(block, 4) != 1)
        {
            return null;
        }

        var where = $"MD superblock {version} in sector {sector}";

        // A copy of somebody else's superblock, of the last partition's seen from the whole disk: the kernel goes by this field.
        if (U64(block, 144) != (ulong)sector)
        {
            return null;
        }

        var roles = U32(block, 220);
        if (roles > MaximumDevices || FixedLength + (2 * (int)roles) > block.Length)
        {
            throw VolumeDiagnostics.Damaged.ToException($"it lists {roles} devices; {MaximumDevices} at most are possible", where);
        }

        var computed = Checksum(block[..(FixedLength + (2 * (int)roles))]);
        if (computed != U32(block, 216))
        {
            throw VolumeDiagnostics.Damaged.ToException($"its checksum is {computed:x8} against {U32(block, 216):x8} stored", where);
        }

        return Interpret(device, version, block, (int)roles, where);
    }

    private static MdMember Interpret(IBlockDevice device, string version, ReadOnlySpan<byte> block, int roles, string where)
    {
        var features = U32(block, 8);
        var number = U32(block, 160);
        var dataOffset = U64(block, 128);
        var dataSize = U64(block, 136);
        var size = U64(block, 80);
        var chunk = U32(block, 88);
        var devices = U32(block, 92);
        if (dataOffset > (ulong)MaximumSectors || size > (ulong)MaximumSectors || dataOffset * Sector >= (ulong)device.Length || devices is 0 or > MaximumDevices || chunk > 1 << 22)
        {
            throw VolumeDiagnostics.Damaged.ToException($"data at sector {dataOffset}, {size} sectors of {devices} devices, chunks of {chunk} sectors: a field is out of its range", where);
        }

        var places = ImmutableArray.CreateBuilder<int>(roles);
        for (var i = 0; i < roles; i++)
        {
            var place = BinaryPrimitives.ReadUInt16LittleEndian(block[(FixedLength + (2 * i))..]);
            places.Add(place < devices ? place : -1);
        }

        var available = device.Length - ((long)dataOffset * Sector);
        var recovered = U64(block, 152);
        return new MdMember
        {
            Version = version,
            ArrayId = PrintId(block.Slice(16, 16)),
            ArrayName = TextOf(block.Slice(32, 32)),
            Level = BinaryPrimitives.ReadInt32LittleEndian(block[72..]),
            Layout = (features & HasRaid0Layout) == 0 && U32(block, 72) == 0 ? 0 : U32(block, 76),
            ChunkBytes = (long)chunk * Sector,
            RaidDevices = (int)devices,
            UsedBytes = (long)size * Sector,
            DataOffset = (long)dataOffset * Sector,
            DataBytes = Math.Min(available, (long)Math.Min(dataSize, (ulong)MaximumSectors) * Sector),
            Role = number < (uint)roles ? places[(int)number] : -1,
            Number = (int)Math.Min(number, int.MaxValue),
            Roles = places.ToImmutable(),
            Events = U64(block, 200),
            IsWhole = (features & HasRecoveryOffset) == 0 || recovered == Complete || recovered >= dataSize,
            HasBitmap = (features & HasBitmap) != 0,
            Obstacle = ObstacleOf(device, block, features),
            Device = device,
        };
    }

    private static string? ObstacleOf(IBlockDevice device, ReadOnlySpan<byte> block, uint features)
    {
        if ((features & ~Known) != 0)
        {
            return $"it uses unknown features {features & ~Known:x}";
        }

        // A parity log that is in use belongs to an array that was not stopped: parity may be behind, which reading does not need.
        var isUnclean = U64(block, 208) != Complete;
        return (features & IsReshaping) != 0 || (features & HasNewOffset) != 0 ? "it is being reshaped"
            : (features & IsReplacement) != 0 ? "a member is being replaced"
            : (features & IsClustered) != 0 ? "it is shared by a cluster"
            : (features & HasJournal) != 0 ? "it has a write journal"
            : (features & HasPartialParityLog) != 0 && isUnclean ? "it was not stopped, and its partial parity log is in use"
            : (features & HasBadBlocks) != 0 && HasBadBlock(device, block) ? "a member has recorded bad blocks"
            : null;
    }

    /// <summary>The list of bad blocks: entries of eight bytes up to one of all ones.</summary>
    private static bool HasBadBlock(IBlockDevice device, ReadOnlySpan<byte> block)
    {
        var offset = ((long)U64(block, 144) + BinaryPrimitives.ReadInt32LittleEndian(block[188..])) * Sector;
        if (BinaryPrimitives.ReadUInt16LittleEndian(block[186..]) == 0 || offset < 0 || offset > device.Length - 8)
        {
            return false;
        }

        Span<byte> first = stackalloc byte[8];
        device.Read(new GuestOffset(offset), first);
        return BinaryPrimitives.ReadUInt64LittleEndian(first) != ulong.MaxValue;
    }

    /// <summary>calc_sb_1_csum: the words added up, the carry added in.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> block)
    {
        var sum = 0UL;
        var position = 0;
        for (; position + 4 <= block.Length; position += 4)
        {
            sum += position == 216 ? 0 : U32(block, position);
        }

        if (block.Length - position == 2)
        {
            sum += BinaryPrimitives.ReadUInt16LittleEndian(block[position..]);
        }

        return (uint)((sum & uint.MaxValue) + (sum >> 32) & uint.MaxValue);
    }

    /// <summary>mdadm prints an id in four groups.</summary>
    internal static string PrintId(ReadOnlySpan<byte> id)
    {
        var text = Convert.ToHexStringLower(id);
        return string.Create(CultureInfo.InvariantCulture, $"{text[..8]}:{text[8..16]}:{text[16..24]}:{text[24..]}");
    }

    private static string TextOf(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return GuestText.Decode(end < 0 ? bytes : bytes[..end]);
    }

    private static uint U32(ReadOnlySpan<byte> block, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(block[offset..]);

    private static ulong U64(ReadOnlySpan<byte> block, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(block[offset..]);
}
