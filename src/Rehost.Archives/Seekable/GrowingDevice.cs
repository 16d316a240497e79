using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Archives.Seekable;

/// <summary>What compressed contents have in common: they are only read, and their zero pieces are known.</summary>
public abstract class GrowingDevice : IGrowingDevice
{
    private protected const int PieceSize = PieceMap.PieceSize;
    private readonly IBlockDevice _file;
    private readonly bool _ownsFile;

    private protected GrowingDevice(IBlockDevice file, string name, bool ownsFile)
    {
        _file = file;
        _ownsFile = ownsFile;
        Name = name;
    }

    /// <inheritdoc/>
    public long Length { get; private protected set; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public bool IsComplete { get; private protected set; }

    /// <inheritdoc/>
    public abstract long CompressedPosition { get; }

    /// <inheritdoc/>
    public virtual long ScratchBytes => 0;

    private protected string Name { get; }

    private protected IBlockDevice File => _file;

    private protected PieceMap Pieces { get; } = new();

    private protected Lock Gate { get; } = new();

    /// <inheritdoc/>
    public abstract bool Grow(long length, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        var position = offset.Value;
        while (!buffer.IsEmpty)
        {
            var piece = position / PieceSize;
            var within = (int)(position % PieceSize);
            var part = buffer[..Math.Min(buffer.Length, PieceSize - within)];
            if (Pieces.IsZero(piece))
            {
                part.Clear();
            }
            else
            {
                ReadPiece(piece, within, part);
            }

            position += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("compressed content is only read", Name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("compressed content is only read", Name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return ExtentSequence.Coalesce(WalkPieces(offset.Value, offset.Value + length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads a part of a piece that is not zero. Called from several threads.</summary>
    private protected abstract void ReadPiece(long piece, int within, Span<byte> buffer);

    /// <summary>Closes what the content is read from.</summary>
    private protected virtual void Dispose(bool disposing)
    {
        if (_ownsFile)
        {
            _file.Dispose();
        }
    }

    private IEnumerable<Extent> WalkPieces(long position, long end)
    {
        while (position < end)
        {
            var stop = Math.Min(end, (position / PieceSize * PieceSize) + PieceSize);
            yield return new Extent(position, stop - position, Pieces.IsZero(position / PieceSize) ? ExtentKind.Zero : ExtentKind.Data);
            position = stop;
        }
    }
}
