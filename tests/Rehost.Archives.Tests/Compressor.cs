using Rehost.Testing;

namespace Rehost.Archives.Tests;

/// <summary>The field's own compressors.</summary>
internal static class Compressor
{
    public static byte[] Run(string commandLine, byte[] data)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["in"], data);
        Tool.MustRun("sh", "-c", $"{commandLine} < '{scratch["in"]}' > '{scratch["out"]}'");
        return File.ReadAllBytes(scratch["out"]);
    }

    public static CompressionKind KindOf(string commandLine) => commandLine.Split(' ') switch
    {
        ["gzip", ..] => CompressionKind.Gzip,
        ["bzip2", ..] => CompressionKind.Bzip2,
        ["lzma", ..] => CompressionKind.Lzma,
        ["xz", "--format=lzma", ..] => CompressionKind.Lzma,
        ["xz", ..] => CompressionKind.Xz,
        ["lzop", ..] => CompressionKind.Lzo,
        ["lz4", "-l", ..] => CompressionKind.Lz4Legacy,
        ["lz4", ..] => CompressionKind.Lz4,
        ["zstd", ..] => CompressionKind.Zstd,
        _ => throw new ArgumentException(commandLine),
    };
}
