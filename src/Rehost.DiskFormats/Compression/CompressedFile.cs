using Rehost.Archives;
using Rehost.Archives.Seekable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Compression;

/// <summary>Files that were compressed as a whole and are read in place.</summary>
public static class CompressedFile
{
    /// <summary>Opens a gzip file as its content. One pass over it finds the length and the places to go on from, and verifies it.</summary>
    /// <param name="file">The compressed file; owned by what is returned, also when opening fails.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="limit">More content than this is refused: it cannot be what was announced.</param>
    /// <param name="cancellationToken">Stops the pass.</param>
    /// <exception cref="DiagnosticException">It is no gzip file, damaged (ARC…), or larger than allowed (DSK010).</exception>
    public static IBlockDevice OpenGzip(IBlockDevice file, string name, long limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        var content = CompressedContent.Open(CompressionKind.Gzip, file, name, ownsFile: true);
        try
        {
            return content.Grow(limit == long.MaxValue ? limit : limit + 1, cancellationToken)
                ? throw DiskFormatDiagnostics.ContentTooLarge.ToException($"its content has more than {limit} bytes", name)
                : content;
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }
}
