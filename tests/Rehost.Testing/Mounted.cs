namespace Rehost.Testing;

/// <summary>Something mounted for the length of a test; needs root.</summary>
public sealed class Mounted : IDisposable
{
    private const int Attempts = 40;
    private readonly string _directory;
    private readonly string? _image;

    /// <summary>Mounts.</summary>
    /// <param name="what">Image or device.</param>
    /// <param name="directory">Where; must exist.</param>
    /// <param name="arguments">Further arguments of mount(8).</param>
    public Mounted(string what, string directory, params string[] arguments)
    {
        Tool.MustRun("mount", [.. arguments, what, directory]);
        _directory = directory;
        _image = arguments.Any(argument => argument.Split(',').Contains("loop")) ? what : null;
    }

    /// <summary>Unmounts. A process that another test starts just now may hold an inherited file for a moment, so this is tried for a while.</summary>
    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = Tool.Run("umount", _directory);
            if (result.ExitCode == 0)
            {
                WaitForLoop();
                return;
            }

            if (attempt == Attempts)
            {
                throw new InvalidOperationException($"umount {_directory}: {result.Error}");
            }

            Thread.Sleep(250);
        }
    }

    /// <summary>The loop device goes a moment later; the next mount of the image would take it over, read-only as it may be.</summary>
    private void WaitForLoop()
    {
        for (var attempt = 1; _image is not null && attempt < Attempts && Tool.Run("losetup", "-j", _image).Output.Length > 0; attempt++)
        {
            Thread.Sleep(50);
        }
    }
}
