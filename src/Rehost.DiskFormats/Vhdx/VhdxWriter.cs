using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.DiskFormats.BlockMaps;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>
/// Writes a dynamic VHDX: headers, an empty log, metadata, block table, blocks, each from a border of 1 MiB on. Both headers are written last: an
/// interrupted image has none.
/// </summary>
internal sealed class VhdxWriter : SparseBlockWriter
{
    private const int LogAt = VhdxFields.Megabyte;
    private const int MetadataAt = 2 * VhdxFields.Megabyte;
    private const int TableAt = 3 * VhdxFields.Megabyte;
    private const int SmallBlock = 2 << 20;
    private const int LargeBlock = 32 << 20; // Hyper-V's own
    private const long LargeFrom = 2L << 40;

    private readonly VhdxMetadata _metadata;
    private readonly TableWriter _table;
    private readonly Guid _fileId;
    private readonly Guid _dataId;
    private readonly uint _tableLength;
    private long _next;

    private VhdxWriter(IImageFile file, long length, VhdxMetadata metadata, ImageWriterOptions options)
        : base(file, length, metadata.BlockSize)
    {
        _metadata = metadata;
        _fileId = ImageIdentity.Create(options, length, "vhdx file");
        _dataId = ImageIdentity.Create(options, length, "vhdx data");
        _tableLength = (uint)(((metadata.TableEntries * sizeof(ulong)) + VhdxFields.Megabyte - 1) / VhdxFields.Megabyte * VhdxFields.Megabyte);
        _table = new TableWriter(file, TableAt, _tableLength, sizeof(ulong), fill: 0);
        _next = TableAt + (long)_tableLength;
    }

    /// <summary>Starts an image.</summary>
    public static VhdxWriter Create(IImageFile file, long length, ImageWriterOptions options)
    {
        var blockSize = options.UnitBytes ?? (length > LargeFrom ? LargeBlock : SmallBlock);
        if (options.Compression != ImageCompression.None || options.Preallocation != ImagePreallocation.None || options.SubFormat is not (null or "dynamic")
            || blockSize is < VhdxMetadata.BlockSizeMin or > VhdxMetadata.BlockSizeMax || (blockSize & (blockSize - 1)) != 0)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("VHDX are written dynamic, uncompressed, with blocks of 1 to 256 MiB, a power of two", file.Name);
        }

        if (length == 0)
        {
            throw DiskFormatDiagnostics.CannotWrite.ToException("a VHDX without a single sector is opened by nobody", file.Name);
        }

        if (length > VhdxMetadata.DiskSizeMax)
        {
            throw VhdxDiagnostics.TooLarge.ToException($"{length} bytes; at most {VhdxMetadata.DiskSizeMax} (64 TiB) can be held", file.Name);
        }

        var metadata = new VhdxMetadata
        {
            BlockSize = blockSize,
            DiskSize = (length + 511) / 512 * 512,
            LogicalSector = 512,
            DiskId = ImageIdentity.Create(options, length, "vhdx disk"),
        };
        return new VhdxWriter(file, length, metadata, options);
    }

    protected override long Allocate(long block)
    {
        Span<byte> entry = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(entry, _next | (long)VhdxBlockState.Present);
        _table.Set(block + (block / _metadata.ChunkRatio), entry);
        var offset = _next;
        _next += _metadata.BlockSize;
        return offset;
    }

    protected override void Finish(CancellationToken cancellationToken)
    {
        _table.Complete(cancellationToken);
        Container.SetLength(_next);
        Container.Write(new FileOffset(MetadataAt), _metadata.ToBytes());
        var regions = new VhdxRegionTable(
        [
            new VhdxRegion(VhdxRegion.TableId, TableAt, _tableLength, IsRequired: true),
            new VhdxRegion(VhdxRegion.MetadataId, MetadataAt, VhdxFields.Megabyte, IsRequired: true),
        ]).ToBytes();
        Container.Write(new FileOffset(VhdxRegionTable.FirstAt), regions);
        Container.Write(new FileOffset(VhdxRegionTable.SecondAt), regions);
        var identifier = new byte[520];
        VhdxHeader.FileSignature.CopyTo(identifier);
        Encoding.Unicode.GetBytes("Rehost").CopyTo(identifier, 8);
        Container.Write(FileOffset.Zero, identifier);
        var header = new VhdxHeader { SequenceNumber = 1, FileWriteId = _fileId, DataWriteId = _dataId, LogLength = VhdxFields.Megabyte, LogOffset = LogAt };
        Container.Write(new FileOffset(VhdxHeader.FirstAt), header.ToBytes());
        Container.Write(new FileOffset(VhdxHeader.SecondAt), (header with { SequenceNumber = 2 }).ToBytes());
    }
}
