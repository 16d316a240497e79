namespace Rehost.Pipeline;

/// <summary>The directory that takes the result. One that was made for a conversion which then failed is removed again.</summary>
internal sealed class OutputDirectory : IDisposable
{
    private readonly bool _isNew;
    private bool _isKept;

    private OutputDirectory(string path, bool isNew)
    {
        Path = path;
        _isNew = isNew;
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Makes the directory unless it is there.</summary>
    /// <exception cref="Model.DiagnosticException">It cannot be made (PIP003).</exception>
    public static OutputDirectory Prepare(string path)
    {
        try
        {
            var full = System.IO.Path.GetFullPath(path);
            var isNew = !Directory.Exists(full);
            if (isNew)
            {
                Directory.CreateDirectory(full, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            }

            return new OutputDirectory(full, isNew);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw PipelineDiagnostics.TargetUnusable.ToException(e.Message, path, e);
        }
    }

    /// <summary>A file in the directory that must not exist yet.</summary>
    /// <exception cref="Model.DiagnosticException">It exists (PIP002).</exception>
    public string NewFile(string name)
    {
        var file = System.IO.Path.Combine(Path, name);
        return System.IO.Path.Exists(file) ? throw PipelineDiagnostics.TargetExists.ToException("it is not overwritten", file) : file;
    }

    /// <summary>The result is complete.</summary>
    public void Keep() => _isKept = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isNew && !_isKept && Directory.Exists(Path) && !Directory.EnumerateFileSystemEntries(Path).Any())
        {
            Directory.Delete(Path);
        }
    }
}
