using System.Numerics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>
/// Finds where the disk's content lies, through the L1 table (the active one or a snapshot's) and its L2 tables. Every offset is checked against the
/// file before it is answered. Any number of threads may ask.
/// </summary>
internal sealed class Qcow2ClusterMap
{
    public const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    public const ulong L1ReservedMask = 0x7f00_0000_0000_01ff;
    public const ulong L2ReservedMask = 0x3f00_0000_0000_01fe;
    public const ulong CopiedFlag = 1UL << 63;
    public const ulong CompressedFlag = 1UL << 62;
    public const ulong ZeroFlag = 1;
    public const int Subclusters = 32;
    private const int PageMax = 64 << 10;

    private readonly IBlockDevice _file;
    private readonly IBlockDevice _data;
    private readonly Qcow2Header _header;
    private readonly string _name;
    private readonly FileOffset _l1Table;
    private readonly int _l1Entries;
    private readonly Qcow2TableCache _l1;
    private readonly Qcow2TableCache _l2;

    /// <summary>Makes a map.</summary>
    /// <param name="file">The image.</param>
    /// <param name="data">Where plain clusters are: the image or its data file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="l1Table">An L1 table that was checked to lie in the file.</param>
    /// <param name="l1Entries">Its entries; what lies behind them is unallocated.</param>
    /// <param name="name">Name for messages.</param>
    public Qcow2ClusterMap(IBlockDevice file, IBlockDevice data, Qcow2Header header, FileOffset l1Table, int l1Entries, string name)
    {
        _file = file;
        _data = data;
        _header = header;
        _name = name;
        _l1Table = l1Table;
        _l1Entries = l1Entries;
        _l1 = new Qcow2TableCache(file, PageMax);
        _l2 = new Qcow2TableCache(file, Math.Min(header.ClusterSize, PageMax));
    }

    /// <summary>How a position is stored, and how far that goes.</summary>
    /// <param name="position">A position of the disk.</param>
    /// <param name="limit">Bytes that are of interest, at least one.</param>
    /// <exception cref="DiagnosticException">A table points to where nothing can be (QCW006).</exception>
    public Qcow2Run Find(long position, long limit)
    {
        var run = FindInPage(position, limit);
        while (run.Length < limit && run.Kind != Qcow2ClusterKind.Compressed)
        {
            var next = FindInPage(position + run.Length, limit - run.Length);
            if (!run.IsContinuedBy(next))
            {
                break;
            }

            run = run with { Length = run.Length + next.Length };
        }

        return run.Length <= limit ? run : run with { Length = limit };
    }

    private Qcow2Run FindInPage(long position, long limit)
    {
        var l1Index = position / _header.L2Coverage;
        var l1Entry = l1Index < _l1Entries ? ReadL1(l1Index) : 0;
        var tableOffset = (long)(l1Entry & OffsetMask);
        if (tableOffset == 0)
        {
            return new Qcow2Run(Qcow2ClusterKind.Unallocated, _header.L2Coverage - (position % _header.L2Coverage));
        }

        if ((l1Entry & L1ReservedMask) != 0 || tableOffset % _header.ClusterSize != 0 || tableOffset > _file.Length - _header.ClusterSize)
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L1 entry for disk offset {position} is 0x{l1Entry:x16} in a file of {_file.Length} bytes", _name);
        }

        var entryAt = position % _header.L2Coverage / _header.ClusterSize * _header.L2EntrySize;
        var page = _l2.Get(tableOffset + (entryAt / _l2.PageBytes * _l2.PageBytes), _l2.PageBytes);
        var index = (int)(entryAt % _l2.PageBytes / 8);
        var run = DecodeAt(page, index, position);
        for (index += _header.L2EntrySize / 8; run.Length < limit && index < page.Length; index += _header.L2EntrySize / 8)
        {
            var next = position + run.Length;
            if (next % _header.ClusterSize != 0)
            {
                break; // the run ended at a subcluster
            }

            var following = DecodeAt(page, index, next);
            if (!run.IsContinuedBy(following))
            {
                break;
            }

            run = run with { Length = run.Length + following.Length };
        }

        return run;
    }

    private ulong ReadL1(long index)
    {
        var at = index * 8;
        var pageStart = at / PageMax * PageMax;
        return _l1.Get(_l1Table.Value + pageStart, (int)Math.Min(PageMax, (8L * _l1Entries) - pageStart))[(at - pageStart) / 8];
    }

    private Qcow2Run DecodeAt(ulong[] page, int index, long position)
    {
        var entry = page[index];
        return (entry & CompressedFlag) != 0 ? DecodeCompressed(entry, _header.HasExtendedL2 ? page[index + 1] : 0, position)
            : _header.HasExtendedL2 ? DecodeExtended(entry, page[index + 1], position)
            : DecodePlain(entry, position);
    }

    private Qcow2Run DecodePlain(ulong entry, long position)
    {
        var within = position % _header.ClusterSize;
        var rest = _header.ClusterSize - within;
        var offset = (long)(entry & OffsetMask);
        var isZero = (entry & ZeroFlag) != 0 && _header.Version >= 3;
        if ((entry & (isZero ? L2ReservedMask : L2ReservedMask | ZeroFlag)) != 0 || offset % _header.ClusterSize != 0)
        {
            throw BadEntry(entry, position);
        }

        if (isZero || !IsAllocated(entry))
        {
            return new Qcow2Run(isZero ? Qcow2ClusterKind.Zero : Qcow2ClusterKind.Unallocated, rest);
        }

        // A cluster at the end of the file may be cut off: QEMU reads what is missing as zeros.
        return offset < _data.Length ? new Qcow2Run(Qcow2ClusterKind.Data, rest, offset + within) : throw BadEntry(entry, position);
    }

    /// <summary>Subclusters: the low half of the bitmap says which are stored, the high half which are zero.</summary>
    private Qcow2Run DecodeExtended(ulong entry, ulong bitmap, long position)
    {
        var within = position % _header.ClusterSize;
        var offset = (long)(entry & OffsetMask);
        var (stored, zero) = ((uint)(bitmap & uint.MaxValue), (uint)(bitmap >> 32));
        var isAllocated = IsAllocated(entry);
        if ((entry & (L2ReservedMask | ZeroFlag)) != 0 || offset % _header.ClusterSize != 0 || (stored & zero) != 0 || (stored != 0 && (!isAllocated || offset >= _data.Length)))
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L2 entry for disk offset {position} is 0x{entry:x16} with subclusters 0x{bitmap:x16} in a file of {_data.Length} bytes", _name);
        }

        var size = _header.ClusterSize / Subclusters;
        var first = (int)(within / size);
        var (kind, mask) = ((stored >> first) & 1, (zero >> first) & 1) switch
        {
            (1, _) => (Qcow2ClusterKind.Data, stored),
            (_, 1) => (Qcow2ClusterKind.Zero, zero),
            _ => (Qcow2ClusterKind.Unallocated, ~(stored | zero)),
        };
        var count = Math.Min(Subclusters - first, BitOperations.TrailingZeroCount(~((ulong)mask >> first)));
        return new Qcow2Run(kind, ((long)(first + count) * size) - within, kind == Qcow2ClusterKind.Data ? offset + within : 0);
    }

    private Qcow2Run DecodeCompressed(ulong entry, ulong bitmap, long position)
    {
        var (offset, length) = CompressedRange(entry, _header.ClusterBits);
        if ((entry & CopiedFlag) != 0 || offset == 0 || offset >= _file.Length || bitmap != 0 || _header.HasDataFile)
        {
            throw Qcow2Diagnostics.BadTable.ToException($"the L2 entry for disk offset {position} is 0x{entry:x16} and puts a compressed cluster at 0x{offset:x} in a file of {_file.Length} bytes", _name);
        }

        return new Qcow2Run(Qcow2ClusterKind.Compressed, _header.ClusterSize - (position % _header.ClusterSize), offset, (int)Math.Min(length, _file.Length - offset));
    }

    /// <summary>Where a compressed cluster lies: to the end of its last sector.</summary>
    public static (long Offset, long Length) CompressedRange(ulong entry, int clusterBits)
    {
        var sectorShift = 62 - (clusterBits - 8);
        var offset = (long)(entry & ((1UL << sectorShift) - 1));
        var sectors = (long)((entry & (CompressedFlag - 1)) >> sectorShift) + 1;
        return (offset, (sectors * 512) - (offset % 512));
    }

    /// <summary>Offset 0 means nothing, but in a data file the first cluster is one like any other; there the copied flag tells.</summary>
    private bool IsAllocated(ulong entry) => (entry & OffsetMask) != 0 || (_header.HasDataFile && (entry & CopiedFlag) != 0);

    private DiagnosticException BadEntry(ulong entry, long position)
        => Qcow2Diagnostics.BadTable.ToException($"the L2 entry for disk offset {position} is 0x{entry:x16} in a file of {_data.Length} bytes", _name);
}
