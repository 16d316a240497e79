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

    /// <summary>Order of names, whatever their case.</summary>
    internal int CompareIgnoringCase(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        var common = Math.Min(left.Length, right.Length);
        for (var i = 0; i < common; i++)
        {
            if (_upper[left[i]] != _upper[right[i]])
            {
                return _upper[left[i]] - _upper[right[i]];
            }
        }

        return left.Length - right.Length;
    }

    /// <summary>Order of names; those that differ by case only are in order of their units.</summary>
    internal int Compare(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
        => CompareIgnoringCase(left, right) is var order && order != 0 ? order : left.SequenceCompareTo(right);
}
