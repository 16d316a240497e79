namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Kinds of nodes as directory entries say them.</summary>
internal static class XfsTypes
{
    internal static byte FromKind(NodeKind kind) => kind switch
    {
        NodeKind.File => 1,
        NodeKind.Directory => 2,
        NodeKind.CharacterDevice => 3,
        NodeKind.BlockDevice => 4,
        NodeKind.Fifo => 5,
        NodeKind.Socket => 6,
        _ => 7,
    };
}
