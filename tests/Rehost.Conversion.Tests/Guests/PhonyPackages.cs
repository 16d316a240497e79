using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Rehost.Archives;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Packages with the same bytes each time, which rpmbuild and dpkg-deb do not make.</summary>
internal static class PhonyPackages
{
    /// <summary>An rpm of these files; a path that ends with a slash is a directory.</summary>
    public static byte[] Rpm(string name, string version, string release, string architecture, params (string Path, byte[] Content, int Permissions)[] files)
    {
        using var plain = new MemoryStream();
        var writer = new CpioWriter(plain);
        foreach (var (path, content, permissions) in files)
        {
            writer.AddFile(path.TrimStart('/'), content, permissions);
        }

        writer.Finish(4);
        using var output = new MemoryStream();
        var lead = new byte[96];
        ((byte[])[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1]).CopyTo(lead, 0);
        lead[79] = 5;
        output.Write(lead);
        output.Write(Header());
        output.Write(Header((1000, name), (1001, version), (1002, release), (1022, architecture), (1024, "new-kernel-pkg --install"), (1124, "cpio"), (1125, "gzip")));
        using (var gzip = new GZipStream(output, CompressionLevel.NoCompression, leaveOpen: true))
        {
            gzip.Write(plain.ToArray());
        }

        return output.ToArray();
    }

    /// <summary>A deb of these files.</summary>
    public static byte[] Deb(string name, string version, string architecture, params (string Path, byte[] Content, int Permissions)[] files)
    {
        using var output = new MemoryStream();
        output.Write("!<arch>\n"u8);
        Member(output, "debian-binary", "2.0\n"u8);
        Member(output, "control.tar", Tar(("./control", Encoding.ASCII.GetBytes($"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"), 0x1A4), ("./postinst", "#!/bin/sh\n"u8.ToArray(), 0x1ED)));
        Member(output, "data.tar", Tar(files));
        return output.ToArray();
    }

    private static byte[] Header(params (int Tag, string Text)[] tags)
    {
        using var store = new MemoryStream();
        var index = new byte[tags.Length * 16];
        for (var i = 0; i < tags.Length; i++)
        {
            var entry = index.AsSpan(i * 16);
            BinaryPrimitives.WriteInt32BigEndian(entry, tags[i].Tag);
            BinaryPrimitives.WriteInt32BigEndian(entry[4..], 6);
            BinaryPrimitives.WriteInt32BigEndian(entry[8..], (int)store.Length);
            BinaryPrimitives.WriteInt32BigEndian(entry[12..], 1);
            store.Write(Encoding.ASCII.GetBytes(tags[i].Text + "\0"));
        }

        byte[] intro = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(intro.AsSpan(8), tags.Length);
        BinaryPrimitives.WriteInt32BigEndian(intro.AsSpan(12), (int)store.Length);
        return [.. intro, .. index, .. store.ToArray()];
    }

    private static void Member(MemoryStream output, string name, ReadOnlySpan<byte> content)
    {
        output.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name,-16}{0,-12}{0,-6}{0,-6}{100644,-8}{content.Length,-10}`\n")));
        output.Write(content);
        output.Write(new byte[content.Length & 1]);
    }

    private static byte[] Tar(params (string Path, byte[] Content, int Permissions)[] files)
    {
        using var output = new MemoryStream();
        foreach (var (path, content, permissions) in files)
        {
            var header = new byte[512];
            Encoding.ASCII.GetBytes(path).CopyTo(header, 0);
            Octal(header, 100, 8, permissions);
            Octal(header, 108, 8, 0);
            Octal(header, 116, 8, 0);
            Octal(header, 124, 12, content.Length);
            Octal(header, 136, 12, 0);
            header[156] = (byte)'0';
            "ustar\0"u8.CopyTo(header.AsSpan(257));
            header.AsSpan(148, 8).Fill((byte)' ');
            Octal(header, 148, 7, header.Sum(value => value));
            output.Write(header);
            output.Write(content);
            output.Write(new byte[-content.Length & 511]);
        }

        output.Write(new byte[1024]);
        return output.ToArray();
    }

    private static void Octal(byte[] header, int offset, int width, int value) => Encoding.ASCII.GetBytes(Convert.ToString(value, 8).PadLeft(width - 1, '0')).CopyTo(header, offset);
}
