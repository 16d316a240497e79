using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Files;

/// <summary>
/// Edits a guest's files: in overlays first, so that an error in the middle leaves every disk as it was; then written out as a new image, or into the raw disk itself.
/// </summary>
public sealed class FileEditing
{
    private const int BufferSize = 1 << 20;
    private readonly GuestFiles _guest;
    private readonly ImmutableArray<long> _changedBefore;

    /// <summary>Starts to edit.</summary>
    /// <param name="guest">The guest; its overlays take the edits.</param>
    public FileEditing(GuestFiles guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        _guest = guest;

        // Replayed journals reach the overlays here; they do not count as edits of a disk.
        guest.Tree.Flush();
        _changedBefore = ChangedBytes();
    }

    /// <summary>Copies a file, or a directory with everything below it, into the guest.</summary>
    /// <param name="localPath">A file or directory of the host; links in it are copied as links.</param>
    /// <param name="guestPath">Its path in the guest; an existing directory, or a path that ends in a slash, takes it under its own name.</param>
    /// <param name="owner">Owner and group of what is new.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Files, links and directories written.</returns>
    /// <exception cref="DiagnosticException">The local file cannot be read (FLE005), or the guest cannot take it.</exception>
    public int Put(string localPath, string guestPath, (uint Uid, uint Gid) owner, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(localPath);
        ArgumentNullException.ThrowIfNull(guestPath);
        DemandWritable(guestPath);
        var tree = _guest.Tree;
        var intoDirectory = guestPath.EndsWith('/') || tree.TryResolve(guestPath) is { Kind: NodeKind.Directory };
        var top = intoDirectory ? $"{guestPath.TrimEnd('/')}/{Path.GetFileName(Path.GetFullPath(localPath).TrimEnd('/'))}" : guestPath;
        try
        {
            var count = 0;
            var pending = new Stack<(System.IO.FileSystemInfo Local, string Target)>();
            pending.Push((InfoOf(localPath), top));
            while (pending.TryPop(out var next))
            {
                cancellationToken.ThrowIfCancellationRequested();
                PutOne(next.Local, next.Target, owner, cancellationToken);
                count++;
                if (next.Local is DirectoryInfo directory && directory.LinkTarget is null)
                {
                    foreach (var child in directory.EnumerateFileSystemInfos().OrderByDescending(child => child.Name, StringComparer.Ordinal))
                    {
                        pending.Push((child, $"{next.Target}/{child.Name}"));
                    }
                }
            }

            return count;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileDiagnostics.LocalFile.ToException(e.Message, localPath, e);
        }
    }

    /// <summary>Removes a file or link; with <paramref name="recursive"/> also a directory and everything below it.</summary>
    /// <returns>Names removed.</returns>
    /// <exception cref="DiagnosticException">Nothing is there, or it is a directory that holds something (FLE006).</exception>
    public int Remove(string guestPath, bool recursive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guestPath);
        DemandWritable(guestPath);
        var tree = _guest.Tree;
        var top = tree.Resolve(guestPath, followLast: false);
        if (top.Kind != NodeKind.Directory)
        {
            tree.DeleteFile(guestPath);
            return 1;
        }

        if (!recursive && tree.List(top.Path).Any())
        {
            throw FileDiagnostics.NotEmpty.ToException("the directory is not empty", guestPath);
        }

        // What is below a directory comes after it in the walk: backwards, every directory is empty when its turn comes.
        var doomed = TreeWalk.Run(tree, top.Path, int.MaxValue, cancellationToken).Select(item => (item.Node.Path, item.Node.Kind)).ToList();
        for (var i = doomed.Count - 1; i >= 0; i--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (path, kind) = doomed[i];
            if (kind != NodeKind.Directory)
            {
                tree.DeleteFile(path);
            }
            else
            {
                tree.DeleteDirectory(path);
            }
        }

        return doomed.Count;
    }

    /// <summary>Writes the edited disk as a new image, or several into a directory: all of them appear, or none.</summary>
    /// <param name="target">The new image, or the directory.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">Several disks were edited and one image was asked for (FLE003), or the target cannot take it.</exception>
    public void WriteImage(GuestFileTarget target, IProgressSink progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(progress);
        var edited = Edited();
        if (edited.Count > 1 && !target.IsDirectory)
        {
            throw FileDiagnostics.NowhereToWrite.ToException(
                $"{edited.Count} disks were edited ({string.Join(", ", edited.Select(NameOf))}), and one image holds one disk: give a directory that exists, which takes one for each", target.Path);
        }

        var files = new List<CommittedFile>();
        try
        {
            foreach (var index in edited.Count == 0 ? [0] : edited)
            {
                files.Add(CommittedFile.Create(target.PathFor(NameOf(index))));
                WriteDisk(_guest.Overlays[index], files[^1], target, NameOf(index), progress, cancellationToken);
            }

            _guest.Source.EnsureUnchanged();
            files.ForEach(file => file.Commit());
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>Writes what changed into the raw disks themselves.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="DiagnosticException">A disk is no raw file (FLE003), or cannot be written.</exception>
    public long WriteInPlace()
    {
        var edited = Edited();
        foreach (var index in edited)
        {
            if (_guest.Source.Disks[index] is not FileDevice)
            {
                throw FileDiagnostics.NowhereToWrite.ToException("only a raw disk is edited in place; this one is in a container", NameOf(index));
            }
        }

        _guest.Source.EnsureUnchanged();
        var buffer = new byte[BufferSize];
        long written = 0;
        foreach (var index in edited)
        {
            var overlay = _guest.Overlays[index];
            using var disk = FileDevice.OpenReadWrite(((FileDevice)_guest.Source.Disks[index]).Path);
            foreach (var range in overlay.ChangedRanges)
            {
                for (var at = range.Offset; at < range.End;)
                {
                    var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, range.End - at));
                    overlay.Read(new GuestOffset(at), piece);
                    disk.Write(new GuestOffset(at), piece);
                    at += piece.Length;
                    written += piece.Length;
                }
            }

            disk.Flush();
        }

        return written;
    }

    private static void WriteDisk(OverlayDevice content, CommittedFile file, GuestFileTarget target, string deviceName, IProgressSink progress, CancellationToken cancellationToken)
    {
        var name = Path.GetFileName(target.PathFor(deviceName));
        using var writer = target.Format.CreateWriter(file, content.Length, new ImageWriterOptions { IdentitySeed = name });
        var request = new DiskCopyRequest(content, writer) { Mapping = [new MappedRange(0, 0, content.Length)], ChangedRanges = content.ChangedRanges };
        var total = content.GetExtents(GuestOffset.Zero, content.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);
        progress.BeginStage($"Writing {name}", total);
        DiskCopy.Run(request, new ByteProgress(progress.Report), cancellationToken: cancellationToken);
    }

    private static System.IO.FileSystemInfo InfoOf(string path)
    {
        var file = new FileInfo(path);
        return file.LinkTarget is null && Directory.Exists(path) ? new DirectoryInfo(path)
            : file.LinkTarget is not null || file.Exists ? file
            : throw FileDiagnostics.LocalFile.ToException("no such file or directory", path);
    }

    private void PutOne(System.IO.FileSystemInfo local, string target, (uint Uid, uint Gid) owner, CancellationToken cancellationToken)
    {
        var tree = _guest.Tree;
        if (local.LinkTarget is { } link)
        {
            tree.CreateSymbolicLink(target, link, replace: true, new NodeAttributes(0x1FF, owner.Uid, owner.Gid));
            return;
        }

        var attributes = new NodeAttributes((int)local.UnixFileMode & 0xFFF, owner.Uid, owner.Gid);
        if (local is DirectoryInfo)
        {
            tree.CreateDirectories(target, attributes);
            return;
        }

        // Opening a pipe would wait for its other end.
        using var file = FileDevice.OpenReferenced(local.FullName);
        tree.WriteFile(target, Pieces(file, cancellationToken), attributes);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Pieces(FileDevice file, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferSize];
        for (long offset = 0; offset < file.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(buffer.Length, file.Length - offset);
            file.Read(new GuestOffset(offset), buffer.AsSpan(0, count));
            yield return buffer.AsMemory(0, count);
            offset += count;
        }
    }

    private void DemandWritable(string path)
    {
        var node = _guest.Tree.TryResolve(path, followLast: false) ?? _guest.Tree.TryResolve(path[..Math.Max(0, path.TrimEnd('/').LastIndexOf('/'))] + "/");
        if (node?.FileSystem.Info.ReadOnlyReason is { } reason)
        {
            throw FileDiagnostics.ReadOnly.ToException(reason, path);
        }
    }

    private string NameOf(int index) => _guest.Source.Machine.Disks[index].DeviceName;

    private List<int> Edited()
    {
        _guest.Tree.Flush();
        var now = ChangedBytes();
        return [.. Enumerable.Range(0, now.Length).Where(i => now[i] != _changedBefore[i] || (_guest.Source.Disks.Length == 1))];
    }

    private ImmutableArray<long> ChangedBytes() => [.. _guest.Overlays.Select(overlay => overlay.BytesWritten)];
}
