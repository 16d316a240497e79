using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>One attribute of a file, with all its extents put together.</summary>
internal sealed class NtfsAttribute(uint type, string name)
{
    internal const ushort CompressedFlag = 0x0001;
    internal const ushort CompressionMask = 0x00FF;
    internal const ushort EncryptedFlag = 0x4000;
    internal const ushort SparseFlag = 0x8000;
    internal const int ResidentHeader = 24;
    internal const int LongHeader = 64;
    internal const int CompressedHeader = 72;

    internal uint Type => type;

    internal string Name => name;

    internal ushort Flags { get; set; }

    /// <summary>Set on names, which are in an index.</summary>
    internal byte ResidentFlags { get; set; }

    /// <summary>The content of a resident attribute; null when it is in clusters.</summary>
    internal byte[]? Value { get; set; }

    internal RunList Runs { get; set; } = new();

    internal long DataSize { get; set; }

    internal long InitializedSize { get; set; }

    /// <summary>Logarithm of the clusters in a unit of compression; 0 when not compressed.</summary>
    internal int CompressionUnit { get; set; }

    internal bool IsResident => Value is not null;

    internal bool IsCompressed => (Flags & CompressionMask) != 0;

    internal bool IsEncrypted => (Flags & EncryptedFlag) != 0;

    internal bool IsSparse => (Flags & SparseFlag) != 0;

    internal long Length => Value?.Length ?? DataSize;

    /// <summary>The head of an extent has a field for the clusters in use only when some may be missing.</summary>
    internal bool HasCompressedSize => IsCompressed || IsSparse;

    internal string Where => name.Length == 0 ? $"attribute 0x{type:x}" : $"attribute 0x{type:x} '{name}'";

    internal static int Align(int size) => (size + 7) & ~7;

    internal int NameBytes => name.Length * 2;

    internal void WriteName(Span<byte> target)
    {
        for (var i = 0; i < name.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(target[(i * 2)..], name[i]);
        }
    }

    internal static string ReadName(ReadOnlySpan<byte> source)
    {
        var units = new char[source.Length / 2];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(source[(i * 2)..]);
        }

        return new string(units);
    }
}
