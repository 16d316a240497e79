using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.BlockMaps;

namespace Rehost.DiskFormats.Vdi;

/// <summary>Writes a dynamic VDI with blocks of 1 MiB, the only size that QEMU takes: header, table, and the blocks from a border of 1 MiB on in the order of the disk.</summary>
internal sealed class VdiWriter : SparseBlockWriter
{
    public const int BlockSize = 1 << 20;
    public const long LengthMax = (long)BlockSize * 0x1fff_ff80; // QEMU's limit, about 512 TiB
    private const int TableAt = VdiHeader.BytesRead;

    private readonly VdiHeader _header;
    private readonly TableWriter _table;
    private uint _allocated;

    public VdiWriter(IImageFile file, long length, ImageWriterOptions options)
        : base(file, length, BlockSize)
    {
        var size = (length + 511) / 512 * 512;
        var blocks = (size + BlockSize - 1) / BlockSize;
        var tableBytes = ((blocks * 4) + 511) / 512 * 512;
        _header = new VdiHeader
        {
            Type = VdiHeader.TypeDynamic,
            TableOffset = TableAt,
            DataOffset = (uint)((TableAt + tableBytes + BlockSize - 1) / BlockSize * BlockSize),
            DiskSize = (ulong)size,
            BlockSize = BlockSize,
            Blocks = (uint)blocks,
            AllocatedBlocks = 0,
            UniqueId = ImageIdentity.Create(options, length, "vdi"),
            ModificationId = ImageIdentity.Create(options, length, "vdi modification"),
        };
        _table = new TableWriter(file, TableAt, tableBytes, sizeof(uint), fill: 0xff);
    }

    protected override long Allocate(long block)
    {
        Span<byte> entry = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, _allocated);
        _table.Set(block, entry);
        return _header.DataOffset + ((long)_allocated++ * BlockSize);
    }

    protected override void Finish(CancellationToken cancellationToken)
    {
        _table.Complete(cancellationToken);
        Container.SetLength(_header.DataOffset + ((long)_allocated * BlockSize));
        Container.Write(FileOffset.Zero, (_header with { AllocatedBlocks = _allocated }).ToBytes());
    }
}
