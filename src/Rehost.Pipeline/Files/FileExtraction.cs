using System.Buffers;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>
/// Copies files out of a guest. Everything is made anew under the directory given and nothing that exists is opened, so no name and no link of a guest, however it is
/// made up, can lead a write elsewhere.
/// </summary>
public static class FileExtraction
{
    private const int BufferSize = 1 << 20;

    /// <summary>Writes a file's content to a stream.</summary>
    /// <exception cref="DiagnosticException">There is no such file, or it is damaged.</exception>
    public static void Cat(GuestFiles guest, string path, Stream output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(output);
        var node = guest.Tree.Resolve(path);
        if (node.Kind != NodeKind.File)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"found {node.Kind}, needed {NodeKind.File}", path);
        }

        Copy(node, output, cancellationToken);
    }

    /// <summary>Copies a file, or a directory with everything below it, into a directory of the host.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="path">What to copy; a link there is followed, links below it are copied as links.</param>
    /// <param name="directory">An existing directory of the host.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Files, links and directories made, and device nodes, pipes and sockets left out.</returns>
    /// <exception cref="DiagnosticException">Something is in the way (FLE002), or the guest is damaged.</exception>
    public static (int Copied, int LeftOut) Get(GuestFiles guest, string path, string directory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(directory);
        var top = guest.Tree.Resolve(path);
        var topName = top.Path == "/" ? "root" : LastName(path, top.Path);
        var (copied, leftOut) = (0, 0);
        foreach (var (node, level) in TreeWalk.Run(guest.Tree, path, int.MaxValue, cancellationToken))
        {
            var below = level == 0 ? "" : node.Path[(top.Path == "/" ? 0 : top.Path.Length)..].TrimStart('/');
            var target = Path.Combine(directory, topName, below);
            try
            {
                if (Make(node, target, cancellationToken))
                {
                    copied++;
                }
                else
                {
                    leftOut++;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                throw FileDiagnostics.NotCopied.ToException(e.Message, target, e);
            }
        }

        return (copied, leftOut);
    }

    private static bool Make(GuestNode node, string target, CancellationToken cancellationToken)
    {
        switch (node.Kind)
        {
            case NodeKind.Directory:
                // CreateDirectory is content with one that exists, and with a link to one: both would be somebody else's.
                if (Path.Exists(target) || new FileInfo(target).LinkTarget is not null)
                {
                    throw new IOException("something of this name exists already");
                }

                Directory.CreateDirectory(target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                return true;
            case NodeKind.SymbolicLink:
                File.CreateSymbolicLink(target, node.FileSystem.ReadLink(node.Node));
                return true;
            case NodeKind.File:
                using (var file = new FileStream(target, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    BufferSize = 0,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }))
                {
                    Copy(node, file, cancellationToken);
                }

                SetMode(target, node.Metadata.Permissions);
                File.SetLastWriteTimeUtc(target, node.Metadata.Modified.UtcDateTime);
                return true;
            default:
                return false;
        }
    }

    // Not the guest's set-id bits: a program of the guest must not gain rights here. Nor may others write to what was copied out, whatever they might do in the guest.
    private static void SetMode(string target, int permissions)
    {
        try
        {
            File.SetUnixFileMode(target, ((UnixFileMode)permissions & (UnixFileMode)0x1ED) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // FAT and its like keep no modes: the file is as its mount makes all of them.
        }
    }

    private static void Copy(GuestNode node, Stream output, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (long offset = 0; offset < node.Metadata.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = node.FileSystem.Read(node.Node, offset, buffer.AsSpan(0, BufferSize));
                if (count <= 0)
                {
                    break;
                }

                // A hole of the guest becomes one here, or a sparse file of 16 TiB would fill the host.
                if (output is FileStream file && !buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
                {
                    file.SetLength(file.Length + count);
                    file.Position = file.Length;
                }
                else
                {
                    output.Write(buffer, 0, count);
                }

                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string LastName(string given, string canonical)
    {
        var name = given.TrimEnd('/').Split('/')[^1];
        return name is "" or "." or ".." ? canonical[(canonical.LastIndexOf('/') + 1)..] : name;
    }
}
