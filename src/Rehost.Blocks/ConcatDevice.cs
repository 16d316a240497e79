using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Several devices, one after another, as one: a new partition table and boot gap before a file system that came without them.</summary>
public sealed class ConcatDevice : IBlockDevice
{
    private const string Name = "joined devices";
    private readonly ImmutableArray<IBlockDevice> _parts;
    private readonly long[] _starts;
    private readonly bool _ownsParts;

    /// <summary>Joins devices.</summary>
    /// <param name="parts">The devices in order; empty ones are allowed.</param>
    /// <param name="ownsParts">Whether they are disposed with this device.</param>
    public ConcatDevice(IReadOnlyList<IBlockDevice> parts, bool ownsParts = false)
    {
        ArgumentNullException.ThrowIfNull(parts);
        _parts = [.. parts.Where(part => part.Length > 0)];
        _starts = new long[_parts.Length];
        _ownsParts = ownsParts;
        CanWrite = _parts.All(part => part.CanWrite);
        for (var i = 0; i < _parts.Length; i++)
        {
            _starts[i] = Length;
            Length += _parts[i].Length;
        }

        if (ownsParts)
        {
            foreach (var empty in parts.Where(part => part.Length == 0))
            {
                empty.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <summary>Whether every part can be written.</summary>
    public bool CanWrite { get; }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        while (!buffer.IsEmpty)
        {
            var (part, within, count) = Locate(offset.Value, buffer.Length);
            part.Read(within, buffer[..(int)count]);
            offset += count;
            buffer = buffer[(int)count..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, Name);
        while (!data.IsEmpty)
        {
            var (part, within, count) = Locate(offset.Value, data.Length);
            part.Write(within, data[..(int)count]);
            offset += count;
            data = data[(int)count..];
        }
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        while (length > 0)
        {
            var (part, within, count) = Locate(offset.Value, length);
            part.WriteZeros(within, count);
            offset += count;
            length -= count;
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        foreach (var part in _parts.Where(part => part.CanWrite))
        {
            part.Flush();
        }
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        if (length == 0)
        {
            return null;
        }

        var (part, within, count) = Locate(offset.Value, length);
        return part.FindStored(within, count);
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return ExtentSequence.Coalesce(JoinExtents(offset, length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsParts)
        {
            foreach (var part in _parts)
            {
                part.Dispose();
            }
        }
    }

    private IEnumerable<Extent> JoinExtents(GuestOffset offset, long length)
    {
        while (length > 0)
        {
            var (part, within, count) = Locate(offset.Value, length);
            var shift = offset - within;
            foreach (var extent in part.GetExtents(within, count))
            {
                yield return extent with { Offset = extent.Offset + shift };
            }

            offset += count;
            length -= count;
        }
    }

    private (IBlockDevice Part, GuestOffset Within, long Count) Locate(long offset, long length)
    {
        var found = Array.BinarySearch(_starts, offset);
        var index = found >= 0 ? found : ~found - 1;
        var within = offset - _starts[index];
        return (_parts[index], new GuestOffset(within), Math.Min(length, _parts[index].Length - within));
    }
}
