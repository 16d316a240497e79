using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Rehost.Blocks.Checksums;
using Rehost.Fuzz.Engine;
using Rehost.Volumes.Lvm2;

namespace Rehost.Fuzz.Seals;

/// <summary>Checksums of partition tables and volumes, made right after a mutation.</summary>
internal static class VolumeSeals
{
    private const int Block = 4096;

    /// <summary>Both headers and the entries that they name (UEFI 2.10, 5.3.2), with sectors of 512 and 4096 bytes.</summary>
    public static void Gpt(ImageBuffer buffer)
    {
        foreach (var sector in (int[])[512, 4096])
        {
            foreach (var at in (int[])[sector, (buffer.Length / sector * sector) - sector])
            {
                if (at < 512 || at + 512 > buffer.Length || !buffer.Bytes.AsSpan(at).StartsWith("EFI PART"u8))
                {
                    continue;
                }

                var header = buffer.Change(at, 512);
                var start = BinaryPrimitives.ReadUInt64LittleEndian(header[0x48..]);
                var length = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(header[0x50..]) * BinaryPrimitives.ReadUInt32LittleEndian(header[0x54..]);
                if (start < (ulong)buffer.Length && length <= 4 << 20 && (start * (ulong)sector) + length <= (ulong)buffer.Length)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(header[0x58..], Crc32.Of(buffer.Bytes.AsSpan((int)start * sector, (int)length)));
                }

                header.Slice(0x10, 4).Clear();
                var size = BinaryPrimitives.ReadUInt32LittleEndian(header[0x0c..]);
                BinaryPrimitives.WriteUInt32LittleEndian(header[0x10..], Crc32.Of(header[..(int)Math.Clamp(size, 92, 512)]));
            }
        }
    }

    /// <summary>Labels, headers of metadata areas and the text that they name, on one disk or two halves.</summary>
    public static void Lvm(ImageBuffer buffer)
    {
        foreach (var start in (int[])[0, buffer.Length / 2 / 512 * 512])
        {
            if (start + 8192 > buffer.Length)
            {
                continue;
            }

            var label = buffer.Change(start + 512, 512);
            if (label.StartsWith("LABELONE"u8))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(label[16..], LvmChecksum.Of(label[20..]));
            }

            var area = buffer.Change(start + Block, 512);
            var (offset, length) = (BinaryPrimitives.ReadUInt64LittleEndian(area[40..]), BinaryPrimitives.ReadUInt64LittleEndian(area[48..]));
            if (offset < 1 << 20 && length < 1 << 20 && start + Block + (int)offset + (int)length <= buffer.Length)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(area[56..], LvmChecksum.Of(buffer.Bytes.AsSpan(start + Block + (int)offset, (int)length)));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(area, LvmChecksum.Of(area[4..]));
        }
    }

    /// <summary>Blocks of a thin pool's metadata; what a block is taken for decides its checksum, so the one that fits what it was is kept.</summary>
    public static void Thin(ImageBuffer buffer)
    {
        foreach (var page in buffer.DirtyPages.ToArray())
        {
            if ((page + 1) * Block > buffer.Length)
            {
                continue;
            }

            var block = buffer.Change(page * Block, Block);
            var crc = uint.MaxValue;
            for (var at = 4; at < Block; at += 4)
            {
                crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(block[at..]));
            }

            // A node says how many entries it can have; bitmaps and their index have nothing like it (dm-btree-internal.h).
            var isNode = BinaryPrimitives.ReadUInt32LittleEndian(block[20..]) is > 0 and < 512 && BinaryPrimitives.ReadUInt32LittleEndian(block[4..]) is 1 or 2;
            var role = page == 0 ? 160774u : isNode ? 121107u : BinaryPrimitives.ReadUInt32LittleEndian(block[12..]) == (uint)page && page % 2 == 0 ? 240779u : 160478u;
            BinaryPrimitives.WriteUInt32LittleEndian(block, crc ^ role);
        }
    }

    /// <summary>Superblocks of MD in each of four disks (md_p.h).</summary>
    public static void Md(ImageBuffer buffer)
    {
        var each = buffer.Length / 4 / 512 * 512;
        for (var disk = 0; disk < 4; disk++)
        {
            var start = disk * each;
            foreach (var (at, isOld) in ((int, bool)[])[(start + Block, false), (start, false), (start + (int)((((long)each / 512) - 16 & ~7L) * 512), false), (start + (each & ~65535) - 65536, true)])
            {
                if (at < 0 || at + Block > buffer.Length || BinaryPrimitives.ReadUInt32LittleEndian(buffer.Bytes.AsSpan(at)) != 0xa92b4efc)
                {
                    continue;
                }

                var block = buffer.Change(at, Block);
                var place = isOld ? 152 : 216;
                block.Slice(place, 4).Clear();
                var roles = isOld ? Block : 256 + (2 * (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(block[220..]), 128));
                ulong sum = 0;
                for (var i = 0; i + 4 <= roles; i += 4)
                {
                    sum += BinaryPrimitives.ReadUInt32LittleEndian(block[i..]);
                }

                BinaryPrimitives.WriteUInt32LittleEndian(block[place..], unchecked((uint)((sum & 0xffffffff) + (sum >> 32))));
            }
        }
    }

    /// <summary>Both headers of LUKS2 with their JSON; LUKS1 has none.</summary>
    public static void Luks(ImageBuffer buffer)
    {
        const int length = 16384;
        for (var copy = 0; copy < 2 && (copy + 1) * length <= buffer.Length; copy++)
        {
            var header = buffer.Bytes.AsSpan(copy * length, length);
            if (header[6] == 0 && header[7] == 2)
            {
                header = buffer.Change(copy * length, length);
                header.Slice(448, 64).Clear();
                SHA256.HashData(header).CopyTo(header[448..]);
            }
        }
    }
}
