using System.Buffers.Binary;

namespace Rehost.FileSystems.Fat;

/// <summary>Long names: entries of 13 UTF-16 units each that stand, last part first, before the short one.</summary>
internal sealed class LongName
{
    internal const int UnitsPerEntry = 13;
    private const int MostEntries = 20;
    private const byte LastFlag = 0x40;
    private static readonly int[] Positions = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
    private readonly char[] _units = new char[MostEntries * UnitsPerEntry];
    private int _expected;
    private int _total;
    private byte _checksum;

    /// <summary>Entries collected so far, which belong to the short entry that follows.</summary>
    internal int Entries => _total - _expected;

    /// <summary>Takes the next entry in the directory. What does not continue the name begins a new one, or nothing.</summary>
    internal void Add(ReadOnlySpan<byte> entry)
    {
        var (order, isLast) = (entry[0] & 0x3F, (entry[0] & LastFlag) != 0);
        if (isLast)
        {
            (_total, _expected, _checksum) = order is >= 1 and <= MostEntries ? (order, order, entry[13]) : (0, 0, (byte)0);
        }

        if (_expected == 0 || order != _expected || entry[13] != _checksum)
        {
            Reset();
            return;
        }

        for (var i = 0; i < UnitsPerEntry; i++)
        {
            _units[((order - 1) * UnitsPerEntry) + i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(entry[Positions[i]..]);
        }

        _expected--;
    }

    internal void Reset() => (_total, _expected) = (0, 0);

    /// <summary>The name for a short entry; null when what was collected is not complete or not its own.</summary>
    internal string? Take(ReadOnlySpan<byte> shortName)
    {
        if (_total == 0 || _expected != 0 || _checksum != ShortName.Checksum(shortName))
        {
            return null;
        }

        var units = _units.AsSpan(0, _total * UnitsPerEntry);
        var end = units.IndexOf('\0');
        units = end < 0 ? units : units[..end];
        return units.Length is 0 or > WindowsName.LongestName ? null : new string(units);
    }

    internal static int CountEntries(string name) => (name.Length + UnitsPerEntry - 1) / UnitsPerEntry;

    /// <summary>The entries of a name in the order in which they are stored.</summary>
    internal static IEnumerable<byte[]> Encode(string name, byte checksum)
    {
        var count = CountEntries(name);
        for (var order = count; order >= 1; order--)
        {
            var entry = new byte[FatEntry.Size];
            entry[0] = (byte)(order | (order == count ? LastFlag : 0));
            entry[11] = FatEntry.LongName;
            entry[13] = checksum;
            for (var i = 0; i < UnitsPerEntry; i++)
            {
                var at = ((order - 1) * UnitsPerEntry) + i;
                BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(Positions[i]), at < name.Length ? name[at] : at == name.Length ? '\0' : '\uFFFF');
            }

            yield return entry;
        }
    }
}
