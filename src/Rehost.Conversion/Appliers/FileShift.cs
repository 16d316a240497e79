using System.Buffers;
using Rehost.FileSystems;

namespace Rehost.Conversion.Appliers;

/// <summary>Replaces the beginning of a file in place, in flat memory: an initramfs may have hundreds of megabytes.</summary>
internal static class FileShift
{
    private const int ChunkSize = 1 << 20;

    /// <summary>Puts new bytes in the place of the first ones; the rest of the file follows them.</summary>
    /// <param name="file">The file.</param>
    /// <param name="replaced">How many of the first bytes go.</param>
    /// <param name="head">What comes in their place.</param>
    /// <param name="cancellationToken">Stops between chunks; the overlay is to be thrown away then.</param>
    public static void ReplaceHead(GuestNode file, long replaced, ReadOnlySpan<byte> head, CancellationToken cancellationToken)
    {
        var (fileSystem, node, length) = (file.FileSystem, file.Node, file.Metadata.Length);
        var kept = length - replaced;
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            // The side that is overwritten must have been read: from the end when the content moves up, from the start when it moves down.
            for (long done = 0; done < kept && head.Length != replaced;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = (int)Math.Min(ChunkSize, kept - done);
                var position = head.Length > replaced ? kept - done - count : done;
                var chunk = buffer.AsSpan(0, count);
                ReadFully(fileSystem, node, replaced + position, chunk, file.Path);
                fileSystem.Write(node, head.Length + position, chunk);
                done += count;
            }

            fileSystem.Write(node, 0, head);
            fileSystem.SetLength(node, head.Length + kept);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void ReadFully(IFileSystem fileSystem, NodeId node, long offset, Span<byte> buffer, string path)
    {
        while (!buffer.IsEmpty)
        {
            var count = fileSystem.Read(node, offset, buffer);
            if (count <= 0)
            {
                throw ApplyDiagnostics.NotAsSeen.ToException($"the file ended at byte {offset} while it was read", path);
            }

            offset += count;
            buffer = buffer[count..];
        }
    }
}
