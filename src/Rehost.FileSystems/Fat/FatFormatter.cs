using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Fat;

/// <summary>Makes an empty FAT32 file system ("FAT: General Overview of On-Disk Format", version 1.03): the type that firmware demands of an EFI system partition. Same options, same bytes.</summary>
public static class FatFormatter
{
    private const int Sector = 512;
    private const int Reserved = 32;
    private const int FatCopies = 2;
    private const int InfoSector = 1;
    private const int BackupSector = 6;
    private const int LabelLength = 11;

    /// <summary>With fewer clusters than this a reader takes the volume for FAT16 (section 3.5 of the specification); a few more, because some count wrongly.</summary>
    private const long FewestClusters = 65525 + 16;

    private const uint RootCluster = 2;
    private const int LargestCluster = 32 << 10;

    /// <summary>Formats a device. Everything that it held is lost; the blocks of files are not cleared.</summary>
    /// <exception cref="DiagnosticException">The device is too small or too large for FAT32 (CannotFormat), or the label is none.</exception>
    public static void Format(IBlockDevice device, FatFormatOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        var label = LabelOf(options.Label);
        var sectors = device.Length / Sector;
        if (sectors is < Reserved + 2048 + FewestClusters or > uint.MaxValue)
        {
            throw FatDiagnostics.CannotFormat.ToException($"{device.Length} bytes; FAT32 of sectors of {Sector} bytes takes 33 MiB to 2 TiB");
        }

        var perCluster = 1;
        while (perCluster * 2 * Sector <= LargestCluster && Clusters(sectors, perCluster * 2).Clusters >= FewestClusters)
        {
            perCluster *= 2;
        }

        var (clusters, fatSectors) = Clusters(sectors, perCluster);
        Clear(device, 0, (Reserved + (FatCopies * fatSectors) + perCluster) * Sector);
        var boot = BootSector(options, label, (uint)sectors, perCluster, (uint)fatSectors);
        var info = Info((uint)clusters);
        foreach (var start in (int[])[0, BackupSector])
        {
            device.Write(new GuestOffset(start * Sector), boot);
            device.Write(new GuestOffset((start + InfoSector) * Sector), info);
        }

        // The first two entries hold the medium and the flags of a clean volume; the third is the root directory's one cluster.
        var table = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(table, 0x0FFFFFF8);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4), 0x0FFFFFFF);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(8), 0x0FFFFFF8);
        for (var copy = 0; copy < FatCopies; copy++)
        {
            device.Write(new GuestOffset((Reserved + (copy * fatSectors)) * Sector), table);
        }

        var entry = new byte[32];
        label.CopyTo(entry, 0);
        entry[11] = 0x08; // volume label
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(24), (1 << 5) | 1); // 1 January 1980, the first day there is
        device.Write(new GuestOffset((Reserved + (FatCopies * fatSectors)) * Sector), entry);
    }

    private static (long Clusters, long FatSectors) Clusters(long sectors, int perCluster)
    {
        // Each sector of a table describes 128 clusters; rounding up wastes a sector at most.
        var data = sectors - Reserved;
        var fat = (data + (2 * perCluster) + (Sector / 4 * perCluster) + FatCopies - 1) / ((Sector / 4 * perCluster) + FatCopies);
        return ((data - (FatCopies * fat)) / perCluster, fat);
    }

    private static byte[] BootSector(FatFormatOptions options, byte[] label, uint sectors, int perCluster, uint fatSectors)
    {
        var boot = new byte[Sector];
        ((ReadOnlySpan<byte>)[0xEB, 0x58, 0x90]).CopyTo(boot);
        "REHOST  "u8.CopyTo(boot.AsSpan(3));
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(11), Sector);
        boot[13] = (byte)perCluster;
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(14), Reserved);
        boot[16] = FatCopies;
        boot[21] = 0xF8;
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(24), 63);
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(26), 255);
        BinaryPrimitives.WriteUInt32LittleEndian(boot.AsSpan(28), options.HiddenSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(boot.AsSpan(32), sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(boot.AsSpan(36), fatSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(boot.AsSpan(44), RootCluster);
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(48), InfoSector);
        BinaryPrimitives.WriteUInt16LittleEndian(boot.AsSpan(50), BackupSector);
        boot[64] = 0x80;
        boot[66] = 0x29;
        BinaryPrimitives.WriteUInt32LittleEndian(boot.AsSpan(67), options.Serial);
        label.CopyTo(boot, 71);
        "FAT32   "u8.CopyTo(boot.AsSpan(82));
        ((ReadOnlySpan<byte>)[0xF4, 0xEB, 0xFD]).CopyTo(boot.AsSpan(90)); // nothing to start here: hlt, and again
        boot[510] = 0x55;
        boot[511] = 0xAA;
        return boot;
    }

    private static byte[] Info(uint clusters)
    {
        var info = new byte[Sector];
        BinaryPrimitives.WriteUInt32LittleEndian(info, 0x41615252);
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(484), 0x61417272);
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(488), clusters - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(492), RootCluster + 1);
        info[510] = 0x55;
        info[511] = 0xAA;
        return info;
    }

    private static byte[] LabelOf(string label)
    {
        var text = label.ToUpperInvariant();
        return text.Length is > 0 and <= LabelLength && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or ' ')
            ? Encoding.ASCII.GetBytes(text.PadRight(LabelLength))
            : throw FatDiagnostics.CannotFormat.ToException($"the label '{label}'; 1 to {LabelLength} letters, digits, '-' and '_' are possible");
    }

    private static void Clear(IBlockDevice device, long offset, long length)
    {
        var zeros = new byte[1 << 16];
        for (long done = 0; done < length; done += zeros.Length)
        {
            device.Write(new GuestOffset(offset + done), zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
        }
    }
}
