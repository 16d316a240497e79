using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// Random-access bytes: a disk, a partition, an image in a container. No cursor, so that any number of threads may read at once. Reads and writes are
/// synchronous on spans: parsers stay simple and allocate nothing, and the pipeline gets its concurrency from threads (docs/decisions/0001).
/// Wrappers stack; a wrapper owns the device below it and disposes it, unless it says otherwise.
/// </summary>
public interface IBlockDevice : IDisposable
{
    /// <summary>Content in bytes.</summary>
    long Length { get; }

    /// <summary>Whether <see cref="Write"/>, <see cref="WriteZeros"/> and <see cref="Flush"/> may be called. Sources never can.</summary>
    bool CanWrite { get; }

    /// <summary>Fills the whole buffer. Safe to call from several threads.</summary>
    /// <exception cref="DiagnosticException">The range leaves the device (BLK001), or what stores it is damaged or unreadable.</exception>
    void Read(GuestOffset offset, Span<byte> buffer);

    /// <summary>Writes the whole buffer. One writer at a time.</summary>
    /// <exception cref="DiagnosticException">The range leaves the device (BLK001), the device is read-only (BLK002), or the store cannot take it.</exception>
    void Write(GuestOffset offset, ReadOnlySpan<byte> data);

    /// <summary>Makes a range read as zeros, storing nothing where the device can.</summary>
    /// <exception cref="DiagnosticException">As <see cref="Write"/>.</exception>
    void WriteZeros(GuestOffset offset, long length);

    /// <summary>Makes what was written durable.</summary>
    void Flush();

    /// <summary>
    /// What the device holds in a range: in order, without gaps or overlaps, cut to the range. A device that cannot tell answers one <see cref="ExtentKind.Data"/> extent.
    /// </summary>
    IEnumerable<Extent> GetExtents(GuestOffset offset, long length);

    /// <summary>
    /// Where a range that starts at an offset lies byte for byte in a host file, so that a copy can share its blocks or let the kernel move them. Null
    /// when it does not: compressed, zero, in memory, or the device cannot tell. Safe to call from several threads.
    /// </summary>
    /// <returns>A range of 1 to <paramref name="length"/> bytes; what follows it may lie elsewhere.</returns>
    StoredRange? FindStored(GuestOffset offset, long length) => null;
}
