namespace Rehost.Testing;

/// <summary>A directory for one test, removed with it.</summary>
public sealed class ScratchDirectory : IDisposable
{
    /// <summary>Makes the directory below the system's temporary folder.</summary>
    public ScratchDirectory() => Path = Directory.CreateTempSubdirectory("rehost-test-").FullName;

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>A path inside it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
