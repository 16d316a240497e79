using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.WindowsRegistry;

/// <summary>The bins of a hive and the cells in them. A cell is known by where its size field is; cells in use have a negative size.</summary>
internal sealed class CellHeap
{
    internal const int None = -1;
    internal const int LargestSize = 0x7FFF0000;
    internal const int LargestCell = 1 << 20; // Windows takes larger ones for damage
    private const int BinHeader = 32;
    private const int BinGranularity = 4096;
    private const int CellGranularity = 8;
    private const int SizeField = 4;
    private readonly List<int> _bins = [];
    private readonly SortedSet<(int Size, int Offset)> _free = [];

    /// <summary>A bit for every eight bytes: whether a cell starts there.</summary>
    private ulong[] _starts;
    private byte[] _data;

    internal CellHeap(byte[] data)
    {
        _data = data;
        Length = data.Length;
        _starts = new ulong[(data.Length / CellGranularity / 64) + 1];
        for (var bin = 0; bin < Length;)
        {
            bin += ScanBin(bin);
        }
    }

    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Data => _data.AsSpan(0, Length);

    /// <summary>All cells in their order.</summary>
    internal IEnumerable<(int Offset, int Size, bool IsUsed)> Cells()
    {
        foreach (var (bin, index) in _bins.Select((bin, index) => (bin, index)))
        {
            var end = BinEnd(index);
            for (var at = bin + BinHeader; at < end; at += Math.Abs(SizeAt(at)))
            {
                yield return (at, Math.Abs(SizeAt(at)), SizeAt(at) < 0);
            }
        }
    }

    internal bool IsCell(int offset) => offset >= 0 && offset < Length && offset % CellGranularity == 0 && IsStart(offset) && SizeAt(offset) < 0;

    /// <summary>The content of a cell in use, which must have a least size.</summary>
    internal Span<byte> Get(int offset, int least, string what)
    {
        if (!IsCell(offset))
        {
            throw HiveDiagnostics.BadCell.ToException($"{what}: no cell in use begins there", Where(offset));
        }

        var size = -SizeAt(offset) - SizeField;
        return size < least
            ? throw HiveDiagnostics.BadCell.ToException($"{what}: the cell has {size} bytes, needed {least}", Where(offset))
            : _data.AsSpan(offset + SizeField, size);
    }

    /// <summary>A cell that must begin with a signature.</summary>
    internal Span<byte> Get(int offset, ReadOnlySpan<byte> signature, int least, string what)
    {
        var cell = Get(offset, least, what);
        return cell.StartsWith(signature)
            ? cell
            : throw HiveDiagnostics.BadCell.ToException($"{what}: the cell begins with {Convert.ToHexStringLower(cell[..2])}", Where(offset));
    }

    /// <summary>Whether content fits into a cell in place.</summary>
    internal bool HasRoom(int offset, int content) => IsCell(offset) && -SizeAt(offset) - SizeField >= content;

    /// <summary>Takes a zeroed cell: the smallest free one that is large enough, the first of them; else one in a new bin.</summary>
    internal int Allocate(int content)
    {
        if (content > LargestCell - SizeField)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"{content} bytes in one cell, a cell has at most {LargestCell - SizeField}");
        }

        var size = Align(content + SizeField, CellGranularity);
        var (found, offset) = _free.GetViewBetween((size, 0), (int.MaxValue, int.MaxValue)).Min;
        if (found == 0)
        {
            AddBin(size);
            (found, offset) = _free.GetViewBetween((size, 0), (int.MaxValue, int.MaxValue)).Min;
        }

        _free.Remove((found, offset));
        if (found > size)
        {
            SetFree(offset + size, found - size);
        }

        SetSize(offset, -size);
        _data.AsSpan(offset + SizeField, size - SizeField).Clear();
        return offset;
    }

    /// <summary>Gives a cell back, joined with free neighbours in its bin.</summary>
    internal void Free(int offset, string what)
    {
        Get(offset, 0, what);
        var size = -SizeAt(offset);
        var index = _bins.BinarySearch(offset);
        index = index < 0 ? ~index - 1 : index;
        var next = offset + size;
        if (next < BinEnd(index) && SizeAt(next) > 0)
        {
            size += RemoveFree(next);
        }

        var previous = PreviousStart(offset, _bins[index] + BinHeader);
        if (previous >= 0 && SizeAt(previous) > 0)
        {
            SetStart(offset, false);
            offset = previous;
            size += RemoveFree(previous);
        }

        SetFree(offset, size);
    }

    internal static string Where(int offset) => $"cell 0x{offset:x}";

    internal int SizeOf(int offset) => Math.Abs(SizeAt(offset));

    private int ScanBin(int bin)
    {
        var header = Length - bin >= BinGranularity ? _data.AsSpan(bin, BinHeader) : throw HiveDiagnostics.Truncated.ToException($"{Length - bin} bytes are left for a bin", Where(bin));
        var size = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (!header.StartsWith("hbin"u8) || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != bin || size == 0 || size % BinGranularity != 0 || size > Length - bin)
        {
            throw HiveDiagnostics.BadBin.ToException($"it begins with {Convert.ToHexStringLower(header[..12])}, {Length - bin} bytes are left", $"bin 0x{bin:x}");
        }

        _bins.Add(bin);
        for (var at = bin + BinHeader; at < bin + size;)
        {
            var cell = Math.Abs((long)SizeAt(at));
            if (cell < CellGranularity || cell % CellGranularity != 0 || cell > bin + size - at)
            {
                throw HiveDiagnostics.BadBin.ToException($"a cell has {cell} bytes, {bin + size - at} are left", Where(at));
            }

            SetStart(at, true);
            if (SizeAt(at) > 0)
            {
                _free.Add(((int)cell, at));
            }

            at += (int)cell;
        }

        return (int)size;
    }

    private void AddBin(int cell)
    {
        var (bin, size) = (Length, Align(cell + BinHeader, BinGranularity));
        if (size > LargestSize - Length)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"the hive would have {(long)Length + size} bytes");
        }

        Length += size;
        if (_data.Length < Length)
        {
            Array.Resize(ref _data, (int)Math.Min(Math.Max(Length, _data.LongLength * 5 / 4), LargestSize));
        }

        Array.Resize(ref _starts, Math.Max(_starts.Length, (_data.Length / CellGranularity / 64) + 1));
        var header = _data.AsSpan(bin, size);
        header.Clear();
        "hbin"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], bin);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], size);
        _bins.Add(bin);
        SetFree(bin + BinHeader, size - BinHeader);
    }

    private int BinEnd(int index) => index + 1 < _bins.Count ? _bins[index + 1] : Length;

    private static int Align(int size, int to) => (size + to - 1) / to * to;

    private int SizeAt(int offset) => BinaryPrimitives.ReadInt32LittleEndian(_data.AsSpan(offset));

    private void SetSize(int offset, int size)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_data.AsSpan(offset), size);
        SetStart(offset, true);
    }

    private void SetFree(int offset, int size)
    {
        SetSize(offset, size);
        _free.Add((size, offset));
    }

    private int RemoveFree(int offset)
    {
        var size = SizeAt(offset);
        _free.Remove((size, offset));
        SetStart(offset, false);
        return size;
    }

    private bool IsStart(int offset) => (_starts[offset / CellGranularity / 64] & (1UL << (offset / CellGranularity % 64))) != 0;

    private void SetStart(int offset, bool isStart)
    {
        ref var word = ref _starts[offset / CellGranularity / 64];
        var bit = 1UL << (offset / CellGranularity % 64);
        word = isStart ? word | bit : word & ~bit;
    }

    private int PreviousStart(int offset, int least)
    {
        var index = (offset / CellGranularity) - 1;
        while (index >= 0)
        {
            var bits = _starts[index / 64] << (63 - (index % 64));
            if (bits != 0)
            {
                var found = (index - BitOperations.LeadingZeroCount(bits)) * CellGranularity;
                return found >= least ? found : -1;
            }

            index -= (index % 64) + 1;
        }

        return -1;
    }
}
