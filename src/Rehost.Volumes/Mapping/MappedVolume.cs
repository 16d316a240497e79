using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mapping;

/// <summary>
/// A volume made of stretches of the devices below it, each stretch kept once or in several equal copies. Derived classes say where a byte lies; reading, writing,
/// extents and the way back down follow from that. The devices below belong to someone else.
/// </summary>
internal abstract class MappedVolume(string name, long length) : IMappedVolume
{
    public long Length => length;

    public abstract bool CanWrite { get; }

    /// <summary>How often each byte is kept.</summary>
    protected virtual int Copies => 1;

    protected string Name => name;

    /// <summary>What a stretch without a device is said to hold.</summary>
    protected virtual ExtentKind MissingKind => ExtentKind.Data;

    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, length, name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var piece = Readable(position, buffer.Length);
            if (piece.Device is { } device)
            {
                device.Read(new GuestOffset(piece.Offset), buffer[..(int)piece.Length]);
            }
            else
            {
                ReadMissing(position, buffer[..(int)piece.Length]);
            }

            position += piece.Length;
            buffer = buffer[(int)piece.Length..];
        }
    }

    public virtual void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        Demand(offset, data.Length);
        var position = offset.Value;
        while (!data.IsEmpty)
        {
            var count = 0L;
            for (var copy = 0; copy < Copies; copy++)
            {
                var piece = Locate(position, data.Length, copy);
                count = piece.Length;
                piece.Device?.Write(new GuestOffset(piece.Offset), data[..(int)count]);
            }

            position += count;
            data = data[(int)count..];
        }
    }

    public virtual void WriteZeros(GuestOffset offset, long length)
    {
        Demand(offset, length);
        var position = offset.Value;
        while (length > 0)
        {
            var count = 0L;
            for (var copy = 0; copy < Copies; copy++)
            {
                var piece = Locate(position, length, copy);
                count = piece.Length;
                piece.Device?.WriteZeros(new GuestOffset(piece.Offset), count);
            }

            position += count;
            length -= count;
        }
    }

    public abstract void Flush();

    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        return ExtentSequence.Coalesce(JoinExtents(offset.Value, length));
    }

    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        if (length == 0)
        {
            return null;
        }

        var piece = Readable(offset.Value, length);
        return piece.Device?.FindStored(new GuestOffset(piece.Offset), piece.Length);
    }

    public virtual IEnumerable<BackingRange> MapDown(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, name);
        return MapPieces(offset.Value, length);
    }

    /// <summary>Nothing: the devices below belong to someone else.</summary>
    public void Dispose()
    {
    }

    /// <summary>Where the first stretch of a range lies.</summary>
    /// <param name="offset">First byte of the range, inside the volume.</param>
    /// <param name="length">Bytes of the range; the answer is no longer.</param>
    /// <param name="copy">Which copy, from 0.</param>
    protected abstract Piece Locate(long offset, long length, int copy);

    /// <summary>Whether a copy of the stretch at an offset may be read; a leg that is still being filled may only be written.</summary>
    protected virtual bool IsReadable(in Piece piece) => piece.Device is not null;

    /// <summary>What is read where no device holds the bytes.</summary>
    protected virtual void ReadMissing(long offset, Span<byte> buffer)
        => throw VolumeDiagnostics.NothingReadable.ToException($"no copy of the bytes from {offset} on is there", name);

    protected void Demand(GuestOffset offset, long length)
    {
        if (!CanWrite)
        {
            throw BlockDiagnostics.ReadOnly.ToException("this volume can only be read", name);
        }

        BlockDiagnostics.CheckRange(offset, length, Length, name);
    }

    private Piece Readable(long offset, long length)
    {
        var piece = default(Piece);
        for (var copy = 0; copy < Copies; copy++)
        {
            piece = Locate(offset, length, copy);
            if (IsReadable(piece))
            {
                return piece;
            }
        }

        return piece with { Device = null };
    }

    private IEnumerable<Extent> JoinExtents(long offset, long length)
    {
        while (length > 0)
        {
            var piece = Readable(offset, length);
            if (piece.Device is { } device)
            {
                var shift = offset - piece.Offset;
                foreach (var extent in device.GetExtents(new GuestOffset(piece.Offset), piece.Length))
                {
                    yield return extent with { Offset = extent.Offset + shift };
                }
            }
            else
            {
                yield return new Extent(offset, piece.Length, MissingKind);
            }

            offset += piece.Length;
            length -= piece.Length;
        }
    }

    private IEnumerable<BackingRange> MapPieces(long offset, long length)
    {
        while (length > 0)
        {
            var count = 0L;
            for (var copy = 0; copy < Copies; copy++)
            {
                var piece = Locate(offset, length, copy);
                count = piece.Length;
                if (piece.Device is { } device)
                {
                    yield return new BackingRange(device, new GuestOffset(piece.Offset), count);
                }
            }

            offset += count;
            length -= count;
        }
    }
}
