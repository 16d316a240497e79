using System.IO.Compression;
using Rehost.Archives;
using Rehost.Conversion.Appliers;

namespace Rehost.Conversion.Initramfs;

/// <summary>
/// Changes the start script of an initramfs. Of the archives in the file (microcode, then the main one) only the one with the script is packed anew, as gzip, which every kernel with an initramfs can unpack, or
/// not at all where it was not; the others keep their bytes.
/// </summary>
internal static class InitramfsRewrite
{
    /// <summary>Unpacked, an initramfs with every driver has a quarter of this.</summary>
    private const long MaximumContent = 1L << 30;

    /// <summary>Makes the new file.</summary>
    /// <param name="file">The file as it is.</param>
    /// <param name="edit">Makes the new archive of the unpacked old one.</param>
    /// <param name="script">Path of the script in the archive.</param>
    /// <param name="where">What to call the file in messages.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static byte[] Apply(byte[] file, string script, Func<byte[], byte[]> edit, string where, CancellationToken cancellationToken)
    {
        var segment = Holding(file, script, where, cancellationToken);
        var packed = file.AsMemory((int)segment.Offset, (int)segment.Length);
        var isRaw = segment.Kind == CompressionKind.None;
        var content = isRaw ? packed.ToArray() : Unpack(segment.Kind, packed, where, cancellationToken);
        var edited = edit(content);
        using var output = new MemoryStream();
        output.Write(file.AsSpan(0, (int)segment.Offset));
        if (isRaw)
        {
            output.Write(edited);
        }
        else
        {
            using var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
            gzip.Write(edited);
        }

        var rest = file.AsSpan((int)(segment.Offset + segment.Length));
        if (rest.ContainsAnyExcept((byte)0))
        {
            // A raw archive that follows must start at a multiple of four, as it did; zeros between archives mean nothing.
            rest = rest[rest.IndexOfAnyExcept((byte)0)..];
            output.Write(new byte[(int)(-output.Length & 3)]);
            output.Write(rest);
        }

        return output.ToArray();
    }

    /// <summary>The last archive that has the script: a later one replaces an earlier one's files.</summary>
    private static InitramfsSegment Holding(byte[] file, string script, string where, CancellationToken cancellationToken)
    {
        var archive = new InitramfsArchive(file, where, MaximumContent);
        var found = -1;
        foreach (var entry in archive.ReadFiles(cancellationToken))
        {
            found = entry.Path == script ? entry.Segment : found;
        }

        return archive.Problem is { } problem ? throw new Model.DiagnosticException(problem)
            : found < 0 || found >= archive.Segments.Count ? throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"no archive in it has the file {script}", where)
            : archive.Segments[found];
    }

    private static byte[] Unpack(CompressionKind kind, ReadOnlyMemory<byte> packed, string where, CancellationToken cancellationToken)
    {
        using var stream = Decompressor.Open(kind, packed, MaximumContent, where: where, cancellationToken: cancellationToken);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
