namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>GRUB's files in a directory of this machine.</summary>
/// <param name="directory">Such as /usr/lib/grub/i386-pc.</param>
public sealed class HostGrubFiles(string directory) : IGrubFiles
{
    /// <inheritdoc/>
    public string Description => directory;

    /// <inheritdoc/>
    public bool Exists(string name) => GrubFileLimits.IsPlainName(name) && File.Exists(Path.Combine(directory, name));

    /// <inheritdoc/>
    public byte[] Read(string name)
    {
        var path = Path.Combine(directory, name);
        if (!Exists(name))
        {
            throw GrubDiagnostics.FileMissing.ToException("no such file", path);
        }

        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > GrubFileLimits.MaximumBytes)
            {
                throw GrubDiagnostics.FileMalformed.ToException($"{file.Length} bytes; {GrubFileLimits.MaximumBytes} at most are believed", path);
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw GrubDiagnostics.FileMissing.ToException(e.Message, path, e);
        }
    }
}
