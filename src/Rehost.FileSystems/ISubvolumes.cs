using System.Collections.Immutable;

namespace Rehost.FileSystems;

/// <summary>
/// A file system that holds several trees of files: Btrfs with its subvolumes and snapshots. Its own root is the tree that is mounted when none is asked for; the others
/// are views of the same file system, which stays open as long as they are used.
/// </summary>
public interface ISubvolumes : IFileSystem
{
    /// <summary>All trees: the top level first, then in the order of their ids.</summary>
    ImmutableArray<SubvolumeInfo> Subvolumes { get; }

    /// <summary>A view whose root is another tree. Disposing it does not close the file system.</summary>
    /// <param name="id">As in <see cref="Subvolumes"/>.</param>
    /// <exception cref="Model.DiagnosticException">There is no such tree.</exception>
    IFileSystem OpenSubvolume(ulong id);
}

/// <summary>A subvolume.</summary>
/// <param name="Id">Its number, as subvolid= takes it.</param>
/// <param name="Path">Its path from the top level, as subvol= takes it, without a leading slash; empty for the top level itself.</param>
/// <param name="IsDefault">Whether it is mounted when none is asked for.</param>
/// <param name="IsReadOnly">Whether it is a read-only snapshot.</param>
public sealed record SubvolumeInfo(ulong Id, string Path, bool IsDefault, bool IsReadOnly);
