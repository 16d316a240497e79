using System.Buffers.Binary;
using System.Text;

namespace Rehost.DiskFormats.Tests.Vhdx;

/// <summary>
/// Lays out VHDX files byte by byte, by [MS-VHDX] and not by our own code: differencing images, which qemu-img neither makes nor reads, sectors of 4096
/// bytes, and logs. Its CRC-32C is the one of the definition, a bit at a time.
/// </summary>
internal sealed class VhdxBuilder
{
    public const int Mega = 1 << 20;
    public const int BatAt = 4 * Mega;
    public const int LogAt = Mega;
    private const int MetadataAt = 3 * Mega;
    private readonly SortedDictionary<long, byte[]> _sectors = [];
    private readonly Dictionary<int, int> _states = [];

    public required long Size { get; init; }

    public int Sector { get; init; } = 512;

    public int BlockSize { get; init; } = Mega;

    public byte Id { get; init; } = 1;

    public List<(string Key, string Value)> Parent { get; } = [];

    /// <summary>What children know this image by.</summary>
    public static Guid DataIdOf(byte[] image) => new(image.AsSpan((64 << 10) + 32, 16));

    public static string Linkage(byte[] parent) => DataIdOf(parent).ToString("B");

    public void Put(long sector, ReadOnlySpan<byte> content)
    {
        for (var i = 0; i < content.Length / Sector; i++)
        {
            _sectors[sector + i] = content.Slice(i * Sector, Sector).ToArray();
        }
    }

    /// <summary>Gives a block a state without content: 0 not present, 1 undefined, 2 zero, 3 unmapped.</summary>
    public void SetState(int block, int state) => _states[block] = state;

    public byte[] Build()
    {
        var perBlock = BlockSize / Sector;
        var ratio = (1L << 23) * Sector / BlockSize;
        var blocks = (Size + BlockSize - 1) / BlockSize;
        var used = _sectors.Keys.Select(sector => sector / perBlock).Distinct().Reverse().ToList();
        var batBytes = (int)(((((blocks / ratio) + 1) * (ratio + 1) * 8) + Mega - 1) / Mega * Mega);
        var bitmapsAt = BatAt + batBytes;
        var chunks = (int)((blocks + ratio - 1) / ratio);
        var dataAt = bitmapsAt + (chunks * Mega);
        var bytes = new byte[dataAt + (used.Count * (long)BlockSize)];
        bytes.AsSpan(dataAt).Fill(0xcd); // junk in sectors that are not there
        "vhdxfile"u8.CopyTo(bytes);
        Encoding.Unicode.GetBytes("test builder").CopyTo(bytes, 8);
        PutHeaders(bytes, Guid.Empty, 8);
        PutRegions(bytes.AsSpan(192 << 10, 64 << 10), batBytes);
        PutRegions(bytes.AsSpan(256 << 10, 64 << 10), batBytes);
        PutMetadata(bytes.AsSpan(MetadataAt, Mega));

        void Entry(long index, long offset, int state) => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((int)(BatAt + (index * 8))), offset | (long)state);
        foreach (var (block, state) in _states)
        {
            Entry(block + (block / ratio), 0, state);
        }

        for (var i = 0; i < used.Count; i++)
        {
            var isWhole = Enumerable.Range(0, perBlock).All(sector => _sectors.ContainsKey((used[i] * perBlock) + sector));
            Entry(used[i] + (used[i] / ratio), dataAt + ((long)i * BlockSize), isWhole || Parent.Count == 0 ? 6 : 7);
            if (Parent.Count > 0)
            {
                var chunk = used[i] / ratio;
                Entry((chunk * (ratio + 1)) + ratio, bitmapsAt + (chunk * Mega), 6);
            }
            else
            {
                bytes.AsSpan(dataAt + (i * BlockSize), BlockSize).Clear();
            }
        }

        foreach (var (sector, content) in _sectors)
        {
            var block = sector / perBlock;
            content.CopyTo(bytes, dataAt + (used.IndexOf(block) * (long)BlockSize) + (sector % perBlock * Sector));
            var bit = ((block % ratio) * perBlock) + (sector % perBlock);
            bytes[bitmapsAt + (block / ratio * Mega) + (bit / 8)] |= (byte)(1 << (int)(bit % 8));
        }

        return bytes;
    }

    /// <summary>Puts both headers; the second counts.</summary>
    public void PutHeaders(byte[] image, Guid logId, ulong sequence)
    {
        foreach (var (at, number) in new[] { (64 << 10, sequence - 1), (128 << 10, sequence) })
        {
            var header = image.AsSpan(at, 4096);
            header.Clear();
            "head"u8.CopyTo(header);
            BinaryPrimitives.WriteUInt64LittleEndian(header[8..], number);
            header.Slice(16, 16).Fill(0x77);
            header.Slice(32, 16).Fill(Id);
            logId.TryWriteBytes(header[48..]);
            BinaryPrimitives.WriteInt16LittleEndian(header[66..], 1);
            BinaryPrimitives.WriteInt32LittleEndian(header[68..], Mega);
            BinaryPrimitives.WriteInt64LittleEndian(header[72..], LogAt);
            PutChecksum(header);
        }
    }

    public static void PutChecksum(Span<byte> bytes)
    {
        bytes.Slice(4, 4).Clear();
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78);
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], ~crc);
    }

    /// <summary>An entry of a log that changes pages of the file; a page of null is a range of zeros.</summary>
    public static byte[] LogEntry(Guid logId, ulong sequence, int tail, long fileLength, params (long Offset, byte[]? Page)[] changes)
    {
        var data = changes.Where(change => change.Page is not null).ToList();
        var entry = new byte[4096 * (1 + data.Count)];
        "loge"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(8), entry.Length);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(12), tail);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(16), sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(24), changes.Length);
        logId.TryWriteBytes(entry.AsSpan(32));
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(48), fileLength);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(56), fileLength);
        for (var i = 0; i < changes.Length; i++)
        {
            var descriptor = entry.AsSpan(64 + (i * 32), 32);
            BinaryPrimitives.WriteInt64LittleEndian(descriptor[16..], changes[i].Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[24..], sequence);
            if (changes[i].Page is not { } page)
            {
                "zero"u8.CopyTo(descriptor);
                BinaryPrimitives.WriteInt64LittleEndian(descriptor[8..], 4096);
                continue;
            }

            "desc"u8.CopyTo(descriptor);
            page.AsSpan(4092).CopyTo(descriptor[4..]);
            page.AsSpan(0, 8).CopyTo(descriptor[8..]);
            var sector = entry.AsSpan(4096 * (1 + data.FindIndex(change => ReferenceEquals(change.Page, page))), 4096);
            page.CopyTo(sector);
            "data"u8.CopyTo(sector);
            BinaryPrimitives.WriteUInt32LittleEndian(sector[4..], (uint)(sequence >> 32));
            BinaryPrimitives.WriteUInt32LittleEndian(sector[4092..], (uint)(sequence & uint.MaxValue));
        }

        PutChecksum(entry);
        return entry;
    }

    /// <summary>Puts an entry into the log, which is a ring.</summary>
    public static void PutInLog(byte[] image, int offset, byte[] entry)
    {
        for (var at = 0; at < entry.Length; at += 4096)
        {
            entry.AsSpan(at, 4096).CopyTo(image.AsSpan(LogAt + ((offset + at) % Mega)));
        }
    }

    private static void PutRegions(Span<byte> table, int batBytes)
    {
        "regi"u8.CopyTo(table);
        table[8] = 2;
        new Guid("2DC27766-F623-4200-9D64-115E9BFD4A08").TryWriteBytes(table[16..]);
        BinaryPrimitives.WriteInt64LittleEndian(table[32..], BatAt);
        BinaryPrimitives.WriteInt32LittleEndian(table[40..], batBytes);
        table[44] = 1;
        new Guid("8B7CA206-4790-4B9A-B8FE-575F050F886E").TryWriteBytes(table[48..]);
        BinaryPrimitives.WriteInt64LittleEndian(table[64..], MetadataAt);
        BinaryPrimitives.WriteInt32LittleEndian(table[72..], Mega);
        table[76] = 1;
        PutChecksum(table);
    }

    private void PutMetadata(Span<byte> region)
    {
        "metadata"u8.CopyTo(region);
        var (count, at) = (0, 64 << 10);
        void Item(Span<byte> where, string id, uint flags, params byte[] content)
        {
            var entry = where[(32 + (count++ * 32))..];
            new Guid(id).TryWriteBytes(entry);
            BinaryPrimitives.WriteInt32LittleEndian(entry[16..], at);
            BinaryPrimitives.WriteInt32LittleEndian(entry[20..], content.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], flags);
            content.CopyTo(where[at..]);
            at += content.Length;
        }

        if (Parent.Count > 0)
        {
            Item(region, "A8D35F2D-B30B-454D-ABF7-D3D84834AB0C", 4, Locator());
        }

        Item(region, "8141BF1D-A96F-4709-BA47-F233A8FAAB5F", 6, BitConverter.GetBytes(Sector));
        Item(region, "CDA348C7-445D-4471-9CC9-E9885251C556", 6, BitConverter.GetBytes(4096));
        Item(region, "2FA54224-CD1B-4876-B211-5DBED83BF4B8", 6, BitConverter.GetBytes(Size));
        Item(region, "BECA12AB-B2E6-4523-93EF-C309E000C746", 6, Enumerable.Repeat(Id, 16).ToArray());
        Item(region, "CAA16737-FA36-4D43-B3B6-33F0AA44E76B", 4, [.. BitConverter.GetBytes(BlockSize), .. BitConverter.GetBytes(Parent.Count > 0 ? 2 : 0)]);
        Item(region, "11111111-2222-3333-4444-555555555555", 1, 1, 2, 3); // a user's own item
        BinaryPrimitives.WriteInt16LittleEndian(region[10..], (short)count);
    }

    private byte[] Locator()
    {
        var texts = Parent.SelectMany(pair => new[] { Encoding.Unicode.GetBytes(pair.Key), Encoding.Unicode.GetBytes(pair.Value) }).ToList();
        var at = 20 + (Parent.Count * 12);
        var item = new byte[at + texts.Sum(text => text.Length)];
        new Guid("B04AEFB7-D19E-4A81-B789-25B8E9445913").TryWriteBytes(item);
        BinaryPrimitives.WriteInt16LittleEndian(item.AsSpan(18), (short)Parent.Count);
        for (var i = 0; i < texts.Count; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(item.AsSpan(20 + (i / 2 * 12) + (i % 2 * 4)), at);
            BinaryPrimitives.WriteInt16LittleEndian(item.AsSpan(20 + (i / 2 * 12) + 8 + (i % 2 * 2)), (short)texts[i].Length);
            texts[i].CopyTo(item, at);
            at += texts[i].Length;
        }

        return item;
    }
}
