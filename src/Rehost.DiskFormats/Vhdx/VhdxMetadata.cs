using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>What kind of disk an image holds ([MS-VHDX] 2.6).</summary>
internal sealed record VhdxMetadata
{
    public const int TableSize = 64 << 10;
    public const int BlockSizeMin = 1 << 20;
    public const int BlockSizeMax = 256 << 20;
    public const long DiskSizeMax = 64L << 40;
    private const int EntriesAt = 32;
    private const int EntrySize = 32;
    private const int EntriesMax = 2047;
    private const int ItemMax = 1 << 20;
    private const uint IsUser = 1;
    private const uint IsDisk = 2;
    private const uint IsRequired = 4;

    private static readonly Guid FileParameters = new("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    private static readonly Guid DiskSizeItem = new("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    private static readonly Guid DiskIdItem = new("BECA12AB-B2E6-4523-93EF-C309E000C746");
    private static readonly Guid LogicalSectorItem = new("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    private static readonly Guid PhysicalSectorItem = new("CDA348C7-445D-4471-9CC9-E9885251C556");
    private static readonly Guid ParentLocatorItem = new("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");

    public static ReadOnlySpan<byte> Signature => "metadata"u8;

    public required int BlockSize { get; init; }

    /// <summary>Blocks stay allocated: a fixed image.</summary>
    public bool IsFixed { get; init; }

    public bool HasParent { get; init; }

    public required long DiskSize { get; init; }

    public required int LogicalSector { get; init; }

    public int PhysicalSector { get; init; } = 4096;

    /// <summary>What the guest sees as the disk's page 83 identifier.</summary>
    public Guid DiskId { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> ParentLocator { get; init; } = [];

    /// <summary>Blocks of the disk.</summary>
    public long Blocks => (DiskSize + BlockSize - 1) / BlockSize;

    /// <summary>Blocks that share a block of sector bitmaps, which has a bit for each of 2^23 sectors.</summary>
    public long ChunkRatio => (1L << 23) * LogicalSector / BlockSize;

    /// <summary>Entries of the block table: after each chunk's blocks one for its bitmaps; the last one only where it may be needed.</summary>
    public long TableEntries => Blocks == 0 ? 0
        : HasParent ? (((Blocks - 1) / ChunkRatio) + 1) * (ChunkRatio + 1)
        : Blocks + ((Blocks - 1) / ChunkRatio);

    /// <summary>Reads and checks the metadata.</summary>
    public static VhdxMetadata Read(IBlockDevice file, VhdxRegion region, string name)
    {
        if (region.Length < TableSize)
        {
            throw VhdxDiagnostics.BadMetadata.ToException($"the region has {region.Length} bytes, its table {TableSize}", name);
        }

        var table = new byte[TableSize];
        file.Read(new GuestOffset(region.Offset), table);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(10));
        if (!table.AsSpan().StartsWith(Signature) || count > EntriesMax)
        {
            throw VhdxDiagnostics.BadMetadata.ToException($"there is no table of metadata at 0x{region.Offset:x}, or one of {count} entries", name);
        }

        var items = new Dictionary<Guid, byte[]>();
        for (var i = 0; i < count; i++)
        {
            var entry = table.AsSpan(EntriesAt + (i * EntrySize), EntrySize);
            var id = new Guid(entry[..16]);
            var (offset, length, flags) = (BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]));
            var isKnown = (flags & IsUser) == 0 && (id == FileParameters || id == DiskSizeItem || id == DiskIdItem || id == LogicalSectorItem || id == PhysicalSectorItem || id == ParentLocatorItem);
            if (!isKnown)
            {
                if ((flags & IsRequired) != 0)
                {
                    throw VhdxDiagnostics.Unsupported.ToException($"a required metadata item of kind {id}", name);
                }

                continue;
            }

            if (offset < TableSize || length > ItemMax || offset > region.Length || length > region.Length - offset || items.ContainsKey(id))
            {
                throw VhdxDiagnostics.BadMetadata.ToException($"item {id} has {length} bytes at 0x{offset:x} in a region of {region.Length} bytes, or is there twice", name);
            }

            items[id] = new byte[length];
            file.Read(new GuestOffset(region.Offset + offset), items[id]);
        }

        var metadata = From(items, name);
        metadata.Check(name);
        return metadata;
    }

    /// <summary>The whole region: table and items.</summary>
    public byte[] ToBytes()
    {
        var items = new List<(Guid Id, byte[] Bytes, uint Flags)>();
        var parameters = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(parameters, BlockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(4), (IsFixed ? 1u : 0) | (HasParent ? 2u : 0));
        items.Add((FileParameters, parameters, IsRequired));
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, DiskSize);
        items.Add((DiskSizeItem, size, IsDisk | IsRequired));
        items.Add((DiskIdItem, DiskId.ToByteArray(), IsDisk | IsRequired));
        foreach (var (id, sector) in new[] { (LogicalSectorItem, LogicalSector), (PhysicalSectorItem, PhysicalSector) })
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, sector);
            items.Add((id, bytes, IsDisk | IsRequired));
        }

        if (HasParent)
        {
            items.Add((ParentLocatorItem, VhdxParentLocator.ToBytes(ParentLocator), IsRequired));
        }

        var region = new byte[TableSize + items.Sum(item => item.Bytes.Length)];
        Signature.CopyTo(region);
        BinaryPrimitives.WriteUInt16LittleEndian(region.AsSpan(10), (ushort)items.Count);
        var at = TableSize;
        for (var i = 0; i < items.Count; i++)
        {
            var entry = region.AsSpan(EntriesAt + (i * EntrySize), EntrySize);
            items[i].Id.TryWriteBytes(entry);
            BinaryPrimitives.WriteInt32LittleEndian(entry[16..], at);
            BinaryPrimitives.WriteInt32LittleEndian(entry[20..], items[i].Bytes.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], items[i].Flags);
            items[i].Bytes.CopyTo(region, at);
            at += items[i].Bytes.Length;
        }

        return region;
    }

    private static VhdxMetadata From(Dictionary<Guid, byte[]> items, string name)
    {
        var parameters = Item(items, FileParameters, 8, "file parameters", name);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(parameters[4..]);
        var hasParent = (flags & 2) != 0;
        var blockSize = BinaryPrimitives.ReadUInt32LittleEndian(parameters);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(Item(items, DiskSizeItem, 8, "disk size", name));
        return new VhdxMetadata
        {
            BlockSize = (int)Math.Min(blockSize, int.MaxValue),
            IsFixed = (flags & 1) != 0,
            HasParent = hasParent,
            DiskSize = (long)Math.Min(size, long.MaxValue),
            LogicalSector = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(Item(items, LogicalSectorItem, 4, "logical sector size", name)), int.MaxValue),
            PhysicalSector = items.ContainsKey(PhysicalSectorItem)
                ? (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(Item(items, PhysicalSectorItem, 4, "physical sector size", name)), int.MaxValue)
                : 512,
            DiskId = items.ContainsKey(DiskIdItem) ? new Guid(Item(items, DiskIdItem, 16, "disk id", name)[..16]) : Guid.Empty,
            ParentLocator = hasParent ? VhdxParentLocator.Parse(Item(items, ParentLocatorItem, VhdxParentLocator.HeaderSize, "parent locator", name), name) : [],
        };
    }

    private static ReadOnlySpan<byte> Item(Dictionary<Guid, byte[]> items, Guid id, int length, string what, string name)
        => items.TryGetValue(id, out var bytes) && bytes.Length >= length
            ? bytes
            : throw VhdxDiagnostics.BadMetadata.ToException($"the {what} is missing or shorter than {length} bytes", name);

    private void Check(string name)
    {
        void Demand(bool condition, string found)
        {
            if (!condition)
            {
                throw VhdxDiagnostics.BadMetadata.ToException($"it tells of {found}", name);
            }
        }

        Demand(BlockSize is >= BlockSizeMin and <= BlockSizeMax && (BlockSize & (BlockSize - 1)) == 0, $"blocks of {BlockSize} bytes; powers of two from 1 to 256 MiB are allowed");
        Demand(LogicalSector is 512 or 4096, $"sectors of {LogicalSector} bytes; 512 and 4096 are allowed");
        Demand(DiskSize <= DiskSizeMax && DiskSize % LogicalSector == 0, $"a disk of {DiskSize} bytes with sectors of {LogicalSector}; at most {DiskSizeMax} are allowed");
    }
}
