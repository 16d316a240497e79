using Rehost.Volumes.Luks;

namespace Rehost.Pipeline.Sources;

/// <summary>Reads the keys of encrypted volumes.</summary>
internal static class KeyReader
{
    /// <summary>cryptsetup reads no more than 8 MiB of a key file.</summary>
    private const int MaximumLength = 8 << 20;

    /// <summary>Reads every key.</summary>
    /// <param name="request">Names the keys.</param>
    /// <param name="ask">Asks a person for a passphrase; null where nobody can be asked.</param>
    /// <exception cref="Rehost.Model.DiagnosticException">A key file cannot be read, or nobody can be asked (PIP002).</exception>
    public static VolumeKeys Read(SourceRequest request, Func<KeySource, byte[]>? ask)
    {
        var keys = new VolumeKeys();
        try
        {
            foreach (var source in request.Keys)
            {
                keys.Add(source.Volume, source.Path is { } path ? ReadFile(path)
                    : ask?.Invoke(source) ?? throw PipelineDiagnostics.BadOption.ToException("there is nobody to ask for a passphrase; use file:PATH", "--key"));
            }

            return keys;
        }
        catch
        {
            keys.Dispose();
            throw;
        }
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return new FileInfo(path).Length <= MaximumLength ? File.ReadAllBytes(path) : throw PipelineDiagnostics.BadOption.ToException($"a key file has {MaximumLength} bytes at most", path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PipelineDiagnostics.BadOption.ToException($"the key file cannot be read: {e.Message}", path, e);
        }
    }
}
