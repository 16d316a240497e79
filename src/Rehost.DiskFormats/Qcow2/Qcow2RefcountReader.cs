using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>Reads the reference counts that an image stores, 1 to 64 bits wide.</summary>
internal sealed class Qcow2RefcountReader
{
    private const ulong ReservedMask = 0x1ff;
    private readonly IBlockDevice _file;
    private readonly Qcow2Header _header;
    private readonly byte[] _page;
    private long _pageOffset = -1;

    public Qcow2RefcountReader(IBlockDevice file, Qcow2Header header)
    {
        _file = file;
        _header = header;
        _page = new byte[Math.Min(header.ClusterSize, 64 << 10)];
        TableEntries = (long)header.RefcountTableClusters * header.ClusterSize / 8;
        CountsPerBlock = (header.ClusterSize * 8L) >> (int)header.RefcountOrder;
    }

    /// <summary>Entries of the table.</summary>
    public long TableEntries { get; }

    /// <summary>Clusters that one block counts.</summary>
    public long CountsPerBlock { get; }

    /// <summary>Whether the table lies where one can: at the start of a cluster, all of it in the file. Its entries cannot be read otherwise.</summary>
    public bool HasTable => _header.RefcountTable.Value != 0 && _header.RefcountTable.Value % _header.ClusterSize == 0 && _header.RefcountTable.Value + (TableEntries * 8) <= _file.Length;

    /// <summary>An entry of the table; 0 when nothing in its range is used. The table was checked by <see cref="HasTable"/>.</summary>
    public ulong TableEntry(long index)
    {
        var position = _header.RefcountTable.Value + (index * 8);
        return BinaryPrimitives.ReadUInt64BigEndian(Page(position / _page.Length * _page.Length).AsSpan((int)(position % _page.Length)));
    }

    /// <summary>Whether a block can lie where an entry says.</summary>
    public bool IsSound(ulong entry) => (entry & ReservedMask) == 0 && entry % (ulong)_header.ClusterSize == 0 && entry <= (ulong)Math.Max(0, _file.Length - _header.ClusterSize);

    /// <summary>A count out of a block that can lie where it is.</summary>
    public ulong Count(long blockOffset, long index)
    {
        var bit = index << (int)_header.RefcountOrder;
        var at = bit / 8;
        var page = Page(blockOffset + (at / _page.Length * _page.Length));
        var bytes = page.AsSpan((int)(at % _page.Length));
        return _header.RefcountOrder switch
        {
            // Narrow counts begin at the low end of their byte.
            <= 2 => (ulong)(bytes[0] >> (int)(bit % 8)) & ((1UL << (1 << (int)_header.RefcountOrder)) - 1),
            3 => bytes[0],
            4 => BinaryPrimitives.ReadUInt16BigEndian(bytes),
            5 => BinaryPrimitives.ReadUInt32BigEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64BigEndian(bytes),
        };
    }

    private byte[] Page(long offset)
    {
        if (_pageOffset != offset)
        {
            _pageOffset = -1;
            var present = (int)Math.Clamp(_file.Length - offset, 0, _page.Length);
            _file.Read(new GuestOffset(Math.Min(offset, _file.Length)), _page.AsSpan(0, present));
            _page.AsSpan(present).Clear();
            _pageOffset = offset;
        }

        return _page;
    }
}
