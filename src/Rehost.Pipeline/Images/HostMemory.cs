namespace Rehost.Pipeline.Images;

/// <summary>What counts as large on this machine.</summary>
internal static class HostMemory
{
    /// <summary>Whether copying so many bytes through the page cache would push out what the machine works with.</summary>
    public static bool IsLarge(long bytes) => bytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
}
