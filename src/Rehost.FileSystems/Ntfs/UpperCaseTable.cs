using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>The volume's own upper-case table, by which its directories are sorted and searched.</summary>
internal sealed class UpperCaseTable
{
    private readonly char[] _upper = new char[65536];

    internal UpperCaseTable(ReadOnlySpan<byte> content)
    {
        for (var i = 0; i < _upper.Length; i++)
        {
            _upper[i] = (i * 2) + 1 < content.Length ? (char)BinaryPrimitives.ReadUInt16LittleEndian(content[(i * 2)..]) : (char)i;
        }
    }

    /// <summary>Order of names, whatever their case; the second one's units are little-endian, as recorded.</summary>
    internal int CompareIgnoringCase(ReadOnlySpan<char> left, ReadOnlySpan<byte> right)
    {
        var count = right.Length / 2;
        var common = Math.Min(left.Length, count);
        for (var i = 0; i < common; i++)
        {
            var order = _upper[left[i]] - _upper[UnitAt(right, i)];
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length - count;
    }

    /// <summary>Order of names; those that differ by case only are in order of their units.</summary>
    internal int Compare(ReadOnlySpan<char> left, ReadOnlySpan<byte> right)
    {
        var order = CompareIgnoringCase(left, right);
        for (var i = 0; order == 0 && i < left.Length; i++)
        {
            order = left[i] - UnitAt(right, i);
        }

        return order;
    }

    private static int UnitAt(ReadOnlySpan<byte> units, int index) => units[index * 2] | (units[(index * 2) + 1] << 8);
}
