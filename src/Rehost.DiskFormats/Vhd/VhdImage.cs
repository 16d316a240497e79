using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.DiskFormats.BlockMaps;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>
/// A VHD, read-only: fixed, dynamic, differencing. The size is the footer's "current size", whoever made the image: the geometry, which QEMU takes for
/// creators it does not know, cuts off the end of disks (docs/formats/vhd.md).
/// </summary>
internal sealed class VhdImage : MappedImage
{
    public const uint Unallocated = uint.MaxValue;

    private readonly VhdStructure _structure;
    private readonly ImmutableArray<string> _references;
    private readonly TablePages? _table;
    private readonly SectorBitmapCache? _bitmaps;
    private readonly VhdBatmap? _batmap;

    private VhdImage(DiskOpenRequest request, VhdStructure structure, ImmutableArray<string> references, VhdImage? parent)
        : base(request.File, request.FileName, parent)
    {
        _structure = structure;
        _references = references;
        if (structure.Header is { } header)
        {
            _table = new TablePages(request.File, (long)header.TableOffset, (Length + header.BlockSize - 1) / header.BlockSize, sizeof(uint));
            _bitmaps = new SectorBitmapCache(request.File, header.BitmapBytes, Footer.HasReversedBitmaps);
            _batmap = VhdBatmap.TryRead(request.File, Footer, header, request.FileName, request.Report);
        }
    }

    public override long Length => (long)Footer.CurrentSize;

    public VhdFooter Footer => _structure.Footer;

    public VhdStructure Structure => _structure;

    public VhdBatmap? Batmap => _batmap;

    public override DiskImageInfo Info => new("vhd")
    {
        SubFormat = Footer.Type switch { VhdFooter.TypeFixed => "fixed", VhdFooter.TypeDynamic => "dynamic", _ => "differencing" },
        FileName = Name,
        UnitBytes = _structure.Header?.BlockSize,
        ParentReference = _references.FirstOrDefault(),
        Properties = Properties(),
    };

    /// <summary>Opens an image and its parents.</summary>
    /// <exception cref="DiagnosticException">It is damaged, or of a kind that is not read (VHD…), or a parent is not to be had.</exception>
    public static VhdImage Open(DiskOpenRequest request)
    {
        VhdImage? parent = null;
        VhdImage? image = null;
        // Not caught and thrown again: in a chain of images each time would stand on the stack on top of the one before.
        try
        {
            var structure = VhdStructure.Read(request.File, request.FileName, request.Report);
            ImmutableArray<string> references = [];
            if (structure is { Footer.Type: VhdFooter.TypeDifferencing, Header: { } header })
            {
                references = VhdParents.ReadReferences(request.File, header);
                parent = VhdParents.Open(request, header, references);
            }

            return image = new VhdImage(request, structure, references, parent);
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

    /// <summary>Where a block lies with its bitmap, in bytes; null for nowhere.</summary>
    public long? FindBlock(long block)
    {
        if (_table is null || _structure.Header is not { } header)
        {
            return null;
        }

        var entry = BinaryPrimitives.ReadUInt32BigEndian(_table[block]);
        if (entry == Unallocated)
        {
            return null;
        }

        var offset = entry * 512L;
        var needed = header.BitmapBytes + Math.Min(header.BlockSize, Length - (block * header.BlockSize));
        return offset >= VhdFooter.Size && offset <= Container.Length - needed
            ? offset
            : throw VhdDiagnostics.BadTable.ToException($"it puts block {block} at 0x{offset:x} in a file of {Container.Length} bytes", Name);
    }

    protected override BlockRun Locate(long position, long length)
    {
        if (_structure.Header is not { } header || _bitmaps is null)
        {
            return new BlockRun(BlockRunKind.Stored, length, position);
        }

        var block = position / header.BlockSize;
        var within = position % header.BlockSize;
        var available = Math.Min(length, header.BlockSize - within);
        if (FindBlock(block) is not { } offset)
        {
            return new BlockRun(BlockRunKind.Absent, available);
        }

        var data = offset + header.BitmapBytes + within;
        if (_batmap?.IsFull(block) == true)
        {
            return new BlockRun(BlockRunKind.Stored, available, data);
        }

        // The bitmap counts for dynamic images too: XenServer puts them on volumes whose old content shows through where it was never written.
        var bitmap = _bitmaps.Get(block, offset);
        var sector = (int)(within / 512);
        var end = bitmap.EndOfRun(sector, (int)((within + available + 511) / 512));
        return new BlockRun(bitmap[sector] ? BlockRunKind.Stored : BlockRunKind.Absent, Math.Min(available, (end * 512L) - within), data);
    }

    private ImmutableArray<ImageProperty> Properties()
    {
        var properties = ImmutableArray.CreateBuilder<ImageProperty>();
        properties.Add(new("creator", Footer.CreatorText));
        properties.Add(new("creator version", $"{Footer.CreatorVersion >> 16}.{Footer.CreatorVersion & 0xffff}"));
        properties.Add(new("unique id", Footer.UniqueId.ToString()));
        properties.Add(new("geometry", $"{Footer.Geometry >> 16}/{(Footer.Geometry >> 8) & 0xff}/{Footer.Geometry & 0xff}"));
        if (Footer.GeometryBytes != Length)
        {
            properties.Add(new("size by geometry", $"{Footer.GeometryBytes}"));
        }

        if (_structure.Header is { } header && Footer.Type == VhdFooter.TypeDifferencing)
        {
            properties.Add(new("parent unique id", header.ParentId.ToString()));
        }

        if (_batmap is not null)
        {
            properties.Add(new("batmap", "yes"));
        }

        if (Footer.SavedState != 0)
        {
            properties.Add(new("saved state", "yes"));
        }

        return properties.ToImmutable();
    }
}
