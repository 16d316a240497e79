namespace Rehost.Testing;

/// <summary>Something mounted for the length of a test; needs root.</summary>
public sealed class Mounted : IDisposable
{
    private const int Attempts = 40;
    private readonly string _what;
    private readonly string _directory;

    /// <summary>Mounts.</summary>
    /// <param name="what">Image or device.</param>
    /// <param name="directory">Where; must exist.</param>
    /// <param name="arguments">Further arguments of mount(8).</param>
    public Mounted(string what, string directory, params string[] arguments)
    {
        Tool.MustRun("mount", [.. arguments, what, directory]);
        (_what, _directory) = (Path.GetFullPath(what), directory);
    }

    /// <summary>
    /// Unmounts. A process that another test starts just now may hold an inherited file for a moment, so this is tried for a while; and the kernel lets go of a loop device
    /// some time after the mount: until then mount(8) takes the old one, read-only as it may be, for the next mount of the same image.
    /// </summary>
    public void Dispose()
    {
        Retry(() => Tool.Run("umount", _directory) is { ExitCode: not 0 } refused ? $"umount {_directory}: {refused.Error}" : null);
        Retry(() => HasLoopDevice() ? $"{_what} still has a loop device" : null);
    }

    private static void Retry(Func<string?> attempt)
    {
        for (var left = Attempts; attempt() is { } problem; left--)
        {
            if (left == 0)
            {
                throw new InvalidOperationException(problem);
            }

            Thread.Sleep(250);
        }
    }

    private bool HasLoopDevice() => Directory.GetDirectories("/sys/block", "loop*").Any(device => Backing(Path.Combine(device, "loop/backing_file")) == _what);

    private static string? Backing(string file)
    {
        try
        {
            return File.ReadAllText(file).TrimEnd('\n');
        }
        catch (IOException)
        {
            return null; // not in use, or no longer
        }
    }
}
