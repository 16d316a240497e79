using System.Security.Cryptography;
using System.Text;

namespace Rehost.Hypervisors.Tests.Ovf;

/// <summary>Packs OVAs member by member, hostile ones included, knowing nothing of the reader.</summary>
internal sealed class OvaBuilder
{
    private readonly List<byte[]> _parts = [];
    private readonly List<(string Name, byte[] Data)> _files = [];

    public OvaBuilder Add(string name, string text) => Add(name, Encoding.UTF8.GetBytes(text));

    public OvaBuilder Add(string name, byte[] data, char type = '0', string link = "")
    {
        var header = new byte[512];
        Encoding.UTF8.GetBytes(name).CopyTo(header, 0);
        Ascii(header, 100, "0000644\00000000\00000000\0");
        Ascii(header, 124, Convert.ToString(data.Length, 8).PadLeft(11, '0') + "\000000000000\0");
        header[156] = (byte)type;
        Ascii(header, 157, link);
        Ascii(header, 257, "ustar\000");
        Ascii(header, 148, "        ");
        Ascii(header, 148, Convert.ToString(header.Sum(one => one), 8).PadLeft(6, '0') + "\0 ");
        _parts.AddRange([header, data, new byte[(512 - (data.Length % 512)) % 512]]);
        _files.Add((name, data));
        return this;
    }

    /// <summary>A manifest of everything so far, as ovftool (SHA256) or VirtualBox ("SHA1 (name) = ") write it.</summary>
    public OvaBuilder Manifest(string name, string algorithm = "SHA256", string form = "{0}({1})= {2}\n")
    {
#pragma warning disable CA5350 // What exporters of before 2015 wrote.
        return Add(name, string.Concat(_files.Select(file => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, algorithm, file.Name, Convert.ToHexStringLower(algorithm switch
        {
            "SHA1" => SHA1.HashData(file.Data),
            "SHA256" => SHA256.HashData(file.Data),
            _ => SHA512.HashData(file.Data),
        })))));
#pragma warning restore CA5350
    }

    public byte[] End() => [.. _parts.SelectMany(part => part), .. new byte[1024]];

    private static void Ascii(byte[] target, int at, string text) => Encoding.ASCII.GetBytes(text).CopyTo(target, at);
}
