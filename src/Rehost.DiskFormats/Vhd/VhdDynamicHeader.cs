using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vhd;

/// <summary>The header of dynamic and differencing images (VHD specification, "Dynamic Disk Header Format"; big endian).</summary>
internal sealed record VhdDynamicHeader
{
    public const int Size = 1024;
    public const int LocatorCount = 8;
    public const uint HeaderVersion1 = 0x0001_0000;
    public const int BlockSizeMax = 256 << 20;
    private const int ChecksumAt = 36;
    private const int NameAt = 64;
    private const int NameBytes = 512;
    private const int LocatorsAt = 576;
    private const int RestAt = LocatorsAt + (LocatorCount * VhdParentLocator.Size);

    public static ReadOnlySpan<byte> Cookie => "cxsparse"u8;

    public ulong DataOffset { get; init; } = ulong.MaxValue;

    public required ulong TableOffset { get; init; }

    public uint Version { get; init; } = HeaderVersion1;

    public required uint TableEntries { get; init; }

    public required uint BlockSize { get; init; }

    public Guid ParentId { get; init; }

    public uint ParentTimestamp { get; init; }

    public uint Reserved { get; init; }

    /// <summary>The name of the parent as stored: 512 bytes of UTF-16, big endian by the specification.</summary>
    public ImmutableArray<byte> ParentName { get; init; } = [.. new byte[NameBytes]];

    public ImmutableArray<VhdParentLocator> Locators { get; init; } = [.. new VhdParentLocator[LocatorCount]];

    public ImmutableArray<byte> Rest { get; init; } = [.. new byte[Size - RestAt]];

    /// <summary>Bytes of the bitmap before each block, in whole sectors.</summary>
    public int BitmapBytes => (int)((((BlockSize / 512) + 7) / 8) + 511) / 512 * 512;

    /// <summary>Reads and checks the header.</summary>
    public static VhdDynamicHeader Read(IBlockDevice file, VhdFooter footer, string name)
    {
        if (footer.DataOffset > (ulong)Math.Max(0, file.Length - Size) || file.Length < Size)
        {
            throw VhdDiagnostics.BadHeader.ToException($"the footer puts it at 0x{footer.DataOffset:x} in a file of {file.Length} bytes", name);
        }

        Span<byte> bytes = stackalloc byte[Size];
        file.Read(new GuestOffset((long)footer.DataOffset), bytes);
        if (!bytes.StartsWith(Cookie))
        {
            throw VhdDiagnostics.BadHeader.ToException($"there is no 'cxsparse' at 0x{footer.DataOffset:x}", name);
        }

        var (stored, computed) = (BinaryPrimitives.ReadUInt32BigEndian(bytes[ChecksumAt..]), VhdFooter.Sum(bytes, ChecksumAt));
        if (stored != computed)
        {
            throw VhdDiagnostics.BadHeader.ToException($"its checksum is 0x{stored:x8}, computed 0x{computed:x8}", name);
        }

        var header = Parse(bytes);
        header.Check(file, footer, name);
        return header;
    }

    public static VhdDynamicHeader Parse(ReadOnlySpan<byte> bytes)
    {
        var locators = ImmutableArray.CreateBuilder<VhdParentLocator>(LocatorCount);
        for (var i = 0; i < LocatorCount; i++)
        {
            locators.Add(VhdParentLocator.Parse(bytes[(LocatorsAt + (i * VhdParentLocator.Size))..]));
        }

        return new VhdDynamicHeader
        {
            DataOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            TableOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
            Version = BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]),
            TableEntries = BinaryPrimitives.ReadUInt32BigEndian(bytes[28..]),
            BlockSize = BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]),
            ParentId = new Guid(bytes.Slice(40, 16), bigEndian: true),
            ParentTimestamp = BinaryPrimitives.ReadUInt32BigEndian(bytes[56..]),
            Reserved = BinaryPrimitives.ReadUInt32BigEndian(bytes[60..]),
            ParentName = [.. bytes.Slice(NameAt, NameBytes)],
            Locators = locators.MoveToImmutable(),
            Rest = [.. bytes[RestAt..Size]],
        };
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Cookie.CopyTo(bytes);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), DataOffset);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), TableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), Version);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(28), TableEntries);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), BlockSize);
        ParentId.TryWriteBytes(bytes.AsSpan(40), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(56), ParentTimestamp);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(60), Reserved);
        ParentName.AsSpan().CopyTo(bytes.AsSpan(NameAt));
        for (var i = 0; i < LocatorCount; i++)
        {
            Locators[i].Write(bytes.AsSpan(LocatorsAt + (i * VhdParentLocator.Size)));
        }

        Rest.AsSpan().CopyTo(bytes.AsSpan(RestAt));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChecksumAt), VhdFooter.Sum(bytes, ChecksumAt));
        return bytes;
    }

    private void Check(IBlockDevice file, VhdFooter footer, string name)
    {
        Demand(Version >> 16 == 1, $"version 0x{Version:x8}; 1.0 is read", name);
        Demand(BlockSize >= 512 && BlockSize <= BlockSizeMax && (BlockSize & (BlockSize - 1)) == 0, $"blocks of {BlockSize} bytes; powers of two from 512 to {BlockSizeMax} are read", name);
        var needed = (footer.CurrentSize / BlockSize) + (footer.CurrentSize % BlockSize == 0 ? 0UL : 1);
        Demand(TableEntries >= needed, $"a table of {TableEntries} entries where {needed} are needed", name);
        Demand(TableOffset % 512 == 0 && TableOffset <= (ulong)file.Length && needed * 4 <= (ulong)file.Length - TableOffset,
            $"a table of {TableEntries} entries at 0x{TableOffset:x} in a file of {file.Length} bytes", name);
    }

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw VhdDiagnostics.BadHeader.ToException($"the header tells of {found}", name);
        }
    }
}
