using Rehost.FileSystems;

namespace Rehost.Pipeline.Files;

/// <summary>A file and how deep below the start of a walk it lies.</summary>
/// <param name="File">The file.</param>
/// <param name="Level">0 for the start itself.</param>
public sealed record ListedFile(GuestFile File, int Level);

/// <summary>Lists files.</summary>
public static class GuestListing
{
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
}
