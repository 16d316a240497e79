using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>NTFS volumes made by mkntfs and filled through ntfs-3g, which needs /dev/fuse.</summary>
internal static class NtfsImages
{
    /// <summary>A volume on a file that was full of junk before.</summary>
    public static void Make(string image, string mkntfs, int mebibytes)
        => Tool.MustRun("sh", "-c", $"rm -f '{image}'; yes stale-junk- | head -c {mebibytes}M > '{image}'; mkntfs -q -F -Q -T -p 63 -H 16 -S 63 {mkntfs} '{image}'");

    /// <summary>Runs a shell script in a mounted volume.</summary>
    public static void Fill(string image, string directory, string script, string options = "")
    {
        Directory.CreateDirectory(directory);
        using (new Mounted(image, directory, "-t", "ntfs-3g", "-o", "streams_interface=xattr,compression,special_files=wsl" + options))
        {
            Tool.MustRun("bash", "-c", $"set -e; export LC_ALL=C.UTF-8; cd '{directory}'; {script}");
        }
    }

    /// <summary>What ntfsfix and ntfsinfo say against a volume; null when it is clean.</summary>
    public static string? FindFault(string image)
    {
        var fix = Tool.Run("ntfsfix", "-n", image);
        if (fix.ExitCode != 0 || fix.Output.Contains("FAILED", StringComparison.Ordinal) || fix.Output.Contains("differ", StringComparison.OrdinalIgnoreCase))
        {
            return $"ntfsfix exits with {fix.ExitCode}:\n{fix.Output}{fix.Error}";
        }

        var info = Tool.Run("ntfsinfo", "-m", image);
        if (info.ExitCode != 0)
        {
            return $"ntfsinfo exits with {info.ExitCode}:\n{info.Output}{info.Error}";
        }

        // Counts the clusters of every file and holds them against the bitmap.
        var resize = Tool.Run("ntfsresize", "--info", "--force", "--no-progress-bar", image);
        return resize.ExitCode == 0 || resize.Output.Contains("Volume is full", StringComparison.Ordinal) ? null : $"ntfsresize exits with {resize.ExitCode}:\n{resize.Output}{resize.Error}";
    }
}
