namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Where a stretch of a disk is.</summary>
/// <param name="Kind">How it is stored.</param>
/// <param name="Length">Bytes of it; greater than zero.</param>
/// <param name="FileOffset">First byte in the container file, for stored ones; checked to lie in the file with all of the run.</param>
internal readonly record struct BlockRun(BlockRunKind Kind, long Length, long FileOffset = 0);

/// <summary>How a stretch of a disk is stored.</summary>
internal enum BlockRunKind
{
    /// <summary>Not in this image: the parent has it, or nobody and it is zero.</summary>
    Absent,

    /// <summary>Marked as zeros; hides the parent.</summary>
    Zero,

    /// <summary>Byte for byte in the file.</summary>
    Stored,
}
