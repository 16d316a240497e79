using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>A device in memory: a partition table about to be written, a test image.</summary>
/// <param name="content">The bytes; the device uses this array itself.</param>
/// <param name="canWrite">Whether writes are accepted.</param>
public sealed class MemoryDevice(byte[] content, bool canWrite = true) : IBlockDevice
{
    /// <inheritdoc/>
    public long Length => content.Length;

    /// <inheritdoc/>
    public bool CanWrite => canWrite;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Content => content;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, "memory");
        content.AsSpan((int)offset.Value, buffer.Length).CopyTo(buffer);
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Demand(offset, data.Length);
        data.CopyTo(content.AsSpan((int)offset.Value));
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        Demand(offset, length);
        content.AsSpan((int)offset.Value, (int)length).Clear();
    }

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, "memory");
        return length == 0 ? [] : [new Extent(offset.Value, length, ExtentKind.Data)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void Demand(GuestOffset offset, long length)
    {
        if (!canWrite)
        {
            throw BlockDiagnostics.ReadOnly.ToException("this device was made read-only", "memory");
        }

        BlockDiagnostics.CheckRange(offset, length, Length, "memory");
    }
}
