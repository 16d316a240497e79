using Rehost.FileSystems;

namespace Rehost.Pipeline.Files;

/// <summary>A file of a guest, as a listing shows it.</summary>
/// <param name="Path">Canonical path in the guest.</param>
/// <param name="Type">What it is, as the letter of ls(1): - file, d directory, l link, c and b devices, p pipe, s socket.</param>
/// <param name="Permissions">Permission bits, octal 0000 to 7777.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="Length">Bytes of content.</param>
/// <param name="Modified">Time of last change of content.</param>
/// <param name="LinkTarget">What a symbolic link says; null for everything else.</param>
public sealed record GuestFile(string Path, char Type, int Permissions, uint Uid, uint Gid, long Length, DateTimeOffset Modified, string? LinkTarget)
{
    /// <summary>The last part of the path.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    internal static GuestFile Of(GuestNode node) => new(
        node.Path, Letter(node.Kind), node.Metadata.Permissions, node.Metadata.Uid, node.Metadata.Gid, node.Metadata.Length, node.Metadata.Modified,
        node.Kind == NodeKind.SymbolicLink ? node.FileSystem.ReadLink(node.Node) : null);

    private static char Letter(NodeKind kind) => kind switch
    {
        NodeKind.Directory => 'd',
        NodeKind.SymbolicLink => 'l',
        NodeKind.CharacterDevice => 'c',
        NodeKind.BlockDevice => 'b',
        NodeKind.Fifo => 'p',
        NodeKind.Socket => 's',
        _ => '-',
    };
}
