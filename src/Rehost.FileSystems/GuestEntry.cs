namespace Rehost.FileSystems;

/// <summary>One entry of a guest directory. A symbolic link is listed as itself.</summary>
/// <param name="Name">Its name in the directory.</param>
/// <param name="Path">The directory's canonical path and the name.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct GuestEntry(string Name, string Path, NodeKind Kind);
