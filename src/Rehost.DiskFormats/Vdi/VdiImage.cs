using System.Buffers.Binary;
using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vdi;

/// <summary>VirtualBox's image, read-only: dynamic, fixed, differencing.</summary>
internal sealed class VdiImage : MappedImage
{
    public const uint Free = 0xffff_ffff;
    public const uint Discarded = 0xffff_fffe;
    private readonly TablePages _table;

    private VdiImage(DiskOpenRequest request, VdiHeader header, VdiImage? parent)
        : base(request.File, request.FileName, parent)
    {
        Header = header;
        BlockCount = (Length + header.BlockSize - 1) / header.BlockSize;
        _table = new TablePages(request.File, header.TableOffset, BlockCount, sizeof(uint));
    }

    public VdiHeader Header { get; }

    public long BlockCount { get; }

    public override long Length => (long)Header.DiskSize;

    public override DiskImageInfo Info => new("vdi")
    {
        SubFormat = Header.Type switch { VdiHeader.TypeFixed => "fixed", VdiHeader.TypeDynamic => "dynamic", _ => "differencing" },
        FileName = Name,
        UnitBytes = Header.BlockSize,
        ParentReference = Header.Type == VdiHeader.TypeDifferencing ? Header.ParentId.ToString() : null,
        Properties =
        [
            new("version", $"{Header.Version >> 16}.{Header.Version & 0xffff}"),
            new("uuid", Header.UniqueId.ToString()),
            new("modification uuid", Header.ModificationId.ToString()),
            new("allocated blocks", $"{Header.AllocatedBlocks}"),
        ],
    };

    /// <summary>Opens an image and its parents.</summary>
    /// <exception cref="DiagnosticException">It is damaged, or of a kind that is not read (VDI…), or a parent is not to be had.</exception>
    public static VdiImage Open(DiskOpenRequest request)
    {
        VdiImage? parent = null;
        VdiImage? image = null;
        // Not caught and thrown again: in a chain of images each time would stand on the stack on top of the one before.
        try
        {
            var header = VdiHeader.Read(request.File, request.FileName);
            parent = header.Type == VdiHeader.TypeDifferencing ? VdiParents.Open(request, header) : null;
            return image = new VdiImage(request, header, parent);
        }
        finally
        {
            if (image is null)
            {
                parent?.Dispose();
                request.File.Dispose();
            }
        }
    }

    /// <summary>The table's entry for a block.</summary>
    public uint Entry(long block) => BinaryPrimitives.ReadUInt32LittleEndian(_table[block]);

    /// <summary>Where a block's data lies, by its entry.</summary>
    public long OffsetOf(long block, uint entry)
    {
        var offset = Header.DataOffset + (entry * Header.Stride) + Header.BlockExtra;
        var needed = Math.Min(Header.BlockSize, Length - (block * Header.BlockSize));
        return offset <= Container.Length - needed
            ? offset
            : throw VdiDiagnostics.BadTable.ToException($"it puts block {block} at 0x{offset:x} (entry {entry}) in a file of {Container.Length} bytes", Name);
    }

    protected override BlockRun Locate(long position, long length)
    {
        var block = position / Header.BlockSize;
        var within = position % Header.BlockSize;
        var available = Math.Min(length, Header.BlockSize - within);
        return Entry(block) switch
        {
            Free => new BlockRun(BlockRunKind.Absent, available),
            Discarded => new BlockRun(BlockRunKind.Zero, available),
            var entry => new BlockRun(BlockRunKind.Stored, available, OffsetOf(block, entry) + within),
        };
    }
}
