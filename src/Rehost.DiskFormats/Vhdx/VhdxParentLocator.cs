using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>Where the parent is, as keys and values ([MS-VHDX] 2.6.2.6): <c>parent_linkage</c>, <c>relative_path</c>, <c>volume_path</c>, <c>absolute_win32_path</c>.</summary>
internal static class VhdxParentLocator
{
    public const int HeaderSize = 20;
    public const string Linkage = "parent_linkage";
    public const string Linkage2 = "parent_linkage2";
    private const int EntrySize = 12;

    /// <summary>Keys of paths, the one that still holds after a move first.</summary>
    public static readonly ImmutableArray<string> PathKeys = ["relative_path", "volume_path", "absolute_win32_path"];

    private static readonly Guid TypeVhdx = new("B04AEFB7-D19E-4A81-B789-25B8E9445913");

    public static ImmutableArray<KeyValuePair<string, string>> Parse(ReadOnlySpan<byte> item, string name)
    {
        if (new Guid(item[..16]) is var type && type != TypeVhdx)
        {
            throw VhdxDiagnostics.Unsupported.ToException($"a parent locator of type {type}", name);
        }

        var count = BinaryPrimitives.ReadUInt16LittleEndian(item[18..]);
        if (HeaderSize + (count * EntrySize) > item.Length)
        {
            throw VhdxDiagnostics.BadMetadata.ToException($"a parent locator of {count} entries in {item.Length} bytes", name);
        }

        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>(Math.Min(count, (ushort)16));
        for (var i = 0; i < count; i++)
        {
            var entry = item.Slice(HeaderSize + (i * EntrySize), EntrySize);
            var key = TextOf(item, BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]), name);
            if (key is Linkage or Linkage2 || PathKeys.Contains(key))
            {
                pairs.Add(new(key, TextOf(item, BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]), BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]), name)));
            }

            if (pairs.Count > 16)
            {
                throw VhdxDiagnostics.BadMetadata.ToException($"a parent locator that says the same {pairs.Count} times", name);
            }
        }

        return pairs.ToImmutable();
    }

    public static byte[] ToBytes(ImmutableArray<KeyValuePair<string, string>> pairs)
    {
        var texts = pairs.Select(pair => (Key: Encoding.Unicode.GetBytes(pair.Key), Value: Encoding.Unicode.GetBytes(pair.Value))).ToList();
        var at = HeaderSize + (texts.Count * EntrySize);
        var item = new byte[at + texts.Sum(text => text.Key.Length + text.Value.Length)];
        TypeVhdx.TryWriteBytes(item);
        BinaryPrimitives.WriteUInt16LittleEndian(item.AsSpan(18), (ushort)texts.Count);
        for (var i = 0; i < texts.Count; i++)
        {
            var entry = item.AsSpan(HeaderSize + (i * EntrySize), EntrySize);
            BinaryPrimitives.WriteInt32LittleEndian(entry, at);
            texts[i].Key.CopyTo(item, at);
            at += texts[i].Key.Length;
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], at);
            texts[i].Value.CopyTo(item, at);
            at += texts[i].Value.Length;
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)texts[i].Key.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], (ushort)texts[i].Value.Length);
        }

        return item;
    }

    private static string TextOf(ReadOnlySpan<byte> item, uint offset, ushort length, string name)
        => offset <= item.Length && length <= item.Length - offset
            ? Encoding.Unicode.GetString(item.Slice((int)offset, length)).TrimEnd('\0')
            : throw VhdxDiagnostics.BadMetadata.ToException($"a parent locator with {length} bytes at {offset} of {item.Length}", name);
}
