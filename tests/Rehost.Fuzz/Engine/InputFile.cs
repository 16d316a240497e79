using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Rehost.Fuzz.Engine;

/// <summary>Inputs in files: as they are, or compressed when that is much smaller.</summary>
internal static class InputFile
{
    private const string Compressed = ".gz";

    public static byte[] Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (!path.EndsWith(Compressed, StringComparison.Ordinal))
        {
            return bytes;
        }

        using var packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var content = new MemoryStream();
        packed.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Writes an input; the name gets the end that says how.</summary>
    public static string Write(string directory, string name, byte[] content)
    {
        Directory.CreateDirectory(directory);
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            stream.Write(content);
        }

        var isPacked = content.Length > 4096 && packed.Length < content.Length / 2;
        var path = Path.Combine(directory, name + (isPacked ? ".bin" + Compressed : ".bin"));
        File.WriteAllBytes(path, isPacked ? packed.ToArray() : content);
        return path;
    }

    /// <summary>A short name for a text.</summary>
    public static string NameOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..12];
}
