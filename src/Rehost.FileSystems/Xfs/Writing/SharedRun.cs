namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>struct xfs_refcount_rec: blocks that several files share; or, with the top bit of the start, blocks set aside for copies that were never made.</summary>
internal readonly record struct SharedRun(uint Start, uint Count, uint References)
{
    internal const int Size = 12;
    internal const uint CopyFlag = 1u << 31;

    internal uint End => Start + Count;
}
