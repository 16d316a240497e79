using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>SELinux labels of new files. A file without one is unlabeled_t to an enforcing guest, which then may not boot.</summary>
internal static class GuestLabel
{
    /// <summary>The attribute that holds the label.</summary>
    public const string AttributeName = "security.selinux";

    /// <summary>Looking at more neighbours would not change the answer and costs a read each.</summary>
    private const int MaximumNeighbours = 512;

    /// <summary>A label as the kernel stores it, with the closing NUL.</summary>
    public static byte[] Encode(string label) => [.. GuestText.Encode(label.TrimEnd('\0')), 0];

    /// <summary>
    /// The label that most regular files of a directory have (not the first one's, which may be /etc/shadow), the smaller one in a tie; the directory's own when it
    /// has no labelled file; null when that has none either.
    /// </summary>
    public static byte[]? FromNeighbours(GuestNode directory)
    {
        var fileSystem = directory.FileSystem;
        var most = fileSystem.List(directory.Node)
            .Where(entry => entry.Kind == NodeKind.File)
            .Take(MaximumNeighbours)
            .Select(entry => fileSystem.GetExtendedAttributes(entry.Node).GetValueOrDefault(AttributeName))
            .OfType<byte[]>()
            .GroupBy(label => GuestText.Decode(label), StringComparer.Ordinal)
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key, StringComparer.Ordinal)
            .FirstOrDefault();
        return most?.First() ?? fileSystem.GetExtendedAttributes(directory.Node).GetValueOrDefault(AttributeName);
    }
}
