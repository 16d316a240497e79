using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.FileSystems.Tests.Ext;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz.Seals;

/// <summary>Checksums of file systems, made right in the pages that a mutation touched.</summary>
internal static class FileSystemSeals
{
    private const int Block = 4096;
    private const int Sector = 512;
    private const int MostRecord = (32 << 10) + Sector;

    /// <summary>ext4's superblock, descriptors and the first inodes; the other samples have no checksums.</summary>
    public static void Ext(ImageBuffer buffer)
    {
        const int readOnlyFeatures = 1024 + 0x64;
        const int checksums = 0x400;
        if (buffer.Length < 4096 || (BinaryPrimitives.ReadUInt32LittleEndian(buffer.Bytes.AsSpan(readOnlyFeatures)) & checksums) == 0)
        {
            return;
        }

        using IBlockDevice device = new BufferDevice(buffer, null, null);
        try
        {
            HostileChecksums.Mend(device);
        }
        catch (Exception e) when (e is OverflowException or ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            // The execution that follows meets the same, and tells.
        }
    }

    /// <summary>Every structure of version 5, known by its magic ("XFS Algorithms and Data Structures", Self Describing Metadata), and records of the log.</summary>
    public static void Xfs(ImageBuffer buffer)
    {
        foreach (var page in buffer.DirtyPages.ToArray())
        {
            var at = page * Block;
            if (at + Block > buffer.Length)
            {
                continue;
            }

            var block = buffer.Change(at, Block);
            switch (BinaryPrimitives.ReadUInt32BigEndian(block))
            {
                case 0x58444233 or 0x58444433 or 0x58444633: // XDB3 XDD3 XDF3
                    Castagnoli(block, 4);
                    continue;
                case 0x41423342 or 0x41423343 or 0x49414233 or 0x46494233 or 0x524d4233 or 0x52334643: // AB3B AB3C IAB3 FIB3 RMB3 R3FC
                    Castagnoli(block, 52);
                    continue;
                case 0x424d4133: // BMA3
                    Castagnoli(block, 64);
                    continue;
                case 0x58534c4d or 0x5841524d: // XSLM XARM
                    Castagnoli(block, 12);
                    continue;
                default:
                    break;
            }

            if (BinaryPrimitives.ReadUInt16BigEndian(block[8..]) is 0x3df1 or 0x3dff or 0x3ebe or 0x3bee)
            {
                Castagnoli(block, 12);
                continue;
            }

            SealSectors(block);
            SealRecord(buffer, at);
        }
    }

    /// <summary>The superblock and tree blocks of a file system with blocks of 4096 bytes and CRC-32C, known by the id that stands in each.</summary>
    public static void Btrfs(ImageBuffer buffer)
    {
        const int superblock = 64 << 10;
        if (buffer.Length < superblock + Block)
        {
            return;
        }

        var id = buffer.Bytes.AsSpan(superblock + 0x20, 16).ToArray();
        foreach (var page in buffer.DirtyPages.ToArray())
        {
            var at = page * Block;
            if (at + Block <= buffer.Length && (at == superblock || buffer.Bytes.AsSpan(at + 0x20, 16).SequenceEqual(id)))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(buffer.Change(at, 4), Crc32C.Of(buffer.Bytes.AsSpan(at + 0x20, Block - 0x20)));
            }
        }
    }

    private static void SealSectors(Span<byte> block)
    {
        for (var at = 0; at < Block; at += Sector)
        {
            var sector = block.Slice(at, Sector);
            switch (BinaryPrimitives.ReadUInt32BigEndian(sector))
            {
                case 0x58465342: // XFSB
                    Castagnoli(sector, 224);
                    break;
                case 0x58414746: // XAGF
                    Castagnoli(sector, 216);
                    break;
                case 0x58414749: // XAGI
                    Castagnoli(sector, 312);
                    break;
                case 0x5841464c: // XAFL
                    Castagnoli(sector, 32);
                    break;
                default:
                    if (sector.StartsWith("IN"u8) && sector[4] == 3)
                    {
                        Castagnoli(sector, 100);
                    }

                    break;
            }
        }
    }

    /// <summary>The record of the log that a page lies in: its header stands before it.</summary>
    private static void SealRecord(ImageBuffer buffer, int page)
    {
        const int usedHeader = 328;
        for (var at = page + Block - Sector; at >= 0 && page - at < MostRecord; at -= Sector)
        {
            var header = buffer.Bytes.AsSpan(at, Sector);
            if (BinaryPrimitives.ReadUInt32BigEndian(header) != 0xFEEDBABE)
            {
                continue;
            }

            var length = BinaryPrimitives.ReadInt32BigEndian(header[12..]);
            if (length >= 0 && length <= 32 << 10 && at + Sector + length <= buffer.Length && at + Sector + length > page)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(buffer.Change(at, Sector)[32..], 0);
                var state = Crc32C.Update(uint.MaxValue, buffer.Bytes.AsSpan(at, usedHeader));
                state = Crc32C.Update(state, buffer.Bytes.AsSpan(at + Sector, length));
                BinaryPrimitives.WriteUInt32LittleEndian(buffer.Change(at, Sector)[32..], ~state);
            }

            if (at < page)
            {
                return;
            }
        }
    }

    private static void Castagnoli(Span<byte> structure, int field)
    {
        structure.Slice(field, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(structure[field..], Crc32C.Of(structure));
    }
}
