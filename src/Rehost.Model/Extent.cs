namespace Rehost.Model;

/// <summary>What a stretch of a device holds.</summary>
public enum ExtentKind
{
    /// <summary>Stored bytes; they may still all be zero.</summary>
    Data,

    /// <summary>Explicitly zero: reads as zeros and nothing is stored.</summary>
    Zero,

    /// <summary>Never written: reads as zeros; a file system or backing file may give it a meaning.</summary>
    Hole,
}

/// <summary>A contiguous stretch of a device's content.</summary>
/// <param name="Offset">First byte, in the device's own content.</param>
/// <param name="Length">Bytes; greater than zero.</param>
/// <param name="Kind">What it holds.</param>
public readonly record struct Extent(long Offset, long Length, ExtentKind Kind)
{
    /// <summary>The byte after the last one.</summary>
    public long End => Offset + Length;
}

/// <summary>A contiguous range of bytes.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>The byte after the last one.</summary>
    public long End => Offset + Length;
}
