namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Blocks of a group that follow one another.</summary>
internal readonly record struct Run(uint Start, uint Count)
{
    internal uint End => Start + Count;
}
