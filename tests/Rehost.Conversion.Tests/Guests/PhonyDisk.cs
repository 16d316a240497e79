using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Disks of phony guests, byte for byte the same each time: an MBR with boot code, partitions of images, a volume group with fixed identifiers.</summary>
internal static class PhonyDisk
{
    private const int Sector = 512;

    /// <summary>A disk with partitions one after another, the first at a sector.</summary>
    /// <param name="path">The image to make.</param>
    /// <param name="firstSector">63 of old installers, or 2048.</param>
    /// <param name="bootCode">What stands in the first sector; empty for a disk that pygrub reads.</param>
    /// <param name="partitions">Contents and MBR types.</param>
    public static void Make(string path, int firstSector, string bootCode, params (byte[] Content, byte Type)[] partitions)
    {
        using var file = File.Create(path);
        var mbr = new byte[Sector];
        Encoding.ASCII.GetBytes(bootCode).CopyTo(mbr, bootCode.Length == 0 ? 0 : 0x17d);
        if (bootCode.Length > 0)
        {
            mbr[0] = 0xeb; // jmp, as every boot sector begins
            mbr[1] = 0x48;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(mbr.AsSpan(0x1b8), 0x000abcde);
        mbr[0x1fe] = 0x55;
        mbr[0x1ff] = 0xaa;
        long sector = firstSector;
        for (var i = 0; i < partitions.Length; i++)
        {
            var (content, type) = partitions[i];
            var entry = mbr.AsSpan(0x1be + (16 * i));
            entry[0] = (byte)(i == 0 ? 0x80 : 0);
            entry[4] = type;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)sector);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)(content.Length / Sector));
            file.Position = sector * Sector;
            file.Write(content);
            sector += content.Length / Sector;
        }

        file.Position = 0;
        file.Write(mbr);
        file.SetLength((sector + 2048) * Sector);
    }

    /// <summary>A physical volume with a group of linear volumes, as vgcreate and lvcreate lay it out: label in sector 1, metadata at 4 KiB, extents of 4 MiB from 64 KiB (LVM2 before 2010).</summary>
    public static byte[] PhysicalVolume(string group, params (string Name, byte[] Content)[] volumes)
    {
        const int extent = 4 << 20;
        const int start = 384 * Sector;
        var extents = volumes.Select(volume => (volume.Content.Length + extent - 1) / extent).ToArray();
        var device = new byte[start + (extents.Sum() * extent)];
        var position = 0;
        for (var i = 0; i < volumes.Length; i++)
        {
            volumes[i].Content.CopyTo(device, start + (position * extent));
            position += extents[i];
        }

        WriteLabel(device, start);
        WriteMetadata(device, Metadata(group, [.. volumes.Select(volume => volume.Name)], extents, device.Length / Sector));
        return device;
    }

    private static string Metadata(string group, string[] names, int[] extents, int deviceSectors)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{group} {{\nid = \"{Id('g')}\"\nseqno = 3\nstatus = [\"RESIZEABLE\", \"READ\", \"WRITE\"]\nextent_size = 8192\nmax_lv = 0\nmax_pv = 0\n");
        text.Append(CultureInfo.InvariantCulture, $"physical_volumes {{\npv0 {{\nid = \"{Id('p')}\"\ndevice = \"/dev/sda2\"\nstatus = [\"ALLOCATABLE\"]\ndev_size = {deviceSectors}\npe_start = 384\npe_count = {extents.Sum()}\n}}\n}}\nlogical_volumes {{\n");
        var first = 0;
        for (var i = 0; i < names.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{names[i]} {{\nid = \"{Id((char)('a' + i))}\"\nstatus = [\"READ\", \"WRITE\", \"VISIBLE\"]\nsegment_count = 1\nsegment1 {{\nstart_extent = 0\nextent_count = {extents[i]}\ntype = \"striped\"\nstripe_count = 1\nstripes = [\"pv0\", {first}]\n}}\n}}\n");
            first += extents[i];
        }

        return text.Append("}\n}\ncontents = \"Text Format Volume Group\"\nversion = 1\n\0").ToString();
    }

    private static string Id(char letter) => $"{new string(letter, 6)}-0000-0000-0000-0000-0000-{new string(letter, 6)}";

    private static void WriteLabel(byte[] device, long dataStart)
    {
        var label = device.AsSpan(Sector, Sector);
        "LABELONE"u8.CopyTo(label);
        BinaryPrimitives.WriteInt64LittleEndian(label[8..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(label[20..], 32);
        "LVM2 001"u8.CopyTo(label[24..]);
        Encoding.ASCII.GetBytes(Id('p').Replace("-", "", StringComparison.Ordinal)).CopyTo(label[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(label[64..], device.Length);
        BinaryPrimitives.WriteInt64LittleEndian(label[72..], dataStart);
        BinaryPrimitives.WriteInt64LittleEndian(label[104..], 4096); // behind the closing pair of the data areas: the metadata area
        BinaryPrimitives.WriteInt64LittleEndian(label[112..], dataStart - 4096);
        BinaryPrimitives.WriteUInt32LittleEndian(label[16..], Crc(label[20..]));
    }

    private static void WriteMetadata(byte[] device, string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        var header = device.AsSpan(4096, Sector);
        " LVM2 x[5A%r0N*>"u8.CopyTo(header[4..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], 4096);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], (384 * Sector) - 4096);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], Sector);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[56..], Crc(bytes));
        BinaryPrimitives.WriteUInt32LittleEndian(header, Crc(header[4..]));
        bytes.CopyTo(device, 4096 + Sector);
    }

    // CRC-32 as LVM2 computes it: its own start value, no final complement.
    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = 0xf597a6cfu;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
            }
        }

        return crc;
    }
}
