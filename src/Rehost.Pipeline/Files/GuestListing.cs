using System.Security.Cryptography;
using Rehost.FileSystems;

namespace Rehost.Pipeline.Files;

/// <summary>A file and how deep below the start of a walk it lies.</summary>
/// <param name="File">The file.</param>
/// <param name="Level">0 for the start itself.</param>
public sealed record ListedFile(GuestFile File, int Level);

/// <summary>Lists files.</summary>
public static class GuestListing
{
    private const int BufferSize = 256 << 10;

    /// <summary>What is in a directory, sorted by name; a file is listed itself.</summary>
    /// <exception cref="Model.DiagnosticException">Nothing is there.</exception>
    public static IEnumerable<ListedFile> List(GuestFiles guest, string path, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(path);
        var isDirectory = guest.Tree.Resolve(path).Kind == NodeKind.Directory;
        return TreeWalk.Run(guest.Tree, path, 1, cancellationToken).Where(item => !isDirectory || item.Level == 1).Select(item => new ListedFile(GuestFile.Of(item.Node), item.Level));
    }

    /// <summary>A directory and everything below it, each directory before what is in it.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="path">Where to start.</param>
    /// <param name="depth">Levels below the start.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    /// <exception cref="Model.DiagnosticException">Nothing is there, or the tree has no end (FLE007).</exception>
    public static IEnumerable<ListedFile> Walk(GuestFiles guest, string path, int depth, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(path);
        return TreeWalk.Run(guest.Tree, path, depth, cancellationToken).Select(item => new ListedFile(GuestFile.Of(item.Node), item.Level));
    }

    /// <summary>Hashes the content of every regular file below a directory, or of one file.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="path">Where to start.</param>
    /// <param name="depth">Levels below the start.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="Model.DiagnosticException">Nothing is there, or the guest is damaged.</exception>
    public static IEnumerable<HashedFile> Hash(GuestFiles guest, string path, int depth, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(path);
        return HashLazily(guest, path, depth, cancellationToken);
    }

    private static IEnumerable<HashedFile> HashLazily(GuestFiles guest, string path, int depth, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferSize];
        foreach (var (node, _) in TreeWalk.Run(guest.Tree, path, depth, cancellationToken).Where(item => item.Node.Kind == NodeKind.File))
        {
            for (long offset = 0; offset < node.Metadata.Length && node.FileSystem.Read(node.Node, offset, buffer) is var count and > 0; offset += count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, count);
            }

            yield return new HashedFile(node.Path, node.Metadata.Length, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
    }
}
