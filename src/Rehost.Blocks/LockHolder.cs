using System.Globalization;

namespace Rehost.Blocks;

/// <summary>Says which process holds the lock of a file: /proc/locks (proc(5)) lists them by inode.</summary>
internal static class LockHolder
{
    /// <summary>The process; null when nobody holds it, or the system does not tell.</summary>
    public static int? Find(string path)
    {
        try
        {
            var number = HostFileCalls.GetFileNumber(path).ToString(CultureInfo.InvariantCulture);
            foreach (var line in File.ReadLines("/proc/locks"))
            {
                // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words.Length >= 6 && words[1] == "FLOCK" && words[5].Split(':') is [_, _, var inode] && inode == number && int.TryParse(words[4], CultureInfo.InvariantCulture, out var process) && process > 0)
                {
                    return process;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A system without /proc: then the lock holds as well, and has no name.
        }

        return null;
    }
}
