namespace Rehost.FileSystems.Ntfs;

/// <summary>Windows' targets of links as paths of a guest tree.</summary>
internal sealed class LinkTarget(NtfsVolume volume)
{
    private const int MostComponents = 256;

    internal string Translate(string path, bool isRelative)
    {
        if (isRelative)
        {
            return path.Replace('\\', '/');
        }

        // \??\C:\Users, \??\Volume{GUID}\, also \\?\ and without a prefix
        var rest = path;
        foreach (var prefix in (string[])[@"\??\", @"\\?\", @"\\.\"])
        {
            rest = rest.StartsWith(prefix, StringComparison.Ordinal) ? rest[prefix.Length..] : rest;
        }

        var components = rest.Split('\\', StringSplitOptions.RemoveEmptyEntries);
        var hasDrive = components is [{ Length: 2 } drive, ..] && drive[1] == ':' && char.IsAsciiLetter(drive[0]);
        return hasDrive && FindHere(components.AsSpan(1)) is { } here ? here : "/" + string.Join('/', components);
    }

    /// <summary>The path on this volume, by its stored names; null when it leads nowhere.</summary>
    private string? FindHere(ReadOnlySpan<string> components)
    {
        var names = new List<string>();
        var node = volume.Table.GetNode(FileReference.Root);
        foreach (var component in components)
        {
            if (names.Count == MostComponents || component.Length > WindowsName.LongestName || !node.IsDirectory
                || node.Find(AttributeType.IndexRoot, IndexReader.DirectoryIndex) is null || volume.FindEntry(node, component) is not { } entry)
            {
                return null;
            }

            names.Add(FileName.Parse(entry.Key, node.Where).Name);
            node = volume.Table.GetNode(entry.Reference);
        }

        return "/" + string.Join('/', names);
    }
}
