using System.Buffers.Binary;
using System.Text;

namespace Rehost.DiskFormats.Tests.Vhd;

/// <summary>Lays out a differencing VHD byte by byte, by Microsoft's specification 1.0 and not by our own code: qemu-img makes none and libvhdi misreads them.</summary>
internal sealed class VhdBuilder(byte[] parentFooter, byte id)
{
    private const int Block = 2 << 20;
    private readonly List<(string Code, byte[] Data)> _locators = [];
    private readonly SortedDictionary<int, byte[]> _sectors = [];

    public ulong Size { get; set; } = BinaryPrimitives.ReadUInt64BigEndian(parentFooter.AsSpan(48));

    public string ParentName { get; set; } = "";

    public Guid? ParentId { get; set; }

    public VhdBuilder Locate(string code, string path)
    {
        _locators.Add((code, code is "W2ku" or "W2ru" ? Encoding.Unicode.GetBytes(path) : Encoding.UTF8.GetBytes(path)));
        return this;
    }

    public void Put(int sector, ReadOnlySpan<byte> content)
    {
        for (var i = 0; i < content.Length / 512; i++)
        {
            _sectors[sector + i] = content.Slice(i * 512, 512).ToArray();
        }
    }

    public byte[] Build()
    {
        var entries = (int)((Size + Block - 1) / Block);
        var used = _sectors.Keys.Select(sector => sector / 4096).Distinct().Reverse().ToList(); // the file's order is not the disk's
        var locatorsAt = 512 + 1024;
        var tableAt = locatorsAt + (_locators.Count * 1024);
        var dataAt = tableAt + (((entries * 4) + 511) / 512 * 512);
        var bytes = new byte[dataAt + (used.Count * (Block + 512)) + 512];
        bytes.AsSpan(dataAt).Fill(0xcd); // junk in sectors that are not there
        var footer = Footer();
        footer.CopyTo(bytes, 0);
        footer.CopyTo(bytes, bytes.Length - 512);

        var header = bytes.AsSpan(512, 1024);
        "cxsparse"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], ulong.MaxValue);
        BinaryPrimitives.WriteInt64BigEndian(header[16..], tableAt);
        BinaryPrimitives.WriteInt32BigEndian(header[24..], 0x10000);
        BinaryPrimitives.WriteInt32BigEndian(header[28..], entries);
        BinaryPrimitives.WriteInt32BigEndian(header[32..], Block);
        parentFooter.AsSpan(68, 16).CopyTo(header[40..]);
        ParentId?.TryWriteBytes(header[40..]);
        Encoding.BigEndianUnicode.GetBytes(ParentName).CopyTo(header[64..]);
        for (var i = 0; i < _locators.Count; i++)
        {
            var entry = header[(576 + (i * 24))..];
            Encoding.ASCII.GetBytes(_locators[i].Code).CopyTo(entry);
            BinaryPrimitives.WriteInt32BigEndian(entry[4..], i % 2 == 0 ? 2 : 1024); // sectors; some write bytes
            BinaryPrimitives.WriteInt32BigEndian(entry[8..], _locators[i].Data.Length);
            BinaryPrimitives.WriteInt64BigEndian(entry[16..], locatorsAt + (i * 1024));
            _locators[i].Data.CopyTo(bytes, locatorsAt + (i * 1024));
        }

        PutChecksum(header, 36);
        bytes.AsSpan(tableAt, dataAt - tableAt).Fill(0xff);
        for (var i = 0; i < used.Count; i++)
        {
            var at = dataAt + (i * (Block + 512));
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(tableAt + (used[i] * 4)), at / 512);
            bytes.AsSpan(at, 512).Clear();
        }

        foreach (var (sector, content) in _sectors)
        {
            var at = dataAt + (used.IndexOf(sector / 4096) * (Block + 512));
            bytes[at + (sector % 4096 / 8)] |= (byte)(0x80 >> (sector % 8));
            content.CopyTo(bytes, at + 512 + (sector % 4096 * 512));
        }

        return bytes;
    }

    private static void PutChecksum(Span<byte> bytes, int at)
    {
        bytes.Slice(at, 4).Clear();
        var sum = 0;
        foreach (var value in bytes)
        {
            sum += value;
        }

        BinaryPrimitives.WriteInt32BigEndian(bytes[at..], ~sum);
    }

    private byte[] Footer()
    {
        var footer = new byte[512];
        "conectix"u8.CopyTo(footer);
        BinaryPrimitives.WriteInt32BigEndian(footer.AsSpan(8), 2);
        BinaryPrimitives.WriteInt32BigEndian(footer.AsSpan(12), 0x10000);
        BinaryPrimitives.WriteInt64BigEndian(footer.AsSpan(16), 512);
        "win \0\u0006\0\u0001Wi2k"u8.CopyTo(footer.AsSpan(28));
        BinaryPrimitives.WriteUInt64BigEndian(footer.AsSpan(40), Size);
        BinaryPrimitives.WriteUInt64BigEndian(footer.AsSpan(48), Size);
        BinaryPrimitives.WriteInt32BigEndian(footer.AsSpan(60), 4);
        footer.AsSpan(68, 16).Fill(id);
        PutChecksum(footer, 64);
        return footer;
    }
}
