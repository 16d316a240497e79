using System.Buffers.Binary;
using System.Text;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>One way to find the parent (VHD specification, "Parent Locator Entry").</summary>
/// <param name="Code">Platform: <c>W2ku</c>, <c>W2ru</c>, <c>MacX</c>, <c>Wi2r</c>, <c>Wi2k</c>; 0 for none.</param>
/// <param name="Space">Room for the data, in sectors; some writers say bytes.</param>
/// <param name="Length">Bytes of data.</param>
/// <param name="Reserved">Nothing.</param>
/// <param name="Offset">Where in the file the data is.</param>
internal readonly record struct VhdParentLocator(uint Code, uint Space, uint Length, uint Reserved, ulong Offset)
{
    public const int Size = 24;
    public const uint WindowsRelative = 0x5732_7275; // W2ru: UTF-16LE
    public const uint WindowsAbsolute = 0x5732_6B75; // W2ku: UTF-16LE
    public const uint OldRelative = 0x5769_3272; // Wi2r: bytes, deprecated
    public const uint OldAbsolute = 0x5769_326B; // Wi2k: bytes, deprecated
    public const uint FileUrl = 0x4D61_6358; // MacX: a file URL in UTF-8 (RFC 2396); XenServer's only one
    private const int LengthMax = 64 << 10;

    public static VhdParentLocator Parse(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32BigEndian(bytes),
        BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Code);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Space);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Length);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], Reserved);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], Offset);
    }

    /// <summary>The path, with <c>/</c> between names; null when the entry is empty, of a kind without a path, or damaged: there are others.</summary>
    public string? ReadPath(IBlockDevice file)
    {
        if (Length is 0 or > LengthMax || Offset > (ulong)file.Length || Length > (ulong)file.Length - Offset
            || Code is not (WindowsRelative or WindowsAbsolute or OldRelative or OldAbsolute or FileUrl))
        {
            return null;
        }

        var bytes = new byte[Length];
        file.Read(new GuestOffset((long)Offset), bytes);
        var text = Code is WindowsRelative or WindowsAbsolute ? Encoding.Unicode.GetString(bytes) : GuestText.Decode(bytes);
        text = text.TrimEnd('\0');
        if (Code != FileUrl)
        {
            return text.Replace('\\', '/');
        }

        // XenServer writes file://./name for a relative path, and file:///dir/name for an absolute one.
        const string scheme = "file://";
        text = text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? text[scheme.Length..] : text;
        return Uri.UnescapeDataString(text.StartsWith("localhost/", StringComparison.OrdinalIgnoreCase) ? text["localhost".Length..] : text);
    }
}
