using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>A VHDX, read-only: fixed, dynamic, differencing, with sectors of 512 and 4096 bytes. An unfinished log is replayed in memory.</summary>
internal sealed class VhdxImage : MappedImage
{
    private const ulong StateMask = 7;
    private const int OffsetShift = 20; // the offset is in megabytes

    private readonly TablePages _table;
    private readonly SectorBitmapCache _bitmaps;
    private readonly int _bitmapBytes;
    private readonly ImmutableArray<string> _references;
    private readonly bool _isLogReplayed;

    private VhdxImage(IBlockDevice file, DiskOpenRequest request, VhdxHeader header, VhdxRegionTable regions, VhdxMetadata metadata, ImmutableArray<string> references, VhdxImage? parent)
        : base(file, request.FileName, parent)
    {
        Header = header;
        Regions = regions;
        Metadata = metadata;
        _references = references;
        _isLogReplayed = !ReferenceEquals(file, request.File);
        _table = new TablePages(file, regions.Table.Offset, metadata.TableEntries, sizeof(ulong));
        _bitmapBytes = metadata.BlockSize / metadata.LogicalSector / 8;
        _bitmaps = new SectorBitmapCache(file, _bitmapBytes, isReversed: true);
    }

    public VhdxHeader Header { get; }

    public VhdxRegionTable Regions { get; }

    public VhdxMetadata Metadata { get; }

    public long FileLength => Container.Length;

    public override long Length => Metadata.DiskSize;

    public override DiskImageInfo Info => new("vhdx")
    {
        SubFormat = Metadata.HasParent ? "differencing" : Metadata.IsFixed ? "fixed" : "dynamic",
        FileName = Name,
        UnitBytes = Metadata.BlockSize,
        ParentReference = _references.FirstOrDefault(),
        Properties =
        [
            new("creator", Creator()),
            new("logical sector size", $"{Metadata.LogicalSector}"),
            new("physical sector size", $"{Metadata.PhysicalSector}"),
            new("disk id", Metadata.DiskId.ToString()),
            new("data write id", Header.DataWriteId.ToString()),
            new("log", Header.LogId == Guid.Empty ? "empty" : _isLogReplayed ? "replayed in memory" : "open, nothing in it"),
        ],
    };

    /// <summary>Opens an image and its parents.</summary>
    /// <exception cref="DiagnosticException">It is damaged, or of a kind that is not read (VHX…), or a parent is not to be had.</exception>
    public static VhdxImage Open(DiskOpenRequest request)
    {
        VhdxImage? parent = null;
        VhdxImage? image = null;
        var file = request.File;
        // Not caught and thrown again: in a chain of images each time would stand on the stack on top of the one before.
        try
        {
            var header = VhdxHeader.Read(file, request.FileName, request.Report);
            file = VhdxLog.Replay(file, header, request.FileName, request.Report);
            var regions = VhdxRegionTable.Read(file, request.FileName, request.Report);
            var metadata = VhdxMetadata.Read(file, regions.Metadata, request.FileName);
            if (metadata.TableEntries > regions.Table.Length / sizeof(ulong))
            {
                throw VhdxDiagnostics.BadRegions.ToException($"the block table has room for {regions.Table.Length / sizeof(ulong)} entries where {metadata.TableEntries} are needed", request.FileName);
            }

            ImmutableArray<string> references = [];
            if (metadata.HasParent)
            {
                references = VhdxParents.References(metadata);
                parent = VhdxParents.Open(request, metadata, references);
            }

            return image = new VhdxImage(file, request, header, regions, metadata, references, parent);
        }
        finally
        {
            if (image is null)
            {
                parent?.Dispose();
                file.Dispose();
            }
        }
    }

    /// <summary>State and place of a block of the disk.</summary>
    public (VhdxBlockState State, long Offset) Entry(long block) => EntryAt(block + (block / Metadata.ChunkRatio));

    /// <summary>State and place of the bitmaps of the chunk that a block belongs to.</summary>
    public (VhdxBlockState State, long Offset) BitmapEntry(long block)
        => EntryAt((block / Metadata.ChunkRatio * (Metadata.ChunkRatio + 1)) + Metadata.ChunkRatio);

    /// <summary>Checks that a block lies in the file.</summary>
    public long CheckPlace(long block, long offset)
    {
        var needed = Math.Min(Metadata.BlockSize, Length - (block * Metadata.BlockSize));
        return offset >= VhdxFields.Megabyte && offset <= Container.Length - needed ? offset : throw BadEntry(block, offset);
    }

    /// <summary>Checks that a block of bitmaps lies in the file.</summary>
    public long CheckBitmapPlace(long block)
    {
        var (state, offset) = BitmapEntry(block);
        return state == VhdxBlockState.Present && offset >= VhdxFields.Megabyte && offset <= Container.Length - VhdxFields.Megabyte
            ? offset
            : throw VhdxDiagnostics.BadTable.ToException($"block {block} is partly present, and its bitmaps have state {(int)state} at 0x{offset:x} in a file of {Container.Length} bytes", Name);
    }

    protected override BlockRun Locate(long position, long length)
    {
        var block = position / Metadata.BlockSize;
        var within = position % Metadata.BlockSize;
        var available = Math.Min(length, Metadata.BlockSize - within);
        var (state, offset) = Entry(block);
        switch (state)
        {
            case VhdxBlockState.NotPresent:
                return new BlockRun(BlockRunKind.Absent, available);
            case VhdxBlockState.Undefined or VhdxBlockState.Zero or VhdxBlockState.Unmapped:
                return new BlockRun(BlockRunKind.Zero, available);
            case VhdxBlockState.Present:
                return new BlockRun(BlockRunKind.Stored, available, CheckPlace(block, offset) + within);
            case VhdxBlockState.PartlyPresent when Metadata.HasParent:
                var bitmap = _bitmaps.Get(block, CheckBitmapPlace(block) + (block % Metadata.ChunkRatio * _bitmapBytes));
                var sector = (int)(within / Metadata.LogicalSector);
                var end = bitmap.EndOfRun(sector, (int)((within + available + Metadata.LogicalSector - 1) / Metadata.LogicalSector));
                return new BlockRun(bitmap[sector] ? BlockRunKind.Stored : BlockRunKind.Absent, Math.Min(available, ((long)end * Metadata.LogicalSector) - within), CheckPlace(block, offset) + within);
            default:
                throw VhdxDiagnostics.BadTable.ToException($"it gives block {block} the state {(int)state}{(Metadata.HasParent ? "" : ", and there is no parent")}", Name);
        }
    }

    private (VhdxBlockState State, long Offset) EntryAt(long index)
    {
        var entry = BinaryPrimitives.ReadUInt64LittleEndian(_table[index]);
        var megabytes = entry >> OffsetShift;
        return ((VhdxBlockState)(entry & StateMask), megabytes > (ulong)(long.MaxValue >> (OffsetShift + 1)) ? long.MaxValue >> 1 : (long)megabytes << OffsetShift);
    }

    private DiagnosticException BadEntry(long block, long offset)
        => VhdxDiagnostics.BadTable.ToException($"it puts block {block} at 0x{offset:x} in a file of {Container.Length} bytes", Name);

    private string Creator()
    {
        var bytes = new byte[512];
        Container.Read(new GuestOffset(8), bytes);
        var text = Encoding.Unicode.GetString(bytes).Split('\0')[0];
        return string.Concat(text.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }
}
