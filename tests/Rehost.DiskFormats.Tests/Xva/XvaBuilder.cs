using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Xva;

/// <summary>Packs XVAs by the format's rules, knowing nothing of the reader: headers by printf-like formatting, XXH64 from outside or by the slow textbook way.</summary>
internal sealed class XvaBuilder
{
    public const int ChunkSize = 1 << 20;
    private readonly List<byte[]> _tar = [];

    public XvaBuilder(string xml = "<value/>") => Member("ova.xml", Encoding.UTF8.GetBytes(xml));

    private XvaBuilder(bool _)
    {
    }

    public static XvaBuilder Empty() => new(false);

    public long Position => _tar.Sum(part => (long)part.Length);

    public XvaBuilder Member(string name, byte[] data, char type = '0', string? link = null)
    {
        var header = new byte[512];
        Encoding.UTF8.GetBytes(name).CopyTo(header, 0);
        Ascii(header, 100, "0000000\0");
        Ascii(header, 108, "0000000\0");
        Ascii(header, 116, "0000000\0");
        Ascii(header, 124, Convert.ToString(data.Length, 8).PadLeft(11, '0') + "\0");
        Ascii(header, 136, "00000000000\0");
        header[156] = (byte)type;
        Ascii(header, 157, link ?? "");
        Ascii(header, 257, "ustar\000");
        Seal(header);
        return Raw(header).Raw(data).Raw(new byte[(512 - (data.Length % 512)) % 512]);
    }

    public static void Seal(byte[] header)
    {
        Ascii(header, 148, "        ");
        Ascii(header, 148, Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0') + "\0 ");
    }

    public XvaBuilder Chunk(string disk, int number, byte[] data, bool sha1 = false)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{disk}/{number:D8}");
        return Member(name, data).Member(name + (sha1 ? ".checksum" : ".xxhash"), Encoding.ASCII.GetBytes(Checksum(data, sha1)));
    }

    /// <summary>A whole disk as an exporter sends it: zero chunks left out except the first and the last one.</summary>
    public XvaBuilder Disk(string disk, byte[] content, bool sha1 = false, int[]? keepAliveBefore = null)
    {
        var number = 0;
        var chunks = content.Chunk(ChunkSize).ToArray();
        for (var i = 0; i < chunks.Length; i++)
        {
            if (keepAliveBefore?.Contains(i) == true)
            {
                Chunk(disk, number++, [], sha1);
            }

            if (i == 0 || i == chunks.Length - 1 || chunks[i].Any(b => b != 0))
            {
                Chunk(disk, number, chunks[i], sha1);
            }

            number++;
        }

        return this;
    }

    public XvaBuilder Raw(byte[] bytes)
    {
        _tar.Add(bytes);
        return this;
    }

    public byte[] End()
    {
        _tar.Add(new byte[1024]);
        return WithoutEnd();
    }

    public byte[] WithoutEnd() => [.. _tar.SelectMany(part => part)];

#pragma warning disable CA5350 // the format's own checksum
    public static string Checksum(byte[] data, bool sha1) => sha1
        ? Convert.ToHexStringLower(SHA1.HashData(data))
        : Xxh.GetOrAdd(Convert.ToHexString(SHA256.HashData(data)), _ => AskXxhsum(data));
#pragma warning restore CA5350

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, string> Xxh = new();

    private static string AskXxhsum(byte[] data)
    {
        // xxhsum -H1 prints "hash  stdin".
        var result = Tool.RunWithInput("xxhsum", data, "-H1", "-");
        return result.Output.Split(' ')[0].ToUpperInvariant();
    }

    private static void Ascii(byte[] target, int at, string text) => Encoding.ASCII.GetBytes(text).CopyTo(target, at);
}
