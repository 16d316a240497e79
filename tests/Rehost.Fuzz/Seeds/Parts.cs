using System.Buffers.Binary;

namespace Rehost.Fuzz.Seeds;

/// <summary>Several files in one input: a count and lengths, then the files. Read leniently, since mutations hit the lengths too.</summary>
internal static class Parts
{
    private const int Most = 8;

    /// <summary>Bytes before the files.</summary>
    public static int HeadLength(int count) => 4 + (4 * count);

    public static byte[] Pack(params ReadOnlySpan<byte[]> files)
    {
        var head = new byte[HeadLength(files.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(head, files.Length);
        var all = new List<byte>();
        for (var i = 0; i < files.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(4 + (i * 4)), files[i].Length);
            all.AddRange(files[i]);
        }

        return [.. head, .. all];
    }

    /// <summary>Where the files are.</summary>
    public static IReadOnlyList<(int Start, int Length)> Find(ReadOnlySpan<byte> input)
    {
        var places = new List<(int, int)>();
        if (input.Length < 4)
        {
            return [(0, input.Length)];
        }

        var count = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(input), 1, Most);
        var at = Math.Min(HeadLength(count), input.Length);
        for (var i = 0; i < count; i++)
        {
            var length = 4 + (i * 4) + 4 <= input.Length ? BinaryPrimitives.ReadInt32LittleEndian(input[(4 + (i * 4))..]) : 0;
            length = Math.Clamp(length, 0, input.Length - at);
            length = i == count - 1 ? input.Length - at : length; // the last one takes what insertions added
            places.Add((at, length));
            at += length;
        }

        return places;
    }
}
