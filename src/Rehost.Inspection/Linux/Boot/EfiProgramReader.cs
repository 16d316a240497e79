using Rehost.FileSystems;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>Finds the programs that UEFI firmware can start: files .efi in the directories of EFI on the system partition. FAT knows no case.</summary>
internal static class EfiProgramReader
{
    private static readonly string[] Partitions = ["/boot/efi", "/efi", "/boot"];

    /// <summary>Guest paths, sorted.</summary>
    public static IEnumerable<string> Read(GuestReader reader)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var partition in Partitions)
        {
            foreach (var top in Directories(reader, partition).Where(name => name.Equals("EFI", StringComparison.OrdinalIgnoreCase)))
            {
                foreach (var vendor in Directories(reader, $"{partition}/{top}"))
                {
                    var directory = $"{partition}/{top}/{vendor}";
                    found.UnionWith(reader.List(directory).Where(entry => entry.Kind == NodeKind.File && entry.Name.EndsWith(".efi", StringComparison.OrdinalIgnoreCase)).Select(entry => $"{directory}/{entry.Name}"));
                }
            }
        }

        return found;
    }

    private static IEnumerable<string> Directories(GuestReader reader, string path) => reader.List(path).Where(entry => entry.Kind == NodeKind.Directory).Select(entry => entry.Name);
}
