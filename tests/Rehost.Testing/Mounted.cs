namespace Rehost.Testing;

/// <summary>Something mounted for the length of a test; needs root.</summary>
public sealed class Mounted : IDisposable
{
    private const int Attempts = 40;
    private readonly string _directory;

    /// <summary>Mounts.</summary>
    /// <param name="what">Image or device.</param>
    /// <param name="directory">Where; must exist.</param>
    /// <param name="arguments">Further arguments of mount(8).</param>
    public Mounted(string what, string directory, params string[] arguments)
    {
        Tool.MustRun("mount", [.. arguments, what, directory]);
        _directory = directory;
    }

    /// <summary>Unmounts. A process that another test starts just now may hold an inherited file for a moment, so this is tried for a while.</summary>
    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = Tool.Run("umount", _directory);
            if (result.ExitCode == 0)
            {
                return;
            }

            if (attempt == Attempts)
            {
                throw new InvalidOperationException($"umount {_directory}: {result.Error}");
            }

            Thread.Sleep(250);
        }
    }
}
