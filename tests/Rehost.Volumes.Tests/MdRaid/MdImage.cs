using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Rehost.Testing;

namespace Rehost.Volumes.Tests.MdRaid;

/// <summary>Writes the superblocks that mdadm --create would write, which needs a kernel with MD; mdadm --examine judges them.</summary>
internal sealed record MdImage
{
    public const int Role = 256;
    private const uint Magic = 0xa92b4efc;

    public string Version { get; init; } = "1.2";

    public int Level { get; init; } = 1;

    public uint Layout { get; init; }

    public int ChunkKilobytes { get; init; } = 64;

    public int Devices { get; init; } = 2;

    public string Name { get; init; } = "guest:0";

    public uint Features { get; init; }

    /// <summary>Bytes of data on each device.</summary>
    public long Used { get; init; } = 8 << 20;

    public bool IsBigEndian { get; init; }

    public byte[] ArrayId { get; init; } = [.. Enumerable.Range(1, 16).Select(one => (byte)(one * 13))];

    /// <summary>Length of an image, with room for the superblock wherever it stands.</summary>
    public long ImageLength => Used + (1 << 20);

    private long DataSector => Version is "1.1" or "1.2" ? 1024 : 0;

    /// <summary>Makes the images.</summary>
    public List<string> Make(ScratchDirectory scratch, string prefix = "disk", bool isZeroed = false)
    {
        var images = new List<string>();
        for (var i = 0; i < Devices; i++)
        {
            var path = scratch[prefix + i.ToString(CultureInfo.InvariantCulture)];
            if (isZeroed)
            {
                using var file = File.Create(path);
                file.SetLength(ImageLength);
            }
            else
            {
                LvmDisks.Junk(path, ImageLength, i + 40);
            }

            Stamp(path, i, 100);
            images.Add(path);
        }

        return images;
    }

    /// <summary>Writes a member's superblock.</summary>
    /// <param name="path">The image.</param>
    /// <param name="number">Its number and place.</param>
    /// <param name="events">Event count.</param>
    /// <param name="failed">Numbers of members that this one knows to have failed.</param>
    public void Stamp(string path, int number, ulong events, params int[] failed)
    {
        using var file = File.OpenWrite(path);
        if (Version == "0.90")
        {
            file.Position = (file.Length & ~65535L) - 65536;
            file.Write(Old(number, events, failed));
            return;
        }

        var sector = Version switch
        {
            "1.0" => (file.Length / 512) - 16 & ~7L,
            "1.1" => 0,
            _ => 8,
        };
        file.Position = sector * 512;
        file.Write(New(file.Length, sector, number, events, failed));
    }

    private byte[] New(long length, long sector, int number, ulong events, int[] failed)
    {
        var block = new byte[256 + (2 * 128)];
        void U32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(at), value);
        void U64(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(at), value);
        U32(0, Magic);
        U32(4, 1);
        U32(8, Features);
        ArrayId.CopyTo(block, 16);
        Encoding.UTF8.GetBytes(Name).CopyTo(block, 32);
        U64(64, 1700000000);
        U32(72, unchecked((uint)Level));
        U32(76, Layout);
        U64(80, Level is 0 or -1 ? 0UL : (ulong)Used / 512);
        U32(88, Level == 1 ? 0 : (uint)ChunkKilobytes * 2);
        U32(92, (uint)Devices);
        U64(128, (ulong)DataSector);
        U64(136, (ulong)Math.Min(Level is 0 or -1 ? (length / 512) - DataSector - (Version == "1.0" ? 24 : 0) : Used / 512, (length / 512) - DataSector));
        U64(144, (ulong)sector);
        U32(160, (uint)number);
        block[168] = (byte)(number + 1);
        U64(192, 1700000000);
        U64(200, events);
        U64(208, ulong.MaxValue);
        U32(220, 128);
        for (var i = 0; i < 128; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(256 + (2 * i)), failed.Contains(i) ? (ushort)0xfffe : i < Devices ? (ushort)i : (ushort)0xffff);
        }

        ulong sum = 0;
        for (var i = 0; i < block.Length; i += 4)
        {
            sum += BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(i));
        }

        U32(216, (uint)((sum & 0xffffffff) + (sum >> 32) & 0xffffffff));
        return block;
    }

    private byte[] Old(int number, ulong events, int[] failed)
    {
        var words = new uint[1024];
        words[0] = Magic;
        words[2] = 90;
        words[5] = 0x11223344;
        words[6] = 1700000000;
        words[7] = unchecked((uint)Level);
        words[8] = Level is 0 or -1 ? 0 : (uint)(Used >> 10);
        words[9] = words[10] = (uint)Devices;
        words[13] = 0x55667788;
        words[14] = 0x99aabbcc;
        words[15] = 0xddeeff00;
        words[32] = 1700000000;
        words[33] = 1;
        words[34] = words[35] = (uint)(Devices - failed.Length);
        words[IsBigEndian ? 40 : 39] = (uint)events;
        words[64] = Layout;
        words[65] = Level == 1 ? 0 : (uint)ChunkKilobytes << 10;
        for (var i = 0; i <= Devices; i++)
        {
            var which = i == Devices ? number : i;
            var at = i == Devices ? 992 : 128 + (i * 32);
            words[at] = (uint)which;
            words[at + 3] = (uint)which;
            words[at + 4] = failed.Contains(which) ? 1u : 6u;
        }

        ulong sum = 0;
        foreach (var word in words)
        {
            sum += word;
        }

        words[38] = (uint)((sum & 0xffffffff) + (sum >> 32) & 0xffffffff);
        var block = new byte[4096];
        for (var i = 0; i < words.Length; i++)
        {
            if (IsBigEndian)
            {
                BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(i * 4), words[i]);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(i * 4), words[i]);
            }
        }

        return block;
    }
}
