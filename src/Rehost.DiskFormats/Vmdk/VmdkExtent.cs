using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>One extent of a disk: a stretch of it and the file that stores it.</summary>
internal abstract class VmdkExtent : IDisposable
{
    /// <summary>Bytes of the disk.</summary>
    public required long Length { get; init; }

    /// <summary>What to call its file; null for one that stores nothing.</summary>
    public string? Name { get; init; }

    /// <summary>Reads a range within the extent.</summary>
    public abstract void Read(long offset, Span<byte> buffer, VmdkBelow below);

    /// <summary>What it holds, by offsets within the extent; in order and without gaps.</summary>
    public abstract IEnumerable<Extent> GetExtents(long offset, long length, VmdkBelow below);

    /// <summary>Where a range lies byte for byte in a file.</summary>
    public virtual StoredRange? FindStored(long offset, long length, VmdkBelow below) => null;

    public abstract void Dispose();
}
