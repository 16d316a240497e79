namespace Rehost.FileSystems.Ext;

/// <summary>What a stretch of a file's blocks is.</summary>
internal enum RunKind
{
    /// <summary>Nothing is allocated; reads as zeros.</summary>
    Hole,

    /// <summary>Allocated and written.</summary>
    Data,

    /// <summary>Allocated and never written; reads as zeros.</summary>
    Unwritten,
}

/// <summary>A stretch of a file's blocks that lie next to each other on the device.</summary>
/// <param name="Logical">First block, counted from the start of the file.</param>
/// <param name="Physical">First block on the device; 0 for a hole.</param>
/// <param name="Count">Blocks.</param>
/// <param name="Kind">What it is.</param>
internal readonly record struct BlockRun(ulong Logical, ulong Physical, ulong Count, RunKind Kind)
{
    internal ulong LogicalEnd => Logical + Count;

    internal ulong PhysicalEnd => Physical + Count;
}
