using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>What a volume holds, told by signature alone: for content that Rehost does not read yet, so that a message can name it.</summary>
/// <param name="Type">LVM2, xfs, btrfs …</param>
/// <param name="Uuid">UUID in the form that blkid prints; null when not read.</param>
/// <param name="Label">Label; null when none or not read.</param>
internal sealed record VolumeSignature(string Type, string? Uuid = null, string? Label = null)
{
    private const int HeadLength = 256 << 10;
    private const ulong ZfsMagic = 0x00bab10c;
    private const int MdMagicTail = 128 << 10;
    private const uint MdMagic = 0xa92b4efc;

    /// <summary>Recognises a volume; null when nothing known is there.</summary>
    public static VolumeSignature? Recognize(IBlockDevice device)
    {
        var head = new byte[(int)Math.Min(HeadLength, device.Length)];
        device.Read(GuestOffset.Zero, head);
        return OfHead(head) ?? (Is(head, 3, "EXFAT   "u8) ? OfExfat(device, head) : null) ?? OfRaidTail(device);
    }

    private static VolumeSignature? OfHead(ReadOnlySpan<byte> head)
    {
        if (Is(head, 0, "XFSB"u8))
        {
            return new VolumeSignature("xfs", UuidAt(head, 32), TextAt(head, 108, 12));
        }

        // LVM2 labels stand in one of the first four sectors (lvm2 lib/label/label.h).
        for (var sector = 0; sector < 4; sector++)
        {
            if (Is(head, sector * 512, "LABELONE"u8) && Is(head, (sector * 512) + 24, "LVM2 001"u8))
            {
                return new VolumeSignature("LVM2");
            }
        }

        if (Is(head, 0x10040, "_BHRfS_M"u8))
        {
            return new VolumeSignature("btrfs", UuidAt(head, 0x10020), TextAt(head, 0x1012b, 256));
        }

        if (Is(head, 0, [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xba, 0xbe]))
        {
            return new VolumeSignature("crypto_LUKS", TextAt(head, 168, 40));
        }

        // BitLocker's boot sector (libbde's documentation of the format): it stands where NTFS had its name.
        if (Is(head, 3, "-FVE-FS-"u8))
        {
            return new VolumeSignature("BitLocker");
        }

        if (Is(head, 3, "NTFS    "u8))
        {
            return new VolumeSignature("ntfs");
        }

        if (Is(head, 82, "FAT32   "u8) || Is(head, 54, "FAT16   "u8) || Is(head, 54, "FAT12   "u8))
        {
            var id = Is(head, 82, "FAT32   "u8) ? 67 : 39;
            var serial = BinaryPrimitives.ReadUInt32LittleEndian(head[id..]);
            return new VolumeSignature("vfat", $"{serial >> 16:X4}-{serial & 0xffff:X4}", TextAt(head, id + 4, 11)?.TrimEnd() is { } label && label != "NO NAME" ? label : null);
        }

        if (Is(head, 0x10034, "ReIsErFs"u8) || Is(head, 0x10034, "ReIsEr2Fs"u8) || Is(head, 0x10034, "ReIsEr3Fs"u8))
        {
            return new VolumeSignature("reiserfs", UuidAt(head, 0x10054), TextAt(head, 0x10064, 16));
        }

        if (Is(head, 0x8000, "JFS1"u8))
        {
            return new VolumeSignature("jfs", UuidAt(head, 0x8000 + 136), TextAt(head, 0x8000 + 152, 16));
        }

        if (Is(head, 0x8001, "CD001"u8))
        {
            return new VolumeSignature("iso9660", Label: TextAt(head, 0x8028, 32)?.TrimEnd() is { Length: > 0 } volume ? volume : null);
        }

        if (Is(head, 0, "hsqs"u8))
        {
            return new VolumeSignature("squashfs");
        }

        if (Is(head, 1024, [0x10, 0x20, 0xf5, 0xf2]))
        {
            return new VolumeSignature("f2fs", UuidAt(head, 1024 + 108), WideTextAt(head, 1024 + 124, 512));
        }

        if (Is(head, 32, "ORCLDISK"u8))
        {
            return new VolumeSignature("oracleasm", Label: TextAt(head, 40, 24));
        }

        if (IsZfs(head))
        {
            return new VolumeSignature("zfs_member");
        }

        // Linux software RAID: 1.1 at the start, 1.2 after 4 KiB.
        return IsMd(head, 0) || IsMd(head, 4096) ? new VolumeSignature("mdraid") : null;
    }

    /// <summary>Uberblocks fill the second half of a label of 256 KiB, 1 KiB or more each, in the byte order of the machine that wrote them.</summary>
    private static bool IsZfs(ReadOnlySpan<byte> head)
    {
        for (var at = 128 << 10; at + 8 <= head.Length; at += 1024)
        {
            var magic = BinaryPrimitives.ReadUInt64LittleEndian(head[at..]);
            if (magic == ZfsMagic || BinaryPrimitives.ReverseEndianness(magic) == ZfsMagic)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>exFAT's label is an entry of its root directory (exFAT specification, 7.3).</summary>
    private static VolumeSignature OfExfat(IBlockDevice device, ReadOnlySpan<byte> head)
    {
        const int labelEntry = 0x83;
        const int entries = 64;
        var serial = BinaryPrimitives.ReadUInt32LittleEndian(head[100..]);
        var uuid = $"{serial >> 16:X4}-{serial & 0xffff:X4}";
        var (sectorShift, clusterShift) = (head[108], head[109]);
        if (sectorShift is < 9 or > 12 || clusterShift > 25 - sectorShift)
        {
            return new VolumeSignature("exfat", uuid);
        }

        var cluster = BinaryPrimitives.ReadUInt32LittleEndian(head[96..]) - 2L;
        var start = ((long)BinaryPrimitives.ReadUInt32LittleEndian(head[88..]) << sectorShift) + (cluster << (sectorShift + clusterShift));
        Span<byte> directory = stackalloc byte[entries * 32];
        if (cluster < 0 || start < 0 || start > device.Length - directory.Length)
        {
            return new VolumeSignature("exfat", uuid);
        }

        device.Read(new GuestOffset(start), directory);
        for (var entry = directory; entry.Length > 0 && entry[0] != 0; entry = entry[32..])
        {
            if (entry[0] == labelEntry && entry[1] is > 0 and <= 11)
            {
                return new VolumeSignature("exfat", uuid, System.Text.Encoding.Unicode.GetString(entry.Slice(2, entry[1] * 2)));
            }
        }

        return new VolumeSignature("exfat", uuid);
    }

    /// <summary>Linux software RAID 0.90 (64 KiB aligned, at least 64 KiB before the end) and 1.0 (4 KiB aligned, at least 8 KiB before the end).</summary>
    private static VolumeSignature? OfRaidTail(IBlockDevice device)
    {
        if (device.Length < MdMagicTail)
        {
            return null;
        }

        Span<byte> magic = stackalloc byte[4];
        foreach (var offset in (long[])[(device.Length & ~65535L) - 65536, ((device.Length / 512) - 16 & ~7L) * 512])
        {
            device.Read(new GuestOffset(offset), magic);
            if (IsMd(magic, 0))
            {
                return new VolumeSignature("mdraid");
            }
        }

        return null;
    }

    private static bool IsMd(ReadOnlySpan<byte> head, int offset)
        => head.Length >= offset + 4 && BinaryPrimitives.ReadUInt32LittleEndian(head[offset..]) == MdMagic;

    private static bool Is(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> signature)
        => head.Length >= offset + signature.Length && head.Slice(offset, signature.Length).SequenceEqual(signature);

    private static string? UuidAt(ReadOnlySpan<byte> head, int offset)
        => head.Length >= offset + 16 ? new Guid(head.Slice(offset, 16), bigEndian: true).ToString("D") : null;

    private static string? WideTextAt(ReadOnlySpan<byte> head, int offset, int characters)
    {
        if (head.Length < offset + (characters * 2))
        {
            return null;
        }

        var text = System.Text.Encoding.Unicode.GetString(head.Slice(offset, characters * 2)).Split('\0')[0];
        return text.Length == 0 ? null : text;
    }

    private static string? TextAt(ReadOnlySpan<byte> head, int offset, int length)
    {
        if (head.Length < offset + length)
        {
            return null;
        }

        var text = head.Slice(offset, length);
        var end = text.IndexOf((byte)0);
        text = end < 0 ? text : text[..end];
        return text.IsEmpty ? null : GuestText.Decode(text);
    }
}
