using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.MdRaid;

/// <summary>
/// The superblock of version 0.90: 4 KiB in words of the machine that made it, in the last whole 64 KiB but one of the device. It says nothing of where it stands,
/// so the one of a disk's last partition can look like one of the disk.
/// </summary>
internal static class MdSuperblock090
{
    private const uint Magic = 0xa92b4efc;
    private const int Length = 4096;
    private const int Reserved = 64 << 10;
    private const int MaximumDevices = 27;
    private const int FirstDisk = 128;
    private const int DiskWords = 32;
    private const int ThisDisk = 992;

    /// <summary>The member's superblock; null when there is none.</summary>
    /// <exception cref="DiagnosticException">There is one and it is damaged (VOL005).</exception>
    public static MdMember? Read(IBlockDevice device)
    {
        if (device.Length < 2 * Reserved)
        {
            return null;
        }

        var offset = (device.Length & ~(Reserved - 1L)) - Reserved;
        var bytes = new byte[Length];
        device.Read(new GuestOffset(offset), bytes);
        var isLittleEndian = BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic;
        if (!isLittleEndian && BinaryPrimitives.ReadUInt32BigEndian(bytes) != Magic)
        {
            return null;
        }

        var words = new uint[Length / 4];
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * 4)) : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(i * 4));
        }

        return Interpret(device, words, offset, isLittleEndian);
    }

    private static MdMember? Interpret(IBlockDevice device, uint[] words, long offset, bool isLittleEndian)
    {
        if (words[1] != 0 || words[2] is not (90 or 91))
        {
            return null;
        }

        var where = $"MD superblock 0.90 at {offset}";
        var computed = Checksum(words);
        if (computed != words[38])
        {
            throw VolumeDiagnostics.Damaged.ToException($"its checksum is {computed:x8} against {words[38]:x8} stored", where);
        }

        var devices = words[10];
        var used = (long)words[8] << 10;
        if (devices is 0 or > MaximumDevices || used > offset || words[65] > 1 << 30)
        {
            throw VolumeDiagnostics.Damaged.ToException($"{devices} devices of {used} bytes, chunks of {words[65]}: a field is out of its range", where);
        }

        var places = ImmutableArray.CreateBuilder<int>(MaximumDevices);
        for (var i = 0; i < MaximumDevices; i++)
        {
            places.Add(PlaceOf(words, FirstDisk + (i * DiskWords), devices));
        }

        return new MdMember
        {
            Version = "0.90",
            ArrayId = string.Create(CultureInfo.InvariantCulture, $"{words[5]:x8}:{words[13]:x8}:{words[14]:x8}:{words[15]:x8}"),
            ArrayName = words[11].ToString(CultureInfo.InvariantCulture),
            Level = (int)Math.Clamp(unchecked((int)words[7]), -10, 100),
            Layout = words[64],
            ChunkBytes = words[65],
            RaidDevices = (int)devices,
            UsedBytes = used,
            DataOffset = 0,
            DataBytes = offset,
            Role = PlaceOf(words, ThisDisk, devices),
            Number = (int)Math.Min(words[ThisDisk], int.MaxValue),
            Roles = places.ToImmutable(),
            Events = isLittleEndian ? ((ulong)words[40] << 32) | words[39] : ((ulong)words[39] << 32) | words[40],
            HasBitmap = (words[33] & 0x100) != 0,
            Obstacle = words[2] == 91 ? "it is being reshaped" : null,
            Device = device,
        };
    }

    /// <summary>The place of a disk; its state has bit 0 for failed, 1 for active, 2 for synchronised.</summary>
    private static int PlaceOf(uint[] words, int descriptor, uint devices)
        => (words[descriptor + 4] & 0b111) == 0b110 && words[descriptor + 3] < devices ? (int)words[descriptor + 3] : -1;

    /// <summary>calc_sb_csum: the words added up, the carry added in.</summary>
    internal static uint Checksum(ReadOnlySpan<uint> words)
    {
        var sum = 0UL;
        for (var i = 0; i < words.Length; i++)
        {
            sum += i == 38 ? 0 : words[i];
        }

        return (uint)((sum & uint.MaxValue) + (sum >> 32) & uint.MaxValue);
    }
}
