namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>GRUB's files inside the guest.</summary>
/// <param name="directory">The guest directory, such as /usr/lib/grub/i386-pc.</param>
/// <param name="getLength">Bytes of a guest file by absolute path; null when there is no such regular file.</param>
/// <param name="read">Content of a guest file by absolute path; called only for files that exist and are not too large.</param>
public sealed class GuestGrubFiles(string directory, Func<string, long?> getLength, Func<string, byte[]> read) : IGrubFiles
{
    /// <inheritdoc/>
    public string Description => $"the guest's {directory}";

    /// <inheritdoc/>
    public bool Exists(string name) => GrubFileLimits.IsPlainName(name) && getLength($"{directory}/{name}") is not null;

    /// <inheritdoc/>
    public byte[] Read(string name)
    {
        var path = $"{directory}/{name}";
        var length = GrubFileLimits.IsPlainName(name) ? getLength(path) : null;
        return length switch
        {
            null => throw GrubDiagnostics.FileMissing.ToException("no such file in the guest", path),
            > GrubFileLimits.MaximumBytes => throw GrubDiagnostics.FileMalformed.ToException($"{length} bytes; {GrubFileLimits.MaximumBytes} at most are believed", path),
            _ => read(path),
        };
    }
}
