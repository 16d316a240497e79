using Rehost.Testing;

namespace Rehost.Archives.Tests;

/// <summary>The field's own compressors.</summary>
internal static class Compressor
{
    public static byte[] Run(string commandLine, byte[] data) => Run(commandLine, [data])[0];

    /// <summary>All samples in one shell, since starting processes is what takes the time.</summary>
    public static IReadOnlyList<byte[]> Run(string commandLine, IReadOnlyList<byte[]> samples)
    {
        using var scratch = new ScratchDirectory();
        for (var i = 0; i < samples.Count; i++)
        {
            File.WriteAllBytes(scratch[$"{i}.in"], samples[i]);
        }

        // The redirection goes to the whole pipeline.
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch.Path}'; for f in *.in; do {{ {commandLine}; }} < $f > $f.out; done");
        return [.. Enumerable.Range(0, samples.Count).Select(i => File.ReadAllBytes(scratch[$"{i}.in.out"]))];
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
