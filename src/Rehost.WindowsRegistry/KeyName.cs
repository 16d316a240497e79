using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>Names of keys and values: their order, their hash, and how they are stored: a byte for each unit where all are Latin-1, else UTF-16.</summary>
internal static class KeyName
{
    internal const int LongestKey = 255;
    internal const int LongestValue = 16383;

    internal static string Decode(ReadOnlySpan<byte> stored, bool isLatin1)
    {
        var units = new char[isLatin1 ? stored.Length : stored.Length / 2];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = isLatin1 ? (char)stored[i] : (char)BinaryPrimitives.ReadUInt16LittleEndian(stored[(i * 2)..]);
        }

        return new string(units);
    }

    internal static byte[] Encode(string name, out bool isLatin1)
    {
        isLatin1 = name.All(unit => unit <= 0xFF);
        var stored = new byte[name.Length * (isLatin1 ? 1 : 2)];
        for (var i = 0; i < name.Length; i++)
        {
            if (isLatin1)
            {
                stored[i] = (byte)name[i];
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(i * 2), name[i]);
            }
        }

        return stored;
    }

    /// <summary>The order of keys in their parent's list: whatever their case, by units.</summary>
    internal static int Compare(string left, string right)
    {
        var common = Math.Min(left.Length, right.Length);
        for (var i = 0; i < common; i++)
        {
            var order = char.ToUpperInvariant(left[i]) - char.ToUpperInvariant(right[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length - right.Length;
    }

    internal static bool AreEqual(string left, string right) => Compare(left, right) == 0;

    /// <summary>What a hash leaf (lh) holds beside a key.</summary>
    internal static uint Hash(string name)
    {
        var hash = 0u;
        foreach (var unit in name)
        {
            hash = unchecked((hash * 37) + char.ToUpperInvariant(unit));
        }

        return hash;
    }

    /// <summary>What a fast leaf (lf) holds beside a key: its first four units, where they are Latin-1.</summary>
    internal static uint Hint(string name)
    {
        var hint = 0u;
        for (var i = Math.Min(4, name.Length) - 1; i >= 0; i--)
        {
            if (name[i] > 0xFF)
            {
                return 0;
            }

            hint = (hint << 8) | name[i];
        }

        return hint;
    }

    internal static void DemandKey(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > LongestKey || name.Contains('\\', StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal))
        {
            throw HiveDiagnostics.Unsuitable.ToException($"a key's name has 1 to {LongestKey} UTF-16 units and no backslash, this one has {name.Length}", name);
        }
    }

    internal static void DemandValue(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length > LongestValue)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"a value's name has up to {LongestValue} UTF-16 units, this one has {name.Length}");
        }
    }
}
