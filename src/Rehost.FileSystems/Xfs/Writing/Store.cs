using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>What all parts of the writer share: the cache, the superblock as it is now, the headers that metadata of version 5 carries, and undo.</summary>
internal sealed class Store
{
    private const int SuperChecksum = 224;
    private const int VersionOffset = 100;
    private const int Features2Offset = 200;
    private const int BadFeatures2Offset = 204;
    private readonly byte[] _sector;
    private readonly byte[] _uuid;

    internal Store(PageCache cache, XfsSuperblock super)
    {
        Cache = cache;
        Super = super;
        _sector = new byte[super.SectorSize];
        cache.Read(0, _sector);
        _uuid = super.MetadataUuid.ToByteArray(bigEndian: true);
    }

    internal PageCache Cache { get; }

    internal XfsSuperblock Super { get; }

    internal UndoLog Undo { get; } = new();

    internal int BlockSize => Super.BlockSize;

    internal bool IsVersion5 => Super.IsVersion5;

    internal bool HasRmap => (ReadOnlyFeatures & 2) != 0;

    internal bool HasReflink => (ReadOnlyFeatures & 4) != 0;

    internal bool HasFreeInodeTree => (ReadOnlyFeatures & 1) != 0;

    internal bool HasInodeBlockCounts => (ReadOnlyFeatures & 8) != 0;

    internal bool HasSparseInodes => IsVersion5 && (Super32(216) & 2) != 0;

    internal bool HasBigTime => IsVersion5 && (Super32(216) & 8) != 0;

    internal bool HasManyExtents => IsVersion5 && (Super32(216) & 0x20) != 0;

    internal uint ReadOnlyFeatures => IsVersion5 ? Super32(212) : 0;

    internal ulong InodeCount
    {
        get => Super64(128);
        set => PutSuper64(128, value);
    }

    internal ulong FreeInodes
    {
        get => Super64(136);
        set => PutSuper64(136, value);
    }

    internal ulong FreeBlocks
    {
        get => Super64(144);
        set => PutSuper64(144, value);
    }

    internal int InodePercent => _sector[127];

    /// <summary>Blocks to which a new chunk of inodes is aligned.</summary>
    internal uint InodeAlignment => (Version & 0x80) != 0 ? Math.Max(1, Super32(180)) : 1;

    private ushort Version => BinaryPrimitives.ReadUInt16BigEndian(_sector.AsSpan(VersionOffset));

    internal uint Super32(int at) => BinaryPrimitives.ReadUInt32BigEndian(_sector.AsSpan(at));

    internal ulong Super64(int at) => BinaryPrimitives.ReadUInt64BigEndian(_sector.AsSpan(at));

    /// <summary>Inodes have attributes now, placed as "attr2" says, and link counts of 32 bits.</summary>
    internal void DeclareAttributes()
    {
        var attributes = (ushort)(Version | 0x10);
        var features2 = Super32(Features2Offset);
        if (!IsVersion5)
        {
            attributes |= 0x8000;
            features2 |= 8;
        }

        if (attributes != Version || features2 != Super32(Features2Offset))
        {
            SnapshotSuper();
            BinaryPrimitives.WriteUInt16BigEndian(_sector.AsSpan(VersionOffset), attributes);
            BinaryPrimitives.WriteUInt32BigEndian(_sector.AsSpan(Features2Offset), features2);
            BinaryPrimitives.WriteUInt32BigEndian(_sector.AsSpan(BadFeatures2Offset), features2);
        }
    }

    internal void DeclareWideLinks()
    {
        if ((Version & 0x20) == 0)
        {
            SnapshotSuper();
            BinaryPrimitives.WriteUInt16BigEndian(_sector.AsSpan(VersionOffset), (ushort)(Version | 0x20));
        }
    }

    /// <summary>Quotas are counted again by the kernel at the next mount when the flags that say that they were are cleared.</summary>
    internal void InvalidateQuotas()
    {
        const ushort isChecked = 0x4 | 0x20 | 0x100 | 0x400;
        var flags = BinaryPrimitives.ReadUInt16BigEndian(_sector.AsSpan(176));
        if ((flags & isChecked) != 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(_sector.AsSpan(176), (ushort)(flags & ~isChecked & 0xFFFF));
        }
    }

    internal void WriteSuper()
    {
        if (IsVersion5)
        {
            Seal(_sector, SuperChecksum);
        }

        WriteIfChanged(0, _sector);
    }

    internal ulong ToBlock(uint group, uint within) => ((ulong)group << Super.AgBlockLog) | within;

    internal uint GroupOf(ulong block) => (uint)(block >> Super.AgBlockLog);

    internal uint WithinGroup(ulong block) => (uint)(block & ((1UL << Super.AgBlockLog) - 1));

    internal long ByteOf(ulong block) => Super.ByteOf(block, 1);

    internal byte[] ReadBlock(ulong block)
    {
        var bytes = new byte[BlockSize];
        Cache.Read(ByteOf(block), bytes);
        return bytes;
    }

    internal void WriteIfChanged(long at, ReadOnlySpan<byte> bytes)
    {
        var before = new byte[bytes.Length];
        Cache.Read(at, before);
        if (!bytes.SequenceEqual(before))
        {
            Cache.Write(at, bytes);
        }
    }

    /// <summary>Fills in address, id and owner of a version 5 header; the sequence number stays what it is, 0 in a new block, which is older than any log.</summary>
    internal void Stamp(Span<byte> bytes, in XfsHeaderOffsets offsets, ulong block, ulong owner)
    {
        if (!IsVersion5)
        {
            return;
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes[offsets.Address..], (ulong)ByteOf(block) / 512);
        _uuid.CopyTo(bytes[offsets.Uuid..]);
        if (offsets.OwnerBytes == 8)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes[offsets.Owner..], owner);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[offsets.Owner..], (uint)owner);
        }
    }

    internal void StampUuid(Span<byte> bytes) => _uuid.CopyTo(bytes);

    internal static void Seal(Span<byte> bytes, int field)
    {
        bytes.Slice(field, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[field..], Crc32C.Of(bytes));
    }

    private void PutSuper64(int at, ulong value)
    {
        var before = Super64(at);
        Undo.Push(() => BinaryPrimitives.WriteUInt64BigEndian(_sector.AsSpan(at), before));
        BinaryPrimitives.WriteUInt64BigEndian(_sector.AsSpan(at), value);
    }

    private void SnapshotSuper()
    {
        var before = (byte[])_sector.Clone();
        Undo.Push(() => before.CopyTo(_sector, 0));
    }
}
