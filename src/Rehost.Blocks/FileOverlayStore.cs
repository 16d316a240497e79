using Microsoft.Win32.SafeHandles;

namespace Rehost.Blocks;

/// <summary>Overlay pages in an unlinked scratch file.</summary>
internal sealed class FileOverlayStore : OverlayStore
{
    private readonly FileStream _file;
    private readonly string _directory;

    private FileOverlayStore(FileStream file, string directory)
    {
        _file = file;
        _directory = directory;
    }

    private SafeFileHandle Handle => _file.SafeFileHandle;

    /// <summary>Makes the file under a name nobody uses, and unlinks it.</summary>
    public static FileOverlayStore Create(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        for (var attempt = 0; ; attempt++)
        {
            var path = Path.Combine(directory, $".rehost-overlay-{Path.GetRandomFileName()}");
            try
            {
                var file = new FileStream(path, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.ReadWrite,
                    BufferSize = 0,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                });
                File.Delete(path);
                return new FileOverlayStore(file, directory);
            }
            catch (IOException) when (attempt < 100 && Path.Exists(path))
            {
                // In a directory that others write to, nobody can foresee the name; who has taken it keeps it.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw BlockDiagnostics.WriteFailed.ToException($"no scratch file can be made: {e.Message}", directory, e);
            }
        }
    }

    internal override void Read(long position, Span<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = RandomAccess.Read(Handle, buffer, position);
                if (count == 0)
                {
                    throw new EndOfStreamException("the scratch file is shorter than what was written to it");
                }

                position += count;
                buffer = buffer[count..];
            }
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.ReadFailed.ToException($"reading back changed pages: {e.Message}", _directory, e);
        }
    }

    internal override void Write(long position, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(Handle, data, position);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"keeping {data.Length} changed bytes: {e.Message}", _directory, e);
        }
    }

    internal override void Clear()
    {
        try
        {
            RandomAccess.SetLength(Handle, 0);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"emptying the scratch file: {e.Message}", _directory, e);
        }
    }

    private protected override void Dispose(bool disposing) => _file.Dispose();
}
